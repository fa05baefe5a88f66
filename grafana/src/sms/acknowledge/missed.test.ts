import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { ADA, BOB, codeOf, FROM, startTestService, type TestService } from '../server/testing/service.ts';

let service: TestService;
afterEach(() => service?.close());

const alerts = () => service.rows('SELECT acknowledged_by AS by, level FROM alerts');
const textsTo = (phone: string) =>
  service
    .texts()
    .filter(({ to }) => to === phone)
    .map(({ body }) => body);
const NOBODY = 'http://127.0.0.1:9/twilio/incoming';

async function until(check: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !check(); i++) await sleep(10);
  expect(check()).toBe(true);
}

test('an answer that came while the service was away counts, before anybody else is texted', async () => {
  service = await startTestService();
  await service.webhook([{}]);
  await service.idle();
  const code = codeOf(textsTo(ADA)[0]);
  await service.stopService();
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: code, url: NOBODY });
  service.ahead = 16 * 60_000;
  await service.startService();
  await service.idle();
  expect(alerts()).toEqual([{ by: 'ada', level: 0 }]);
  expect(textsTo(BOB)).toEqual([]);
  expect(textsTo(ADA)[1]).toMatch(/^Acknowledged\. No more texts about Acme Corp/);
});

test('the webhook that comes after all changes nothing, and is answered with nothing', async () => {
  service = await startTestService({ answers: { pollMs: 20, webhookMs: 0 } });
  await service.webhook([{}]);
  await service.idle();
  const sent = await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'ok', url: NOBODY });
  await until(() => textsTo(ADA).length === 2);
  const late = await service.twilio.post(`${service.url}/twilio/incoming`, sent.params);
  expect([late.status, late.body]).toEqual([200, expect.stringMatching(/<Response\/>$/)]);
  expect(service.rows("SELECT id FROM events WHERE event = 'acknowledged'")).toHaveLength(1);
});

test('a webhook has its time first; what it brought is not taken again', async () => {
  service = await startTestService({ answers: { pollMs: 20 } });
  await service.webhook([{}]);
  await service.idle();
  expect(await service.reply(ADA, 'what?')).toMatch(/^To acknowledge/);
  service.ahead = 60_000;
  await sleep(200);
  expect(textsTo(ADA)).toHaveLength(1);
});

test('without a public URL answers are fetched, and who is not asked is not asked after', async () => {
  service = await startTestService({ env: { CLIENT_COST_SMS_PUBLIC_URL: '' }, answers: { pollAloneMs: 20 } });
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'ok', url: NOBODY });
  await sleep(2_100);
  const asked = () => service.twilio.requests.filter(({ method, query }) => method === 'GET' && query.has('From'));
  expect(asked()).toEqual([]);
  await service.webhook([{}]);
  await until(() => asked().length > 2);
  // The answer to something earlier is no answer to this.
  expect(alerts()).toEqual([{ by: null, level: 0 }]);
  expect(asked().every(({ query }) => query.get('From') === ADA)).toBe(true);
  await service.twilio.receiveSms({ to: FROM, from: BOB, body: 'ok', url: NOBODY });
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'got it', url: NOBODY });
  await until(() => textsTo(ADA).length === 2);
  expect(alerts()).toEqual([{ by: 'ada', level: 0 }]);
  const count = asked().length;
  await sleep(100);
  expect(asked().length).toBeLessThanOrEqual(count + 1);
});

test('a Twilio that cannot be asked is asked again', async () => {
  let broken = true;
  service = await startTestService({
    env: { CLIENT_COST_SMS_PUBLIC_URL: '' },
    answers: { pollAloneMs: 20 },
    twilio: { failures: ({ method }) => (broken && method === 'GET' ? { status: 500 } : undefined) },
  });
  await service.webhook([{}]);
  await until(() => textsTo(ADA).length === 1);
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'ok', url: NOBODY });
  await until(() => service.logged.some((line) => line.includes('could not be asked for answers')));
  broken = false;
  await until(() => textsTo(ADA).length === 2);
});

test.each([
  ['yes', 'acknowledges nothing'],
  ['STOP', 'takes nobody off call'],
])('%s to another number of the account %s', async (body) => {
  service = await startTestService({ answers: { pollMs: 20, webhookMs: 0 } });
  await service.webhook([{}]);
  await service.idle();
  await service.twilio.receiveSms({ to: '+18005559999', from: ADA, body, url: NOBODY });
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'what?', url: NOBODY });
  await until(() => textsTo(ADA).length === 2);
  expect(textsTo(ADA)[1]).toMatch(/^To acknowledge/);
  expect(alerts()).toEqual([{ by: null, level: 0 }]);
  expect(service.rows('SELECT phone FROM stopped')).toEqual([]);
});

