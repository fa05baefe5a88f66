import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../../../clickhouse/src/cli/program.ts';
import { setClient } from '../../../clickhouse/src/queries/index.ts';
import { freshLedger, startTestEngine, type TestEngine } from '../../../clickhouse/src/queries/testing/ledger.ts';
import { calls, charge, minutesBefore } from './support.ts';

const SECRET = 'a secret between the two';
const NOW = new Date('2026-03-10T12:00:00.000Z');
const TODAY = '2026-03-10';
const MONTH = '2026-03';

interface Received {
  path: string;
  body: string;
  headers: IncomingMessage['headers'];
}

let engine: TestEngine;
let client: ClickHouseClient;
let server: Server;
let url: string;
let received: Received[] = [];
let answer: (response: ServerResponse, count: number) => void;

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'checks');
  await setClient(client, { id: 'acme', name: 'Acme "Inc." ⚠️' });
  await charge(client, [
    ['acme', TODAY, '120.005'],
    ['globex', TODAY, '1'],
  ]);
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString(), headers: request.headers });
    answer(response, received.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/grafana`;
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await engine?.stop();
});
beforeEach(() => {
  received = [];
  answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"fired":1}');
});
afterEach(async () => {
  for (const table of ['usage_alerts', 'usage_events_rejected'])
    await client.command({ query: `TRUNCATE TABLE ${table}` });
});

async function runCommand(argv: string[], env: NodeJS.ProcessEnv = {}, now = NOW) {
  const said = { out: '', err: '' };
  const code = await runCli(argv, {
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    env: {
      CLICKHOUSE_URL: engine.url,
      CLICKHOUSE_DATABASE: 'checks',
      CLIENT_COST_ALERT_WEBHOOK_URL: url,
      CLIENT_COST_ALERT_WEBHOOK_SECRET: SECRET,
      ...env,
    },
    tty: false,
    now: () => now,
  });
  return { code, ...said };
}

const run = (argv: string[], env?: NodeJS.ProcessEnv, now?: Date) => runCommand(['alerts', ...argv], env, now);

interface Webhook {
  receiver: string;
  status: string;
  alerts: {
    status: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
    startsAt: string;
    endsAt: string;
    fingerprint: string;
  }[];
}
const webhook = (index = 0): Webhook => JSON.parse(received[index]!.body) as Webhook;

/** An event of an alert's life as the SMS service writes it. */
async function life(key: string, event: string, time: Date, over: Record<string, string> = {}): Promise<void> {
  const [alert_type = '', severity = '', month = '', client_id = ''] = key.split(':');
  await client.insert({
    table: 'usage_alerts',
    format: 'JSONEachRow',
    values: [
      {
        event_id: crypto.randomUUID(),
        time: time.toISOString().replace('T', ' ').replace('Z', ''),
        alert_key: key,
        event,
        alert_type,
        severity,
        month,
        client_id,
        client_name: client_id === 'acme' ? 'Acme "Inc." ⚠️' : client_id,
        message: `about ${client_id}`,
        ...over,
      },
    ],
  });
}

describe('client-cost alerts check', () => {
  test('posts what fires, signed as Grafana signs', async () => {
    const { code, out, err } = await run(['check']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(received.map(({ path }) => path)).toEqual(['/webhooks/grafana']);
    const { headers, body } = received[0]!;
    const timestamp = String(headers['x-grafana-alerting-timestamp']);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
    expect(headers['x-grafana-alerting-signature']).toBe(
      createHmac('sha256', SECRET).update(`${timestamp}:${body}`).digest('hex'),
    );
    const { receiver, status, alerts } = webhook();
    expect({ receiver, status }).toEqual({ receiver: 'client-cost-check', status: 'firing' });
    const rules = alerts.map(({ labels }) => `${labels.alert_type}:${labels.severity}:${labels.client_id}`);
    expect(rules).toEqual(['threshold:warning:acme', 'threshold:critical:acme', 'anomaly:warning:acme']);
    expect(alerts[1]).toMatchObject({
      status: 'firing',
      labels: {
        alertname: 'Monthly usage over its critical threshold',
        alert_type: 'threshold',
        severity: 'critical',
        client_id: 'acme',
        client_name: 'Acme "Inc." ⚠️',
        month: MONTH,
        route: 'clients',
      },
      annotations: { summary: 'Monthly usage has exceeded $100.00', current_cost: '120.01', threshold: '100.00' },
      endsAt: '0001-01-01T00:00:00Z',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(new Set(alerts.map(({ fingerprint }) => fingerprint)).size).toBe(3);
    expect(out).toContain('critical Acme "Inc." ⚠️ (acme): Monthly usage has exceeded $100.00');
    expect(out).toContain(`2 clients looked at, 3 alerts firing, 0 resolved\n3 alerts told to ${url}`);
  });

  test('ends what was open and is over, with its beginning; leaves alone what still fires or is not its own', async () => {
    const fired = minutesBefore(NOW, 90);
    await life(`threshold:critical:${MONTH}:acme`, 'fired', fired);
    await life(`threshold:warning:${MONTH}:globex`, 'fired', fired);
    await life('spike:warning:2025-01:gone', 'fired', fired);
    await life('pipeline_rejected:warning::', 'fired', fired);
    await life('DatasourceError:critical::', 'fired', fired);
    await life(`threshold:warning:${MONTH}:done`, 'fired', fired);
    await life(`threshold:warning:${MONTH}:done`, 'resolved', minutesBefore(fired, -5));
    const { code, out } = await run(['check']);
    expect(code).toBe(0);
    const ended = webhook().alerts.filter(({ status }) => status === 'resolved');
    expect(ended.map(({ labels }) => labels.client_id).sort()).toEqual(['globex', 'gone']);
    expect(ended[0]).toMatchObject({ startsAt: fired.toISOString(), labels: { route: 'clients' } });
    expect(Date.parse(ended[0]!.endsAt)).toBeGreaterThan(fired.getTime());
    // What fires already has the time since when.
    expect(webhook().alerts.find(({ labels }) => labels.severity === 'critical')?.startsAt).toBe(fired.toISOString());
    expect(received.map(({ path }) => path)).toEqual(['/webhooks/grafana', '/webhooks/grafana/operations']);
    expect(webhook(1)).toMatchObject({
      status: 'resolved',
      alerts: [
        { status: 'resolved', labels: { alert_type: 'pipeline_rejected', route: 'operations', severity: 'warning' } },
      ],
    });
    expect(Object.keys(webhook(1).alerts[0]!.labels)).not.toContain('client_id');
    expect(out).toContain('3 resolved');
  });

  test('an earlier day ends nothing of a later month and leaves the pipeline out', async () => {
    await life(`threshold:critical:${MONTH}:globex`, 'fired', NOW);
    await life('pipeline_rejected:warning::', 'fired', NOW);
    const { code, out } = await run(['check', '--as-of', '2025-03-31']);
    expect({ code, out }).toEqual({ code: 0, out: '2025-03-31: 1 client looked at, 0 alerts firing, 0 resolved\n' });
    expect(received).toEqual([]);
  });

  test('twice says the same twice: the service is the one that remembers', async () => {
    await run(['check']);
    await run(['check']);
    const facts = (index: number) => webhook(index).alerts.map(({ labels, fingerprint }) => ({ labels, fingerprint }));
    expect(facts(0)).toEqual(facts(1));
  });

  test('a trouble of the pipeline goes to operations', async () => {
    await calls(client, [new Date()], { 'usage.id': 'no-uuid' });
    // Rejected rows have the time of their arrival.
    const { out } = await run(['check', '--json'], {}, new Date());
    const told = JSON.parse(out) as { deliveries: unknown };
    expect(told.deliveries).toMatchObject([{ route: 'operations', told: 1, untold: 0, url: `${url}/operations` }]);
    expect(webhook().alerts[0]?.annotations.summary).toMatch(/^1 usage event rejected in the last hour/);
  });

  test('--dry-run needs no secret, shows the webhook and sends nothing', async () => {
    const { code, out } = await run(['check', '--dry-run', '--json'], { CLIENT_COST_ALERT_WEBHOOK_SECRET: '' });
    expect(code).toBe(0);
    expect((JSON.parse(out) as Webhook[])[0]?.alerts).toHaveLength(3);
    expect((await run(['check', '--dry-run'])).out).toMatch(/3 alerts firing[\s\S]*Would send:\n\{/);
    expect(received).toEqual([]);
  });

  test('--fail-on makes firing a failure, after telling', async () => {
    expect(await run(['check', '--fail-on', 'critical'])).toMatchObject({
      code: 1,
      err: 'client-cost: 1 critical alert firing (--fail-on)\n',
    });
    expect((await run(['check', '--fail-on', 'warning'])).err).toBe('client-cost: 3 alerts firing (--fail-on)\n');
    expect(received).toHaveLength(2);
    expect((await run(['check', '--as-of', '2025-03-31', '--fail-on', 'critical'])).code).toBe(0);
    expect((await run(['check', '--fail-on', 'info'])).code).toBe(2);
  });

  test('the secret may be in a file; without one, or with an address that is none, it says so before it asks anything', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'client-cost-alerts-'));
    try {
      writeFileSync(join(dir, 'secret'), `${SECRET}\n`);
      const withFile = {
        CLIENT_COST_ALERT_WEBHOOK_SECRET: '',
        CLIENT_COST_ALERT_WEBHOOK_SECRET_FILE: join(dir, 'secret'),
      };
      expect((await run(['check'], withFile)).code).toBe(0);
      const { headers, body } = received[0]!;
      const of = `${String(headers['x-grafana-alerting-timestamp'])}:${body}`;
      expect(headers['x-grafana-alerting-signature']).toBe(createHmac('sha256', SECRET).update(of).digest('hex'));
      const missing = { ...withFile, CLIENT_COST_ALERT_WEBHOOK_SECRET_FILE: join(dir, 'none') };
      expect(await run(['check'], missing)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/SECRET_FILE .*none: ENOENT/),
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(await run(['check'], { CLIENT_COST_ALERT_WEBHOOK_SECRET: '' })).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /CLIENT_COST_ALERT_WEBHOOK_SECRET is not set: give the secret that the SMS service has/,
      ),
    });
    for (const bad of ['nonsense', 'ftp://host/x', 'http://user:pw@127.0.0.1/x']) {
      const { code, err } = await run(['check'], { CLIENT_COST_ALERT_WEBHOOK_URL: bad });
      expect([bad, code, err.includes('CLIENT_COST_ALERT_WEBHOOK_URL')]).toEqual([bad, 2, true]);
    }
    expect(received).toHaveLength(1);
  });

  test('a service that fails at first is asked again, each time with a new signature', async () => {
    answer = (response, count) => response.writeHead(count < 3 ? 503 : 200).end(count < 3 ? 'busy' : '{}');
    expect(await run(['check'])).toMatchObject({ code: 0, err: '' });
    expect(received).toHaveLength(3);
    for (const { headers, body } of received) {
      const of = `${String(headers['x-grafana-alerting-timestamp'])}:${body}`;
      expect(headers['x-grafana-alerting-signature']).toBe(createHmac('sha256', SECRET).update(of).digest('hex'));
    }
  }, 60_000);

  test.each([
    [
      401,
      '{"error":"unauthorized"}',
      /^client-cost: 3 alerts not told: http.* does not accept the signature \(401: unauthorized\): CLIENT_COST_ALERT_WEBHOOK_SECRET must be/,
    ],
    [
      400,
      '{"error":"The field \\"alerts\\" is missing"}',
      /3 alerts not told: .*refuses the alerts \(400: The field "alerts" is missing\)/,
    ],
    [404, 'Not here', /is not the SMS service's webhook \(404\): check CLIENT_COST_ALERT_WEBHOOK_URL/],
    [302, '', /redirects \(302\): check CLIENT_COST_ALERT_WEBHOOK_URL/],
  ])('refused with %i: said once, not tried again', async (status, body, message) => {
    answer = (response) => response.writeHead(status, { location: '/elsewhere' }).end(body);
    const { code, err } = await run(['check']);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(message) });
    expect(received).toHaveLength(1);
  });

  test('nobody there, and nobody who answers in time', async () => {
    expect(
      await run(['check'], { CLIENT_COST_ALERT_WEBHOOK_URL: 'http://127.0.0.1:9/webhooks/grafana' }),
    ).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /3 alerts not told: http:\/\/127\.0\.0\.1:9\/.* cannot be reached \(.+\): does the SMS service run\?/,
      ),
    });
  }, 60_000);
});

describe('client-cost alerts, list and acknowledge', () => {
  const key = `threshold:critical:${MONTH}:acme`;
  const fired = new Date('2026-03-01T10:00:00.000Z');

  test('lists what is open, hides the warning behind its critical, shows all when asked', async () => {
    expect((await run([])).out).toBe('No alerts.\n');
    await life(key, 'fired', fired);
    await life(`threshold:warning:${MONTH}:acme`, 'fired', fired);
    await life(`spike:warning:${MONTH}:acme`, 'fired', fired);
    await life(key, 'sent', minutesBefore(fired, -1));
    await life(`spike:warning:${MONTH}:acme`, 'resolved', minutesBefore(fired, -2));
    const listed = async (...options: string[]) =>
      (JSON.parse((await run(['list', '--json', ...options])).out) as { key: string }[]).map((alert) => alert.key);
    expect(await listed()).toEqual([key]);
    expect(await listed('--client', 'globex')).toEqual([]);
    expect((await listed('--all')).sort()).toEqual(
      [key, `spike:warning:${MONTH}:acme`, `threshold:warning:${MONTH}:acme`].sort(),
    );
    const { out } = await run([]);
    expect(out).toMatch(
      /critical +Acme "Inc\." ⚠️ \(acme\) +about acme +2026-03-01 10:00 +sent 2026-03-01 10:01 +no +threshold:critical/,
    );
    await life(key, 'acknowledged', minutesBefore(fired, -3), { actor: 'ada', channel: 'sms' });
    expect((await run([])).out).toContain('by ada (sms) 2026-03-01 10:03');
    expect((await run(['list', '--all'])).out).toMatch(/resolved 2026-03-01 10:02/);
  });

  test('acknowledges by the signed link', async () => {
    const link = url.replace('/webhooks/grafana', '/a/token');
    await life(key, 'fired', fired, { acknowledge_url: link });
    answer = (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          acknowledged: [{ key, by: 'ada', at: fired.toISOString(), how: 'command' }],
          already: [],
          resolved: [],
        }),
      );
    expect(await run(['acknowledge', key, '--by', 'ada'])).toEqual({
      code: 0,
      err: '',
      out: `${key}: acknowledged by ada\n`,
    });
    expect(received[0]).toMatchObject({
      path: '/a/token',
      body: 'by=ada&how=command',
      headers: {
        accept: 'application/json',
        'content-type': expect.stringContaining('application/x-www-form-urlencoded'),
      },
    });
    // The client's id is enough where it has one open alert.
    expect((await run(['acknowledge', 'acme', '--by', 'ada'])).code).toBe(0);
    await life(`spike:warning:${MONTH}:acme`, 'fired', fired);
    expect(await run(['acknowledge', 'acme', '--by', 'ada'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('several open alerts'),
    });
    expect(await run(['acknowledge', 'nobody', '--by', 'ada'])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`no open alert "nobody"; open are:`),
    });
    expect(await run(['acknowledge', `spike:warning:${MONTH}:acme`, '--by', 'ada'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('has no link'),
    });
    answer = (response) => response.writeHead(410).end('{"error":"This link has expired."}');
    expect(await run(['acknowledge', key, '--by', 'ada'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('(410: This link has expired.)'),
    });
    expect((await run(['acknowledge', key])).code).toBe(2);
  });
});

test('report shows open alerts of its period, and who took them up', async () => {
  const report = async (...argv: string[]) => {
    const { code, out } = await runCommand(['report', ...argv]);
    expect(code).toBe(0);
    return out;
  };
  expect(await report()).not.toContain('Acknowledged');
  await life(`threshold:critical:${MONTH}:acme`, 'fired', minutesBefore(NOW, 5));
  await life(`threshold:critical:${MONTH}:acme`, 'acknowledged', NOW, { actor: 'ada', channel: 'dashboard' });
  await life('pipeline_silent:critical::', 'fired', NOW);
  expect(await report()).toMatch(/critical +Acme "Inc\." ⚠️ \(acme\) +about acme[^\n]*by ada \(dashboard\)/);
  expect(await report()).toMatch(/critical +\(pipeline\)/);
  expect(await report('--client', 'acme')).toMatch(/critical +Acme[^\n]*by ada \(dashboard\)/);
  expect(await report('--client', 'acme')).not.toContain('(pipeline)');
  expect(await report('--client', 'globex')).not.toContain('by ada');
  expect(await report('--month', '2025-01')).not.toContain('by ada');
  const data = JSON.parse(await report('--client', 'acme', '--format', 'json')) as { alerts: unknown };
  expect(data.alerts).toMatchObject([{ status: 'acknowledged', acknowledgedBy: 'ada', acknowledgedHow: 'dashboard' }]);
});
