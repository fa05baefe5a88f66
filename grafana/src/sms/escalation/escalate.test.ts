import { afterEach, expect, test } from 'vitest';
import { ADA, BOB, codeOf, startTestService, type TestService } from '../server/testing/service.ts';

const CAROL = '+14035559012';
const LEVELS = `ada=${ADA};bob=${BOB};carol=${CAROL}`;
let service: TestService;
afterEach(() => service?.close());

/** Lets the service's time pass, and the looks that happen meanwhile. */
async function pass(minutes: number): Promise<void> {
  service.ahead += minutes * 60_000;
  // Looks every 2 s of real time; a webhook that changes nothing makes it look now.
  await service.webhook([{ client: 'nobody', status: 'resolved' }]);
  await service.idle();
  await service.idle();
}

const recipients = () => service.texts().map(({ to }) => ({ [ADA]: 'ada', [BOB]: 'bob', [CAROL]: 'carol' })[to]);
const state = () => service.rows('SELECT level, escalate_at IS NULL AS last FROM alerts');
const unanswered = async () =>
  ((await (await fetch(`${service.url}/healthz`)).json()) as { unanswered: number }).unanswered;

test('an unanswered critical goes from level to level, each its time, with the same code, and stops at the last', async () => {
  service = await startTestService({ env: { CLIENT_COST_ON_CALL: LEVELS } });
  await service.webhook([{}]);
  await service.idle();
  await pass(14);
  expect(recipients()).toEqual(['ada']);
  await pass(1);
  expect(recipients()).toEqual(['ada', 'bob']);
  await pass(14);
  expect(recipients()).toEqual(['ada', 'bob']);
  await pass(1);
  expect(recipients()).toEqual(['ada', 'bob', 'carol']);
  expect(new Set(service.texts().map(({ body }) => codeOf(body))).size).toBe(1);
  expect(state()).toEqual([{ level: 2, last: 1 }]);
  expect(await unanswered()).toBe(0);
  await pass(16);
  expect(recipients()).toEqual(['ada', 'bob', 'carol']);
  expect(await unanswered()).toBe(1);
  await service.reply(CAROL, 'ok');
  expect(await unanswered()).toBe(0);
});

test('warnings, acknowledged and resolved alerts go nowhere', async () => {
  service = await startTestService();
  await service.webhook([{ client: 'warned', severity: 'warning' }, { client: 'over' }, { client: 'known' }]);
  await service.idle();
  await service.reply(ADA, 'nothing');
  await service.webhook([{ client: 'over', status: 'resolved' }]);
  await service.reply(ADA, codeOf(service.texts()[0]!.body));
  await pass(60);
  expect(recipients()).toEqual(['ada']);
});

test('several that are due together go on as one text', async () => {
  service = await startTestService();
  await service.webhook([
    { client: 'a', name: 'A' },
    { client: 'b', name: 'B' },
    { client: 'c', name: 'C' },
  ]);
  await service.idle();
  await pass(16);
  expect(recipients()).toEqual(['ada', 'bob']);
  expect(service.texts()[1]!.body).toMatch(/^⚠️ 3 /);
});

test('a level of which everybody said STOP is passed over', async () => {
  service = await startTestService({ env: { CLIENT_COST_ON_CALL: LEVELS } });
  await service.reply(BOB, 'STOP');
  await service.webhook([{}]);
  await service.idle();
  await pass(16);
  expect(recipients()).toEqual(['ada', 'carol']);
  expect(state()).toEqual([{ level: 2, last: 1 }]);
});

test('0 minutes: never', async () => {
  service = await startTestService({ env: { CLIENT_COST_ESCALATE_AFTER_MINUTES: '0' } });
  await service.webhook([{}]);
  await service.idle();
  await pass(600);
  expect(recipients()).toEqual(['ada']);
});

test('what was not delivered to anybody of a level goes on at once', async () => {
  service = await startTestService({
    twilio: { message: ({ to }) => (to === ADA ? { status: 'undelivered', errorCode: 30005 } : undefined) },
  });
  await service.webhook([{}]);
  for (let i = 0; i < 3; i++) await service.idle();
  expect(recipients()).toEqual(['ada', 'bob']);
});

test('the time passes while the service is away', async () => {
  service = await startTestService();
  await service.webhook([{}]);
  await service.idle();
  await service.stopService();
  service.ahead = 20 * 60_000;
  await service.startService();
  await service.idle();
  expect(recipients()).toEqual(['ada', 'bob']);
});
