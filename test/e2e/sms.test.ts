import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTwilioStandIn } from '../../examples/src/stand-ins/twilio/index.ts';
import {
  ADA,
  BOB,
  codeOf,
  FROM,
  SECRET,
  startTestService,
  type TestService,
} from '../../grafana/src/sms/server/testing/service.ts';
import { grafanaBody, signed } from '../../grafana/src/sms/server/testing/webhook.ts';
import { createGate, type Gate } from '../support/gate.ts';
import { eventually, startTestStack, type TestStack } from '../support/stack.ts';

// The whole SMS service over HTTP: webhooks signed as Grafana signs them → outbox → the twilio package → a stand-in of Twilio that signs its
// callbacks → answers → usage_alerts in the real engine.

const KEY = 'threshold:critical:2026-11:acme';

let stack: TestStack;
let gate: Gate;
let service: TestService;

beforeAll(async () => {
  stack = await startTestStack({ collector: 'none' });
  gate = await createGate(stack.stack.clickhouse.url);
});
afterAll(async () => {
  await gate?.close();
  await stack?.stop();
});
afterEach(async () => {
  await service?.close();
  gate.open = true;
});

const start = (env: Record<string, string> = {}) =>
  startTestService({
    env: {
      CLICKHOUSE_URL: gate.url,
      CLICKHOUSE_USER: stack.stack.clickhouse.user,
      CLICKHOUSE_PASSWORD: stack.stack.clickhouse.password,
      CLICKHOUSE_DATABASE: stack.stack.clickhouse.database,
      ...env,
    },
  });

interface Current {
  status: string;
  acknowledged_by: string;
  acknowledged_how: string;
  texts_sent: number;
  acknowledge_url: string;
  delivered: number;
}

const current = async (key: string): Promise<Current | undefined> =>
  (
    await stack.query<Current>(
      `SELECT status, acknowledged_by, acknowledged_how, texts_sent, acknowledge_url, isNotNull(delivered_at) AS delivered
       FROM usage_alerts_current WHERE alert_key = '${key}'`,
    )
  )[0];

const events = async (key: string): Promise<string[]> =>
  (
    await stack.query<{ said: string }>(
      `SELECT concat(event, if(recipient = '', '', concat(' ', recipient)), if(actor = '', '', concat(' by ', actor)), if(channel = '', '', concat(' ', channel))) AS said
       FROM usage_alerts FINAL WHERE alert_key = '${key}' ORDER BY time, indexOf(['fired', 'escalated', 'queued', 'sent', 'delivered'], toString(event))`,
    )
  ).map(({ said }) => said);

const becomes = (key: string, status: string) =>
  eventually(`${key} is ${status}`, async () => {
    const row = await current(key);
    return row?.status === status ? row : undefined;
  });

