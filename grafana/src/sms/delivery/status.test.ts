import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { acceptStatus } from './status.ts';
import { ada, alert, bob, type Harness, type HarnessOptions, HOUR, harness, MINUTE } from './testing/harness.ts';

let h: Harness;
const start = async (options: HarnessOptions = {}): Promise<Harness> => {
  h = await harness({
    ...options,
    config: { onCall: { clients: [[ada], [bob]], operations: [] }, ...options.config },
  });
  return h;
};
afterEach(() => h.close());

const KEY = 'threshold:critical:2026-11:acme';
/** Nothing is told but by the test. */
const silent = { stepMs: Number.POSITIVE_INFINITY };
const first = () => h.messages()[0]!;
const tell = (status: string, more: object = {}) =>
  acceptStatus(h.deps, { MessageSid: first().sid ?? h.texts()[0]!.sid, MessageStatus: status, ...more });
const onlyFirst = (errorCode: number, times = 1, status: 'undelivered' | 'failed' = 'undelivered') => {
  let left = times;
  return { message: () => (left-- > 0 ? { status, errorCode } : undefined) };
};

describe('in any order, any number of times', () => {
  test('the end is the end, and every step is recorded once', async () => {
    await start({ standIn: silent });
    await h.fire([alert()]);
    for (const status of ['delivered', 'sent', 'queued', 'delivered', 'sending']) expect(tell(status)).toBe(true);
    expect(first()).toMatchObject({ state: 'delivered' });
    expect(h.events(KEY)).toEqual(['fired', 'queued', 'sent', 'delivered']);
  });

  test('doubled by Twilio', async () => {
    await start({ standIn: { copies: () => 3 } });
    await h.fire([alert()]);
    expect(h.events(KEY)).toEqual(['fired', 'queued', 'sent', 'delivered']);
  });

  test('all lost: Twilio is asked', async () => {
    await start({ standIn: { copies: () => 0 } });
    await h.fire([alert()]);
    expect(first().state).toBe('sent');
    await h.pass(2 * MINUTE);
    expect(first().state).toBe('delivered');
  });

  test('none possible, as nothing reaches us: Twilio is asked sooner', async () => {
    await start({ callbacks: false });
    await h.fire([alert()]);
    await h.pass(5_000);
    expect(first().state).toBe('delivered');
  });

  test('never an end: asked ever more rarely, and after a day no more', async () => {
    await start({ standIn: silent });
    await h.fire([alert()]);
    for (let hour = 0; hour < 30; hour++) await h.pass(HOUR);
    const asked = h.standIn.requests.filter(({ method }) => method === 'GET').length;
    expect(asked).toBeLessThan(30);
    await h.pass(HOUR);
    expect(h.standIn.requests.filter(({ method }) => method === 'GET')).toHaveLength(asked);
    expect(first().state).toBe('sent');
  });

  test('a text that was deleted at Twilio is not asked for again', async () => {
    await start({ standIn: silent });
    await h.fire([alert()]);
    h.standIn.messages.clear();
    for (let hour = 0; hour < 5; hour++) await h.pass(HOUR);
    expect(h.standIn.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
    expect(first().state).toBe('sent');
  });

  test('whatever comes, delivered stays, and no text goes out for what was delivered', async () => {
    const status = fc.constantFrom('accepted', 'queued', 'sending', 'sent', 'undelivered', 'failed', 'delivered', 'x');
    await fc.assert(
      fc.asyncProperty(fc.array(status, { maxLength: 8 }), async (statuses) => {
        const world = await start({ standIn: silent });
        await h.fire([alert()]);
        for (const each of statuses) tell(each, { ErrorCode: '30003' });
        tell('delivered');
        await h.pass(20 * MINUTE);
        expect(first().state).toBe('delivered');
        expect(h.texts()).toHaveLength(1);
        await world.close();
      }),
      { numRuns: 25 },
    );
    await start();
  });
});

describe('before the answer that names the id', () => {
  const slow = {
    ...silent,
    failures: ({ method }: { method: string }) =>
      method === 'POST' ? ({ hang: true, accepted: true } as const) : undefined,
  };

  test('found by the token in the address', async () => {
    await start({ standIn: slow, timeoutMs: 500 });
    h.accept([alert()]);
    h.sender.wake();
    while (h.texts().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(first()).toMatchObject({ state: 'sending', sid: null });
    expect(tell('delivered', { m: `${first().token}-1` })).toBe(true);
    expect(first()).toMatchObject({ state: 'delivered', sid: h.texts()[0]!.sid });
    // The time-out that follows changes nothing.
    await h.sender.idle();
    await h.pass(10 * MINUTE);
    expect(first()).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(h.events(KEY)).toEqual(['fired', 'queued', 'sent', 'delivered']);
  });

  test('after the time-out: it is no longer looked for', async () => {
    await start({ standIn: slow, timeoutMs: 500 });
    await h.fire([alert()]);
    expect(first().state).toBe('maybe_sent');
    tell('sent', { m: `${first().token}-1` });
    expect(first().state).toBe('sent');
    await h.pass(10 * MINUTE);
    expect(first().attempts).toBe(1);
  });

  test.each([
    ['an unknown token', `${'A'.repeat(16)}-1`],
    ['another attempt', '-7'],
    ['nonsense', "' OR 1=1 --"],
    ['nothing', ''],
  ])('%s finds nothing', async (_, m) => {
    await start({ standIn: slow, timeoutMs: 500 });
    await h.fire([alert()]);
    const given = m === '-7' ? `${first().token}-7` : m;
    expect(acceptStatus(h.deps, { MessageSid: `SM${'0'.repeat(32)}`, MessageStatus: 'sent', m: given })).toBe(false);
    expect(first().state).toBe('maybe_sent');
  });

  test('without id or status: nothing', async () => {
    await start();
    expect(acceptStatus(h.deps, {})).toBe(false);
    expect(acceptStatus(h.deps, { MessageSid: 'x' })).toBe(false);
  });
});

describe('not delivered', () => {
  test.each([30003, 30008])('%i passes: again after a minute, marked', async (code) => {
    await start({ standIn: onlyFirst(code) });
    await h.fire([alert()]);
    expect(first()).toMatchObject({ state: 'queued', error_code: String(code) });
    await h.pass(59_000);
    expect(h.texts()).toHaveLength(1);
    await h.pass(1_000);
    expect(first()).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(h.texts()[1]?.body).toMatch(/^\(may repeat\) /);
    expect(h.events(KEY)).toEqual(['fired', 'queued', 'sent', 'undelivered', 'sent', 'delivered']);
  });

  test.each([30005, 30006, 30007, 30004])('%i stays: given up, and the next level is texted now', async (code) => {
    await start({ standIn: onlyFirst(code) });
    await h.fire([alert()]);
    expect(first()).toMatchObject({ state: 'undelivered', error_code: String(code), attempts: 1 });
    expect(h.alert(KEY)).toMatchObject({ escalate_at: h.now(), last_texted_at: null });
    expect(h.eventRows(KEY).at(-1)).toMatchObject({
      event: 'undelivered',
      error: expect.stringContaining(`${code}: `),
    });
  });

  test('a phone that is off for long: three more, then given up', async () => {
    await start({ standIn: onlyFirst(30003, 10) });
    await h.fire([alert()]);
    for (let minute = 0; minute < 40; minute++) await h.pass(MINUTE);
    expect(h.texts()).toHaveLength(4);
    expect(first()).toMatchObject({ state: 'undelivered' });
  });

  test('somebody else of the level has it: the escalation keeps its time', async () => {
    await start({
      config: { onCall: { clients: [[ada, bob], [{ name: 'carol', phone: '+14035550103' }]], operations: [] } },
      standIn: { message: ({ to }) => (to === ada.phone ? { status: 'undelivered', errorCode: 30005 } : undefined) },
    });
    await h.fire([alert()]);
    expect(h.alert(KEY).escalate_at).toBe(h.now() + 900_000);
  });

  test('21610 after all: the number is not texted again', async () => {
    await start({ standIn: onlyFirst(21610, 1, 'failed') });
    await h.fire([alert()]);
    expect(first()).toMatchObject({ state: 'undelivered' });
    expect(h.deps.db.prepare('SELECT phone FROM stopped').all()).toEqual([{ phone: ada.phone }]);
  });

  test('acknowledged before the next try: no next try', async () => {
    await start({ standIn: onlyFirst(30003) });
    await h.fire([alert()]);
    h.deps.db.prepare('UPDATE alerts SET acknowledged_at = 1').run();
    await h.pass(2 * MINUTE);
    expect(h.texts()).toHaveLength(1);
    expect(first().state).toBe('cancelled');
  });

  test('delivered after all, while the next try waits: none follows', async () => {
    await start({ standIn: { ...silent } });
    await h.fire([alert()]);
    tell('undelivered', { ErrorCode: '30003' });
    expect(first().state).toBe('queued');
    tell('delivered');
    await h.pass(10 * MINUTE);
    expect(first().state).toBe('delivered');
    expect(h.texts()).toHaveLength(1);
  });
});
