import { afterEach, describe, expect, test } from 'vitest';
import { ada, alert, bob, type Harness, type HarnessOptions, HOUR, harness, MINUTE } from './testing/harness.ts';

let h: Harness;
const start = async (options?: HarnessOptions): Promise<Harness> => {
  h = await harness(options);
  return h;
};
afterEach(() => h.close());

const KEY = 'threshold:critical:2026-11:acme';
/** Milliseconds until an answer is no longer waited for. */
const SHORT = 500;
const onlyAda = { onCall: { clients: [[ada]], operations: [[ada]] } };
const isCreate = ({ method, path }: { method: string; path: string }) => method === 'POST' && path === '/Messages.json';
const creates = () => h.standIn.requests.filter(isCreate);
/** Fails the first requests that make a text. */
const first = (times: number, failure: object) => {
  let left = times;
  return {
    failures: (request: { method: string; path: string }) =>
      (isCreate(request) && left-- > 0 ? failure : undefined) as never,
  };
};

test('an alert is texted to everybody of the first level, and delivered', async () => {
  await start();
  expect(await h.fire([alert()])).toEqual({ fired: [KEY], repeated: [], suppressed: [], resolved: [] });
  const [one, two] = h.messages();
  expect(one).toMatchObject({
    recipient: 'ada',
    state: 'delivered',
    attempts: 1,
    code: expect.stringMatching(/^\d{4}$/),
  });
  expect(two).toMatchObject({ recipient: 'bob', state: 'delivered', code: one?.code });
  const texts = h.texts();
  expect(texts.map(({ to }) => to).sort()).toEqual([ada.phone, bob.phone]);
  expect(texts[0]?.body).toMatch(
    new RegExp(`^⚠️ Usage Alert for Acme: Monthly usage has exceeded \\$100\\.00\\. Reply ${one?.code} to acknowledge`),
  );
  expect(h.events(KEY).sort()).toEqual(['delivered', 'delivered', 'fired', 'queued', 'queued', 'sent', 'sent']);
  expect(h.eventRows(KEY).find(({ event }) => event === 'sent')).toMatchObject({
    recipient: 'ada',
    message_sid: texts[0]?.sid,
    client_id: 'acme',
    source: 'sms',
  });
});

test('nothing that is logged or recorded holds a number', async () => {
  await start({ standIn: first(1, { status: 400, code: 21211, message: `The number ${ada.phone} is not valid` }) });
  await h.fire([alert()]);
  expect(JSON.stringify([h.log, h.eventRows(KEY), h.messages().map(({ error }) => error)])).not.toMatch(/4035550/);
});