describe('the life of an alert', () => {
  test('fired → sent → delivered → escalated → acknowledged by a text → resolved, with a restart in between, is in the ledger', async () => {
    service = await start();
    expect((await service.webhook([{}])).status).toBe(200);
    await service.idle();
    expect(await becomes(KEY, 'firing')).toMatchObject({ texts_sent: 1, delivered: 1 });

    // Nobody answers; the service is away while the time comes, and goes on where it was.
    await service.stopService();
    service.ahead = 16 * 60_000;
    await service.startService();
    await eventually('bob is texted', async () => service.texts().find(({ to }) => to === BOB));
    await service.idle();
    const [first, second] = service.texts();
    expect([first!.to, second!.to, codeOf(second!.body)]).toEqual([ADA, BOB, codeOf(first!.body)]);

    service.ahead += 60_000;
    expect(await service.reply(BOB, `Ok ${codeOf(second!.body)}`)).toMatch(/^Acknowledged/);
    const row = await becomes(KEY, 'acknowledged');
    expect(row).toMatchObject({ acknowledged_by: 'bob', acknowledged_how: 'sms', texts_sent: 2 });
    expect(row.acknowledge_url.startsWith(`${service.url}/a/`)).toBe(true);

    service.ahead += 60_000;
    await service.webhook([{ status: 'resolved' }]);
    await service.idle();
    await becomes(KEY, 'resolved');
    expect(await events(KEY)).toEqual([
      'fired',
      'queued ada',
      'sent ada',
      'delivered ada',
      'escalated bob',
      'queued bob',
      'sent bob',
      'delivered bob',
      'acknowledged by bob sms',
      'resolved',
    ]);
    expect(service.texts()).toHaveLength(2);
    const exported = await stack.query<{ row: string }>('SELECT toJSONString(tuple(*)) AS row FROM usage_alerts');
    expect(exported.map(({ row }) => row).join('') + service.logged.join('')).not.toMatch(/555(1234|5678|0000)/);
  });

  test('while ClickHouse is away texts and answers go on, and their events arrive later, each once', async () => {
    service = await start();
    const key = 'spike:critical:2026-11:away';
    const alert = { client: 'away', type: 'spike', summary: 'Usage is 120% higher than last month' };
    gate.open = false;
    expect((await service.webhook([alert])).status).toBe(200);
    await service.idle();
    expect(await service.reply(ADA, 'ok')).toMatch(/^Acknowledged/);
    await eventually('it was tried', async () => (gate.refused > 0 ? true : undefined));
    const health = (await (await fetch(`${service.url}/healthz`)).json()) as { ok: boolean; eventsWaiting: number };
    expect([health.ok, health.eventsWaiting]).toEqual([true, 5]);
    expect(await current(key)).toBeUndefined();

    // Ends without having been able to write; the file keeps them.
    await service.stopService();
    gate.open = true;
    await service.startService();
    expect(await becomes(key, 'acknowledged')).toMatchObject({ acknowledged_by: 'ada', texts_sent: 1, delivered: 1 });
    expect(await events(key)).toEqual(['fired', 'queued ada', 'sent ada', 'delivered ada', 'acknowledged by ada sms']);

    // The answer to an insert was lost: the same rows again are the same events.
    const writer = new DatabaseSync(service.config.database);
    writer.exec('UPDATE events SET exported_at = NULL');
    writer.close();
    await eventually('written again', async () =>
      service.rows<{ n: number }>('SELECT count(*) AS n FROM events WHERE exported_at IS NULL')[0]!.n === 0
        ? true
        : undefined,
    );
    expect(await events(key)).toHaveLength(5);
  });

  test('a row that ClickHouse does not take keeps no other back', async () => {
    service = await start();
    const writer = new DatabaseSync(service.config.database);
    writer
      .prepare('INSERT INTO events (id, at, alert_key, event, row) VALUES (?, ?, ?, ?, ?)')
      .run('broken', 1, 'k', 'fired', '{"event_id":"no uuid"}');
    writer.close();
    await service.webhook([{ client: 'beside' }]);
    await service.idle();
    await becomes('threshold:critical:2026-11:beside', 'firing');
    expect(service.rows('SELECT id FROM events WHERE exported_at IS NULL')).toEqual([{ id: 'broken' }]);
    expect(service.logged.join('')).toMatch(/does not take this event/);
  });

  test('by the link that the dashboards have', async () => {
    service = await start();
    await service.webhook([{ client: 'linked', name: 'Linked Ltd' }]);
    await service.idle();
    const key = 'threshold:critical:2026-11:linked';
    const { acknowledge_url: url } = await becomes(key, 'firing');
    expect(await (await fetch(`${url}?by=grace`)).text()).toContain('value="grace"');
    expect((await current(key))!.status).toBe('firing');
    await fetch(url, { method: 'POST', body: new URLSearchParams({ by: 'grace', how: 'dashboard' }) });
    expect(await becomes(key, 'acknowledged')).toMatchObject({
      acknowledged_by: 'grace',
      acknowledged_how: 'dashboard',
    });
  });

  test('by the link that the dashboards have, though the alert is open for longer than a link lives', async () => {
    service = await start();
    await service.webhook([{ client: 'open-long', name: 'Open Long Ltd' }]);
    await service.idle();
    const key = 'threshold:critical:2026-11:open-long';
    const { acknowledge_url: first } = await becomes(key, 'firing');
    service.ahead = 8 * 24 * 3_600_000;
    await service.webhook([{ client: 'open-long', name: 'Open Long Ltd' }]);
    await service.idle();
    const answer = await fetch(first, { method: 'POST', body: new URLSearchParams({ by: 'grace' }) });
    expect([answer.status, (await current(key))!.status]).toEqual([410, 'firing']);
    const url = await eventually('the newest link', async () => {
      const newest = (await current(key))?.acknowledge_url;
      return newest === first ? undefined : newest;
    });
    await fetch(url, { method: 'POST', body: new URLSearchParams({ by: 'grace' }), redirect: 'manual' });
    expect(await becomes(key, 'acknowledged')).toMatchObject({ acknowledged_by: 'grace', acknowledged_how: 'link' });
  });
});

