import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from './limits.ts';
import { ADA, codeOf, FROM, SECRET, startTestService, type TestService } from './testing/service.ts';
import { grafanaBody, signed } from './testing/webhook.ts';

let service: TestService;
afterEach(() => service?.close());

test('a webhook becomes a text, its code acknowledges, further texts stop', async () => {
  service = await startTestService();
  const answer = await service.webhook([{}]);
  expect([answer.status, await answer.json()]).toEqual([200, { fired: 1, repeated: 0, suppressed: 0, resolved: 0 }]);
  await service.idle();
  expect(service.texts()).toHaveLength(1);
  const [text] = service.texts();
  expect(text).toMatchObject({ to: ADA });
  expect(text!.body).toMatch(/^⚠️ Usage Alert for Acme Corp: Monthly usage has exceeded \$100\.00/);
  const reply = await service.reply(ADA, `ack ${codeOf(text!.body)}`);
  expect(reply).toBe('Acknowledged. No more texts about Acme Corp: Monthly usage has exceeded $100.00');
  expect(service.rows('SELECT acknowledged_by, acknowledged_how, escalate_at FROM alerts')).toEqual([
    { acknowledged_by: 'ada', acknowledged_how: 'sms', escalate_at: null },
  ]);
  service.ahead = 3_600_000;
  await service.idle();
  expect(service.texts()).toHaveLength(1);
});

describe('webhooks of Grafana', () => {
  const body = JSON.stringify(grafanaBody([{}]));

  test('forged, old, unsigned or altered ones get 401 and few words, the log says why, nothing is stored', async () => {
    service = await startTestService();
    const now = service.now();
    const good = signed(body, SECRET, now);
    const cases: [string, string, Record<string, string>][] = [
      ['other secret', body, signed(body, 'wrong-secret-0123456789', now)],
      ['other body', body.replace('acme', 'evil'), good],
      ['old', body, signed(body, SECRET, now - 301_000)],
      ['from the future', body, signed(body, SECRET, now + 302_000)],
      ['unsigned', body, { 'content-type': 'application/json' }],
      ['no timestamp', body, { 'x-grafana-alerting-signature': good['x-grafana-alerting-signature']! }],
      ['empty', '', signed(body, SECRET, now)],
    ];
    for (const [name, sent, headers] of cases) {
      const answer = await service.post('/webhooks/grafana', sent, headers);
      expect([name, answer.status, await answer.text()]).toEqual([name, 401, '{"error":"unauthorized"}']);
    }
    expect(service.rows('SELECT * FROM alerts')).toEqual([]);
    expect(service.logged.filter((line) => line.includes('A webhook was refused'))).toHaveLength(cases.length);
    expect(service.logged.join('')).toMatch(/does not fit body and timestamp/);
    expect(service.logged.join('')).not.toContain(SECRET);
    const page = await (await fetch(`${service.url}/metrics`)).text();
    expect(page).toMatch(/client_cost_sms_webhooks_total\{route="clients",result="forged"\} 6/);
  });

  test('signed, but not a webhook: 400 with the reason', async () => {
    service = await startTestService();
    for (const sent of ['no json', '[]', '{"receiver":"x"}', 'null', '{"alerts":"many"}']) {
      const answer = await service.post('/webhooks/grafana', sent, signed(sent, SECRET, service.now()));
      expect([sent, answer.status]).toEqual([sent, 400]);
      expect(((await answer.json()) as { error: string }).error.length).toBeGreaterThan(10);
    }
  });

  test('too much, compressed or endless bodies are refused', async () => {
    service = await startTestService();
    const big = JSON.stringify({ pad: 'x'.repeat(5 * 1024 * 1024) });
    const answer = await service
      .post('/webhooks/grafana', big, signed(big, SECRET, service.now()))
      .catch(() => undefined);
    expect(answer?.status ?? 413).toBe(413);
    const zipped = await service.post('/webhooks/grafana', body, {
      ...signed(body, SECRET, service.now()),
      'content-encoding': 'gzip',
    });
    expect(zipped.status).toBe(415);
  });

  test('the pipeline has a route of its own', async () => {
    service = await startTestService();
    const answer = await service.webhook(
      [{ type: 'pipeline_silent', summary: 'No usage events for 2 hours' }],
      '/webhooks/grafana/operations',
      'client-cost-operations',
    );
    expect(answer.status).toBe(200);
    await service.idle();
    expect(service.texts()[0]!.body).toMatch(/^⚠️ client-cost: No usage events for 2 hours/);
  });
});

test("Twilio's endpoints take what Twilio signed over the public URL, and nothing else", async () => {
  service = await startTestService();
  await service.webhook([{}]);
  await service.idle();
  const code = codeOf(service.texts()[0]!.body);
  const form = new URLSearchParams({ MessageSid: `SM${'1'.repeat(32)}`, From: ADA, To: FROM, Body: code });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const kind of ['status', 'incoming']) {
    const bare = await service.post(`/twilio/${kind}`, String(form), headers);
    expect([kind, bare.status, await bare.text()]).toEqual([kind, 403, 'Forbidden\n']);
    const forged = await service.post(`/twilio/${kind}`, String(form), { ...headers, 'x-twilio-signature': 'bm8=' });
    expect(forged.status).toBe(403);
  }
  // Signed, but for another address, and with a parameter more than was signed.
  const elsewhere = await service.twilio.post(`${service.url}/twilio/incoming?x=1`, Object.fromEntries(form));
  expect(elsewhere.status).toBe(200);
  const replayed = await service.post('/twilio/incoming', String(form), {
    ...headers,
    'x-twilio-signature': elsewhere.signature,
  });
  expect(replayed.status).toBe(403);
  expect(service.rows("SELECT count(*) AS n FROM alerts WHERE acknowledged_how = 'sms'")).toEqual([{ n: 1 }]);
});