describe('Twilio refuses', () => {
  test('a number that cannot be texted: given up with the reason; the others get theirs', async () => {
    await start({ standIn: first(1, { status: 400, code: 21211 }) });
    await h.fire([alert()]);
    expect(h.messages().map(({ state, error_code, attempts }) => [state, error_code, attempts])).toEqual([
      ['failed', '21211', 1],
      ['delivered', null, 1],
    ]);
    expect(h.eventRows(KEY).find(({ event }) => event === 'undelivered')?.error).toBe(
      '21211: not a number that can be texted',
    );
  });

  test('a number that answered STOP: it is remembered, and the escalation does not wait', async () => {
    await start({
      config: { onCall: { clients: [[ada], [bob]], operations: [] } },
      standIn: first(1, { status: 400, code: 21610 }),
    });
    await h.fire([alert()]);
    expect(h.messages()).toMatchObject([{ state: 'failed', error_code: '21610' }]);
    expect(h.deps.db.prepare('SELECT phone FROM stopped').all()).toEqual([{ phone: ada.phone }]);
    expect(h.alert(KEY).escalate_at).toBe(h.now());
    expect(h.alert(KEY).last_texted_at).toBeNull();
    // The next one is not even tried.
    await h.fire([alert({ client: 'beta' })]);
    expect(creates()).toHaveLength(1);
    expect(h.messages()[1]).toMatchObject({ state: 'failed', error_code: '21610' });
    expect(h.alert('threshold:critical:2026-11:beta').escalate_at).toBe(h.now());
  });

  test.each([
    ['a wrong token', { status: 401, code: 20003 }],
    ['a suspended account', { status: 403, code: 20005 }],
    ['a sender that is not ours', { status: 400, code: 21606 }],
    ['somebody in between, not as Twilio does', { status: 403, body: '<html>proxy</html>' }],
  ])('everything, for %s: nothing is lost, it leaves when that is mended', async (_, failure) => {
    await start({ config: onlyAda, standIn: first(3, failure) });
    await h.fire([alert()]);
    expect(h.messages()[0]).toMatchObject({ state: 'queued', attempts: 1 });
    expect(h.log.some(({ level }) => level === 'error')).toBe(true);
    expect(h.events(KEY)).toEqual(['fired', 'queued', 'undelivered']);
    for (let pause = 0; pause < 8; pause++) await h.pass(3_000);
    expect(h.messages()[0]).toMatchObject({ state: 'delivered', attempts: 4, repeats: 0 });
    expect(h.texts()).toHaveLength(1);
    expect(h.texts()[0]?.body).not.toContain('may repeat');
  });

  test('429 with Retry-After: not before', async () => {
    await start({ config: onlyAda, standIn: first(1, { status: 429, retryAfter: 30 }) });
    await h.fire([alert()]);
    await h.pass(29_000);
    expect(creates()).toHaveLength(1);
    await h.pass(2_000);
    expect(h.messages()[0]).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(h.texts()[0]?.body).not.toContain('may repeat');
  });
});

describe('nobody is there', () => {
  test('connection refused: surely not sent; it leaves unmarked when Twilio is back', async () => {
    await start({ config: { ...onlyAda }, standIn: {} });
    const { apiUrl } = h.deps.config.twilio;
    await h.close();
    // A port that nobody listens on any more.
    await start({
      config: { ...onlyAda, twilio: { ...h.deps.config.twilio, apiUrl } },
    });
    await h.fire([alert()]);
    expect(h.messages()[0]).toMatchObject({
      state: 'queued',
      attempts: 1,
      error: expect.stringContaining('ECONNREFUSED'),
    });
    await h.pass(2_000);
    expect(h.messages()[0]).toMatchObject({ state: 'queued', attempts: 2 });
  });

  test('many wait while Twilio is away: they become one text, not a pile', async () => {
    let away = true;
    await start({
      config: onlyAda,
      standIn: { failures: () => (away ? { status: 401, code: 20003 } : undefined) },
    });
    for (const client of ['acme', 'beta', 'gamma', 'delta']) await h.fire([alert({ client })]);
    away = false;
    for (let pause = 0; pause < 10; pause++) await h.pass(MINUTE);
    expect(h.texts()).toHaveLength(1);
    expect(h.texts()[0]?.body).toMatch(/^⚠️ 4 critical alerts: Acme: .*Beta, Gamma, Delta/);
  });
});

