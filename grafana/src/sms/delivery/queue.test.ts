import { afterEach, expect, test } from 'vitest';
import { transaction } from '../store/open.ts';
import { cancelTextsOf, queueTexts, type TextsToQueue } from './queue.ts';
import { ada, alert, bob, carol, type Harness, HOUR, harness } from './testing/harness.ts';

let h: Harness;
afterEach(() => h.close());

const queue = (texts: Omit<TextsToQueue, 'at'>) =>
  transaction(h.deps.db, () => queueTexts(h.deps, { at: h.now(), ...texts }));
const idOf = (client: string) => h.alert(`threshold:critical:2026-11:${client}`).id as number;

test('a reply leaves at once, as it is, also to who answered STOP and beyond the hourly limit', async () => {
  h = await harness({ config: { gatherMs: 200, textsPerHour: 1 } });
  h.deps.db.prepare('INSERT INTO stopped VALUES (?, 0)').run(ada.phone);
  for (const body of ['one', 'two']) expect(queue({ kind: 'reply', alertIds: [], contacts: [ada], body })).toBe(1);
  await h.pass(0);
  expect(h.texts().map(({ body }) => body)).toEqual(['one', 'two']);
  expect(h.messages()[0]).toMatchObject({ kind: 'reply', code: null });
});

test('an answer that could not leave for an hour is of no use any more', async () => {
  h = await harness({ standIn: { failures: () => ({ status: 429, retryAfter: 7_200 }) } });
  queue({ kind: 'reply', alertIds: [], contacts: [ada], body: 'Acknowledged' });
  await h.pass(0);
  await h.pass(3 * HOUR);
  expect(h.messages()).toMatchObject([{ state: 'cancelled', attempts: 1 }]);
});

test('an escalation carries the code that it is given, to everybody of the level', async () => {
  h = await harness();
  await h.fire([alert()]);
  const code = h.messages()[0]?.code ?? '';
  queue({ kind: 'escalation', alertIds: [idOf('acme')], contacts: [carol], code });
  await h.pass(0);
  expect(h.texts().at(-1)).toMatchObject({ to: carol.phone, body: expect.stringContaining(`Reply ${code} to`) });
});

test('the same code never stands for different alerts', async () => {
  h = await harness({
    config: { onCall: { clients: [[ada, bob]], operations: [] } },
    standIn: {
      // Twilio takes no texts to bob for a while.
      failures: ({ form }) =>
        form.get('To') === bob.phone && h.now() < until ? { status: 401, code: 20003 } : undefined,
    },
  });
  const until = h.now() + HOUR;
  await h.fire([alert()]);
  await h.fire([alert({ client: 'beta' })]);
  await h.pass(HOUR);
  await h.pass(HOUR);
  const texts = h.texts();
  const told = new Map<string, Set<string>>();
  for (const { body } of texts) {
    const code = /Reply (\d+)/.exec(body)?.[1] ?? '';
    const alerts = ['Acme', 'Beta'].filter((name) => body.includes(name)).join();
    told.set(code, (told.get(code) ?? new Set()).add(alerts));
  }
  expect([...told.values()].every((sets) => sets.size === 1)).toBe(true);
  for (const { phone } of [ada, bob]) {
    const all = texts.filter(({ to }) => to === phone).map(({ body }) => body);
    expect(['Acme', 'Beta'].every((name) => all.join().includes(name))).toBe(true);
  }
});

test('somebody on call twice is texted once', async () => {
  h = await harness({ config: { onCall: { clients: [[ada, { ...ada, name: 'ada again' }]], operations: [] } } });
  await h.fire([alert()]);
  expect(h.texts()).toHaveLength(1);
});

test('cancelled with its last alert, not before', async () => {
  h = await harness({ config: { gatherMs: 200 } });
  h.accept([alert(), alert({ client: 'beta' })]);
  const cancel = (client: string) => transaction(h.deps.db, () => cancelTextsOf(h.deps, [idOf(client)], h.now()));
  expect(cancel('acme')).toBe(0);
  expect(h.messages()[0]?.body).toContain('Usage Alert for Beta');
  expect(cancel('beta')).toBe(2);
  await h.pass(200);
  expect(h.texts()).toEqual([]);
});

test('nobody on call, or nobody who can be texted: the log says so', async () => {
  h = await harness({ config: { onCall: { clients: [[ada]], operations: [] } } });
  h.deps.db.prepare('INSERT INTO stopped VALUES (?, 0)').run(ada.phone);
  await h.fire([alert()]);
  expect(h.log.some(({ message }) => message.includes('nobody is left to text'))).toBe(true);
  expect(h.eventRows('threshold:critical:2026-11:acme').at(-1)).toMatchObject({
    event: 'undelivered',
    recipient: 'ada',
    error: 'answered STOP: no texts until START',
  });
});

test('a text that goes out again keeps its code when one of its alerts is over', async () => {
  let carrier = 30003;
  h = await harness({
    config: { onCall: { clients: [[ada]], operations: [] } },
    standIn: { message: () => (carrier === 0 ? undefined : { status: 'undelivered', errorCode: carrier }) },
  });
  await h.fire([alert(), alert({ client: 'beta' })]);
  const code = h.messages()[0]?.code;
  await h.fire([alert({ status: 'resolved' })]);
  carrier = 0;
  await h.pass(60_000);
  expect(h.messages()).toMatchObject([{ state: 'delivered', code }]);
  expect(h.texts()[1]?.body).toMatch(new RegExp(`^\\(may repeat\\) ⚠️ Usage Alert for Beta: .*Reply ${code} `));
});

test('thousands that are over at once, while their text waits', async () => {
  h = await harness({ config: { gatherMs: 200 } });
  const many = (status: 'firing' | 'resolved', count: number) =>
    Array.from({ length: count }, (_, i) => alert({ client: `client-${i}`, status }));
  h.accept(many('firing', 2_000));
  const begin = performance.now();
  expect(h.accept(many('resolved', 1_999)).resolved).toHaveLength(1_999);
  expect(performance.now() - begin).toBeLessThan(10_000);
  await h.pass(200);
  expect(h.texts().map(({ body }) => body)).toEqual([
    expect.stringMatching(/^⚠️ Usage Alert for Client-1999: /),
    expect.stringMatching(/^⚠️ Usage Alert for Client-1999: /),
  ]);
});