test('behind a proxy with a path of its own the signature is over the public URL', async () => {
  service = await startTestService({ env: { CLIENT_COST_SMS_PUBLIC_URL: 'https://alerts.example.com/sms' } });
  const { default: twilio } = await import('twilio');
  const params = { MessageSid: `SM${'2'.repeat(32)}`, From: ADA, To: FROM, Body: 'help' };
  const token = service.config.twilio.authToken;
  const signature = twilio.getExpectedTwilioSignature(token, 'https://alerts.example.com/sms/twilio/incoming', params);
  const answer = await service.post('/twilio/incoming', String(new URLSearchParams(params)), {
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': signature,
  });
  expect(answer.status).toBe(200);
});

test('a flood is cut off for its sender, and others still get through', async () => {
  service = await startTestService({ limits: { ...LIMITS, webhookRefused: { perMinute: 5, refusedOnly: true } } });
  const forged = (from: string) =>
    service.post('/webhooks/grafana', '{}', { 'x-forwarded-for': from, 'x-grafana-alerting-signature': 'x' });
  const statuses: number[] = [];
  for (let i = 0; i < 8; i++) statuses.push((await forged('203.0.113.7')).status);
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
  expect((await service.webhook([{}])).status).toBe(200);
  expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(
    /client_cost_sms_limited_total\{endpoint="webhook"\} 3/,
  );
});

test('healthz and metrics name no number; nothing tells what the server is made of', async () => {
  service = await startTestService({ twilio: { stepMs: Number.POSITIVE_INFINITY } });
  await service.webhook([{}]);
  await service.idle();
  const health = await fetch(`${service.url}/healthz`);
  expect(health.headers.get('x-powered-by')).toBeNull();
  expect([health.status, await health.json()]).toMatchObject([
    200,
    { ok: true, problems: [], texts: { delivered: 1, queued: 0 }, alerts: { waiting: 1 }, stopped: [], unanswered: 0 },
  ]);
  await service.reply(ADA, 'STOP');
  const after = (await (await fetch(`${service.url}/healthz`)).json()) as { stopped: string[] };
  expect(after.stopped).toEqual(['ada']);
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  expect(metrics).toMatch(/client_cost_sms_texts\{state="delivered"\} 1/);
  expect(metrics).toMatch(/client_cost_sms_delivery_duration_count\{severity="critical"\} 1/);
  expect(metrics).toMatch(/client_cost_sms_stopped_contacts 1/);
  expect(metrics).toMatch(/service_name="client-cost-sms"/);
  expect(metrics).not.toMatch(/403555|\bada\b/);
  // From outside, through the proxy: whether it works, and nothing else.
  const outside = { headers: { 'x-forwarded-for': '203.0.113.7' } };
  expect(await (await fetch(`${service.url}/healthz`, outside)).json()).toEqual({ ok: true });
  expect((await fetch(`${service.url}/metrics`, outside)).status).toBe(404);
  expect((await fetch(`${service.url}/nothing`)).status).toBe(404);
});

test.each([429, 503])('a critical text that does not leave (Twilio answers %i) makes healthz 503', async (status) => {
  service = await startTestService({ twilio: { failures: () => ({ status }) } });
  await service.webhook([{}]);
  await sleep(300);
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  service.ahead = 400_000;
  const health = await fetch(`${service.url}/healthz`);
  expect([health.status, await health.text()]).toEqual([503, expect.stringContaining('A critical text has waited 40')]);
});

test('a sender that has stopped makes healthz 503', async () => {
  service = await startTestService();
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  const db = new DatabaseSync(service.config.database);
  // Somebody else holds the lease, who is alive as far as anybody can tell, and does not renew it.
  db.prepare('UPDATE lease SET holder = ?, until = ?').run('elsewhere/1/x', Date.now() + 3_600_000);
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  db.exec('DELETE FROM lease');
  db.exec("CREATE TRIGGER no_sender BEFORE INSERT ON lease BEGIN SELECT RAISE(ABORT, 'no'); END");
  db.close();
  const health = await fetch(`${service.url}/healthz`);
  expect([health.status, await health.text()]).toEqual([503, expect.stringContaining('Nobody sends')]);
});

test('ends while a text is being sent: the text is finished, the database closed, the next start goes on', async () => {
  service = await startTestService({ twilio: { latencyMs: 400 } });
  await service.webhook([{}]);
  // The stand-in answers late: the request is there.
  for (let i = 0; i < 500 && service.twilio.count === 0; i++) await sleep(5);
  await service.stopService();
  expect(service.rows('SELECT state FROM messages')).toMatchObject([
    { state: expect.stringMatching(/sent|delivered/) },
  ]);
  await expect(fetch(`${service.url}/healthz`)).rejects.toThrow();
  await service.startService();
  await service.idle();
  expect(service.texts()).toHaveLength(1);
});