test('a Messaging Service: only what came to one of its own numbers is an answer', async () => {
  const own = `MG${'c'.repeat(32)}`;
  service = await startTestService({
    env: { TWILIO_MESSAGING_SERVICE_SID: own },
    answers: { pollMs: 20, webhookMs: 0 },
  });
  await service.webhook([{}]);
  await service.idle();
  const text = (body: string, params = {}) =>
    service.twilio.receiveSms({ to: FROM, from: ADA, body, url: NOBODY, params });
  await text('STOP', { MessagingServiceSid: `MG${'d'.repeat(32)}` });
  await text('yes');
  await text('what?', { MessagingServiceSid: own });
  await until(() => textsTo(ADA).length === 2);
  expect(alerts()).toEqual([{ by: null, level: 0 }]);
  await text('yes', { MessagingServiceSid: own });
  await until(() => alerts()[0]?.by === 'ada');
  expect(service.rows('SELECT phone FROM stopped')).toEqual([]);
});

test('an answer to the text of a short while ago counts for an alert that fired again; one from before that does not', async () => {
  service = await startTestService({ env: { CLIENT_COST_SMS_PUBLIC_URL: '' }, answers: { pollAloneMs: 20 } });
  await service.webhook([{}]);
  await until(() => textsTo(ADA).length === 1);
  await service.webhook([{ status: 'resolved' }]);
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'ok', url: NOBODY });
  await sleep(2_100);
  await service.webhook([{}]);
  await sleep(200);
  expect(alerts()).toEqual([{ by: null, level: 0 }]);
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'got it', url: NOBODY });
  await until(() => alerts()[0]?.by === 'ada');
});

test('a text of a month ago, whose id may be forgotten, does not act again', async () => {
  service = await startTestService({ answers: { pollMs: 20, webhookMs: 0 } });
  await service.webhook([{ severity: 'warning' }]);
  await service.idle();
  await service.stopService();
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'STOP', url: NOBODY });
  await sleep(1_100);
  await service.twilio.receiveSms({ to: FROM, from: ADA, body: 'ok', url: NOBODY });
  service.ahead = 29 * 86_400_000 + 60_000;
  await service.startService();
  await sleep(200);
  expect(alerts()).toEqual([{ by: null, level: 0 }]);
  expect(service.rows('SELECT phone FROM stopped')).toEqual([]);
  await service.stopService();
  service.ahead -= 120_000;
  await service.startService();
  await until(() => service.rows('SELECT phone FROM stopped').length === 1);
});

describe('the START of who said STOP', () => {
  const stopped = () => service.rows('SELECT phone FROM stopped').length;
  const text = (body: string) => service.twilio.receiveSms({ to: FROM, from: ADA, body, url: NOBODY });
  const asked = () => service.twilio.requests.filter(({ method, query }) => method === 'GET' && query.has('From'));
  const alone = { env: { CLIENT_COST_SMS_PUBLIC_URL: '' } };

  test('is heard though nothing waits for an answer, and nothing else is', async () => {
    service = await startTestService({ ...alone, answers: { pollAloneMs: 20, stoppedMs: 40 } });
    await service.webhook([{}]);
    await until(() => textsTo(ADA).length === 1);
    await text('STOP');
    await until(() => stopped() === 1);
    await service.webhook([{ status: 'resolved' }]);
    // A look that began before takes what answers the alert.
    const count = asked().length;
    await until(() => asked().length >= count + 2);
    await text('ok');
    await text('START');
    await until(() => stopped() === 0);
    expect(service.rows('SELECT sid FROM inbound')).toHaveLength(2);
    // Twilio's times are whole seconds: of the same one, the ok would answer what comes next.
    await sleep(1_100);
    await service.webhook([{ client: 'other' }]);
    await until(() => textsTo(ADA).length === 2);
  });

  test('after Twilio refused a text to it (21610), too', async () => {
    service = await startTestService({
      answers: { pollMs: 20, stoppedMs: 40, webhookMs: 0 },
      twilio: {
        failures: ({ method, form }) =>
          method === 'POST' && form.get('To') === ADA ? { status: 400, code: 21610 } : undefined,
      },
    });
    await service.webhook([{}]);
    await until(() => stopped() === 1);
    await text('unstop');
    await until(() => stopped() === 0);
  });

  test('that came while the STOP had its time for the webhook counts', async () => {
    service = await startTestService({ answers: { pollMs: 20, stoppedMs: 40, webhookMs: 3_000 } });
    await service.webhook([{}]);
    await service.idle();
    await text('STOP');
    await sleep(1_100);
    await text('START');
    await until(() => stopped() === 1);
    await service.webhook([{ status: 'resolved' }]);
    await until(() => stopped() === 0);
  });

  test('is looked for at a slower pace', async () => {
    service = await startTestService({ ...alone, answers: { pollAloneMs: 20 } });
    await service.webhook([{}]);
    await until(() => textsTo(ADA).length === 1);
    await text('STOP');
    await until(() => stopped() === 1);
    await service.webhook([{ status: 'resolved' }]);
    await sleep(100);
    const count = asked().length;
    await text('START');
    await sleep(200);
    expect(asked()).toHaveLength(count);
    service.ahead = 301_000;
    await until(() => stopped() === 0);
  });
});