test('the process is killed right after it took an alert, and again after the text: nothing is lost, nothing is sent twice unmarked, its links hold', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'client-cost-sms-kill-'));
  const twilio = await createTwilioStandIn({ latencyMs: 150 });
  const env = {
    PATH: process.env.PATH ?? '',
    CLIENT_COST_SMS_PORT: '0',
    CLIENT_COST_SMS_PUBLIC_URL: 'http://alerts.invalid',
    CLIENT_COST_SMS_DATABASE: join(folder, 'outbox.db'),
    CLIENT_COST_SMS_GATHER_MS: '0',
    CLIENT_COST_ALERT_WEBHOOK_SECRET: SECRET,
    CLIENT_COST_ON_CALL: `ada=${ADA}`,
    CLIENT_COST_TWILIO_API_URL: twilio.url,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_PHONE_NUMBER: FROM,
    CLICKHOUSE_URL: gate.url,
    CLICKHOUSE_USER: stack.stack.clickhouse.user,
    CLICKHOUSE_PASSWORD: stack.stack.clickhouse.password,
    CLICKHOUSE_DATABASE: stack.stack.clickhouse.database,
  };
  const children: ChildProcess[] = [];
  const run = async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../grafana/dist/sms/main.js')], { env });
    children.push(child);
    let said = '';
    child.stdout.on('data', (part) => {
      said += String(part);
    });
    const url = await eventually('it listens', async () => /"url":"(http:[^"]+)"/.exec(said)?.[1]);
    return { url, kill: () => void child.kill('SIGKILL'), ended: once(child, 'close') };
  };
  const key = 'threshold:critical:2026-11:killed';
  try {
    const first = await run();
    const body = JSON.stringify(grafanaBody([{ client: 'killed', name: 'Killed Ltd' }]));
    const headers = signed(body, SECRET, Date.now());
    expect((await fetch(`${first.url}/webhooks/grafana`, { method: 'POST', body, headers })).status).toBe(200);
    first.kill();
    await first.ended;
    const second = await run();
    await eventually('the text is at Twilio', async () => (twilio.messages.size > 0 ? true : undefined));
    second.kill();
    await second.ended;
    const third = await run();
    const row = await eventually('it is in the ledger', async () => {
      const found = await current(key);
      return found !== undefined && found.texts_sent > 0 ? found : undefined;
    });
    const bodies = [...twilio.messages.values()].map((message) => String(message.body));
    // Twilio had it when the process died, and its list said so: no second text, or one that says that it may be one.
    expect(bodies.slice(1).every((text) => text.startsWith('(may repeat)'))).toBe(true);
    const link = row.acknowledge_url.replace('http://alerts.invalid', third.url);
    const answer = await fetch(link, {
      method: 'POST',
      body: new URLSearchParams({ by: 'grace' }),
      redirect: 'manual',
    });
    expect(answer.status).toBe(303);
    expect(await becomes(key, 'acknowledged')).toMatchObject({ acknowledged_by: 'grace', acknowledged_how: 'link' });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await twilio.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
});

test('two hundred alerts at once, posted three times over, are one text, each alert once in the ledger', async () => {
  service = await start({ CLIENT_COST_SMS_GATHER_MS: '200' });
  const many = Array.from({ length: 200 }, (_, i) => ({ client: `flood-${i}`, name: `Client ${i}` }));
  const statuses = await Promise.all([many, many, many].map(async (alerts) => (await service.webhook(alerts)).status));
  expect(statuses).toEqual([200, 200, 200]);
  await service.idle();
  expect(service.texts()).toHaveLength(1);
  await eventually('all of them', async () => {
    const [row] = await stack.query<{ n: number }>(
      "SELECT count() AS n FROM usage_alerts_current WHERE client_id LIKE 'flood-%' AND status = 'firing' AND texts_sent = 1",
    );
    return row!.n === 200 ? true : undefined;
  });
  expect(await service.reply(ADA, codeOf(service.texts()[0]!.body))).toMatch(/\+199 more$/);
});

test('the database cannot be written: 503, Grafana repeats, and then nothing is lost', async () => {
  service = await startTestService({ env: { CLIENT_COST_SMS_GATHER_MS: '0' } });
  const lock = new DatabaseSync(service.config.database);
  lock.exec('BEGIN IMMEDIATE');
  const answer = await service.webhook([{}]);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '30']);
  lock.exec('ROLLBACK');
  lock.close();
  expect((await service.webhook([{}])).status).toBe(200);
  await service.idle();
  expect(service.texts()).toHaveLength(1);
});

test('whoever sends slowly is cut off', async () => {
  service = await startTestService();
  const { hostname, port } = new URL(service.url);
  const begun = performance.now();
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname);
    socket.write(
      'POST /webhooks/grafana HTTP/1.1\r\nHost: x\r\nX-Grafana-Alerting-Signature: x\r\nContent-Length: 1000\r\n\r\n{',
    );
    const drip = setInterval(() => socket.writable && socket.write(' '), 500);
    socket.on('data', (part) => (text += part));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(drip);
      resolve(text);
    });
  });
  expect(performance.now() - begun).toBeLessThan(14_000);
  expect(answer).toMatch(/^HTTP\/1\.1 408/);
});