describe('nobody knows whether it left', () => {
  const after = [
    ['time-out after it was accepted', { hang: true, accepted: true }],
    ['reset after it was accepted', { reset: true, accepted: true }],
    ['500 although it was accepted', { accepted: true, status: 500 }],
    ['503 although it was accepted', { accepted: true, status: 503 }],
    ['201 with a body that is no JSON', { accepted: true, body: '<html>' }],
    ['201 with the body of something else', { accepted: true, body: '{"ok":true}' }],
    ['an answer that comes too late', { accepted: true, delayMs: 900 }],
  ] as const;
  test.each(after)('%s: found in the list, never sent twice', async (_, failure) => {
    await start({ config: onlyAda, standIn: first(1, failure), callbacks: false, timeoutMs: SHORT });
    await h.fire([alert()]);
    expect(h.messages()[0]).toMatchObject({ state: 'maybe_sent', attempts: 1, sid: null });
    expect(h.events(KEY)).toEqual(['fired', 'queued', 'maybe_sent']);
    await h.pass(3_000);
    await h.pass(MINUTE);
    expect(h.messages()[0]).toMatchObject({ state: 'delivered', sid: h.texts()[0]?.sid });
    expect(h.events(KEY)).toEqual(['fired', 'queued', 'maybe_sent', 'sent', 'delivered']);
    for (let minute = 0; minute < 5; minute++) await h.pass(MINUTE);
    expect(h.messages()).toMatchObject([{ attempts: 1 }]);
    expect(h.texts()).toHaveLength(1);
  });

  test.each([
    ['time-out before', { hang: true }],
    ['reset before', { reset: true }],
    ['500', { status: 500 }],
    ['502 of a gateway', { status: 502, body: 'Bad gateway' }],
    ['408 of a proxy', { status: 408, body: 'Request timeout' }],
  ])('%s: not in the list for two minutes, then once more, marked', async (_, failure) => {
    await start({ config: onlyAda, standIn: first(1, failure), timeoutMs: SHORT });
    await h.fire([alert()]);
    expect(h.messages()[0]).toMatchObject({ state: 'maybe_sent' });
    for (let second = 0; second < 110; second += 10) await h.pass(10_000);
    expect(creates()).toHaveLength(1);
    await h.pass(15_000);
    await h.pass(1_000);
    expect(creates()).toHaveLength(2);
    expect(h.texts()).toHaveLength(1);
    expect(h.texts()[0]?.body).toMatch(/^\(may repeat\) ⚠️ Usage Alert for Acme: /);
    expect(h.messages()[0]).toMatchObject({ state: 'delivered', attempts: 2, repeats: 1 });
  });

  test('again and again: given up after three repeats, and the escalation comes forward', async () => {
    await start({
      config: { onCall: { clients: [[ada], [bob]], operations: [] } },
      standIn: { failures: (request) => (isCreate(request) ? { status: 500 } : undefined) },
    });
    await h.fire([alert()]);
    for (let step = 0; step < 60; step++) await h.pass(10_000);
    expect(h.messages()[0]).toMatchObject({ state: 'failed', attempts: 4, repeats: 3 });
    expect(h.alert(KEY).escalate_at as number).toBeLessThanOrEqual(h.now());
    expect(h.events(KEY).at(-1)).toBe('undelivered');
  });

  test('the list cannot be read: nothing is sent again until it was', async () => {
    let listed = 0;
    await start({
      config: onlyAda,
      standIn: {
        failures: (request) => {
          if (isCreate(request)) return creates().length === 0 ? { reset: true, accepted: true } : undefined;
          return request.method === 'GET' && listed++ < 5 ? { status: 503 } : undefined;
        },
      },
      callbacks: false,
    });
    await h.fire([alert()]);
    for (let step = 0; step < 40; step++) await h.pass(MINUTE);
    expect(creates()).toHaveLength(1);
    expect(h.messages()[0]).toMatchObject({ state: 'delivered' });
  });

  test('acknowledged or resolved while it was looked for: not sent again', async () => {
    await start({ config: onlyAda, standIn: first(1, { reset: true }) });
    await h.fire([alert()]);
    await h.fire([alert({ status: 'resolved' })]);
    for (let step = 0; step < 20; step++) await h.pass(10_000);
    expect(h.messages()[0]).toMatchObject({ state: 'cancelled' });
    expect(creates()).toHaveLength(1);
  });

  test('a text of yesterday with the same words is not taken for it', async () => {
    let fail = false;
    await start({
      config: onlyAda,
      standIn: { failures: (request) => (isCreate(request) && fail ? { reset: true } : undefined) },
    });
    await h.fire([alert()]);
    await h.pass(25 * HOUR);
    fail = true;
    await h.fire([alert()]);
    fail = false;
    expect(h.messages()[1]).toMatchObject({ state: 'maybe_sent', code: h.messages()[0]?.code });
    for (let step = 0; step < 14; step++) await h.pass(10_000);
    expect(h.texts()).toHaveLength(2);
    expect(h.texts()[1]?.body).toContain('(may repeat)');
  });
});
