import { afterEach, describe, expect, test } from 'vitest';
import { ada, alert, type Harness, type HarnessOptions, HOUR, harness, MINUTE } from '../delivery/testing/harness.ts';

let h: Harness;
const start = async (options: HarnessOptions = {}): Promise<Harness> => {
  h = await harness({ ...options, config: { onCall: { clients: [[ada]], operations: [[ada]] }, ...options.config } });
  return h;
};
afterEach(() => h.close());

const KEY = 'threshold:critical:2026-11:acme';
const WARNING = 'threshold:warning:2026-11:acme';
const warning = (options: object = {}) =>
  alert({ severity: 'warning', message: 'Monthly usage has exceeded $50.00', ...options });
const bodies = () => h.texts().map(({ body }) => body);
const acknowledge = (key: string) =>
  h.deps.db.prepare('UPDATE alerts SET acknowledged_at = ?, escalate_at = NULL WHERE key = ?').run(h.now(), key);

describe('24 hours per client, type and severity', () => {
  test('repeated webhooks are one text; after 24 hours unacknowledged another, with the same code', async () => {
    await start();
    await h.fire([alert()]);
    for (let hour = 0; hour < 5; hour++) {
      await h.pass(4 * HOUR);
      expect(await h.fire([alert()])).toMatchObject({ fired: [], repeated: [KEY] });
    }
    expect(h.texts()).toHaveLength(1);
    await h.pass(4 * HOUR + MINUTE);
    await h.fire([alert()]);
    expect(h.texts()).toHaveLength(2);
    expect(h.messages()[1]?.code).toBe(h.messages()[0]?.code);
    expect(h.alert(KEY)).toMatchObject({ episode: 1, status: 'firing' });
  });

  test('acknowledged: never again while it fires', async () => {
    await start();
    await h.fire([alert()]);
    acknowledge(KEY);
    await h.pass(30 * HOUR);
    expect(await h.fire([alert()])).toMatchObject({ repeated: [KEY] });
    expect(h.texts()).toHaveLength(1);
  });

  test('resolved and firing again within 24 hours: a new episode, not texted; after them it is', async () => {
    await start();
    await h.fire([alert()]);
    acknowledge(KEY);
    await h.pass(HOUR);
    expect(await h.fire([alert({ status: 'resolved' })])).toMatchObject({ resolved: [KEY] });
    await h.pass(HOUR);
    expect(await h.fire([alert()])).toEqual({ fired: [], repeated: [], suppressed: [KEY], resolved: [] });
    expect(h.alert(KEY)).toMatchObject({ episode: 2, acknowledged_at: null, status: 'firing', escalate_at: null });
    expect(h.texts()).toHaveLength(1);
    expect(h.events(KEY).slice(-3)).toEqual(['resolved', 'fired', 'suppressed']);
    await h.pass(23 * HOUR);
    expect(await h.fire([alert()])).toMatchObject({ repeated: [KEY] });
    expect(h.texts()).toHaveLength(2);
    expect(h.messages()[1]?.code).not.toBe(h.messages()[0]?.code);
  });

  test('the first of a month does not say again what the last of the month before said', async () => {
    await start({ at: '2026-11-30T23:00:00Z' });
    await h.fire([alert()]);
    await h.pass(2 * HOUR);
    const next = await h.fire([alert({ status: 'resolved' }), alert({ month: '2026-12' })]);
    expect(next).toMatchObject({ suppressed: ['threshold:critical:2026-12:acme'], resolved: [KEY] });
    expect(h.texts()).toHaveLength(1);
  });

  test('another client, another type, another severity are others', async () => {
    await start({ config: { textsPerHour: 100 } });
    await h.fire([warning()]);
    await h.fire([alert()]);
    await h.fire([alert({ type: 'spike' })]);
    await h.fire([alert({ client: 'beta' })]);
    expect(h.texts()).toHaveLength(4);
  });

  test('what never left does not count as told', async () => {
    await start({ standIn: { failures: () => ({ status: 400, code: 21211 }) } });
    await h.fire([alert()]);
    await h.fire([alert({ status: 'resolved' })]);
    expect(await h.fire([alert()])).toMatchObject({ fired: [KEY] });
    expect(h.messages()).toHaveLength(2);
  });
});

describe('a critical and its warning', () => {
  test('both in one webhook, whatever the order: one text, of the critical', async () => {
    await start();
    expect(await h.fire([warning(), alert()])).toMatchObject({ fired: [KEY], suppressed: [WARNING] });
    expect(bodies()).toEqual([expect.stringContaining('exceeded $100.00')]);
    expect(bodies()[0]).not.toContain('$50.00');
  });

  test('the warning first: the critical is not swallowed', async () => {
    await start();
    await h.fire([warning()]);
    await h.fire([warning(), alert()]);
    expect(bodies()).toEqual([expect.stringContaining('$50.00'), expect.stringContaining('$100.00')]);
  });

  test('a warning that still waits when its critical comes is not told', async () => {
    await start({ config: { gatherMs: 200, onCall: { clients: [[ada]], operations: [] } } });
    h.accept([warning()]);
    h.accept([alert()]);
    await h.pass(200);
    expect(bodies()).toEqual([expect.stringContaining('$100.00')]);
    expect(bodies()[0]).not.toContain('$50.00');
    expect(h.events(WARNING)).toEqual(['fired', 'queued', 'suppressed']);
  });
});

describe('one text', () => {
  test('for all of a webhook, and of the webhooks within the time of gathering', async () => {
    await start({ config: { gatherMs: 200 } });
    h.accept([alert(), alert({ client: 'beta' })]);
    await h.pass(100);
    h.accept([alert({ client: 'gamma' })]);
    await h.pass(100);
    expect(bodies()).toHaveLength(1);
    expect(bodies()[0]).toMatch(/^⚠️ 3 critical alerts: Acme: .*Beta.*Gamma/);
    expect(h.messages()).toHaveLength(1);
  });

  test('two thousand alerts at once', async () => {
    await start();
    const many = Array.from({ length: 2_000 }, (_, i) => alert({ client: `client-${i}` }));
    const begin = performance.now();
    const accepted = h.accept(many);
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(accepted.fired).toHaveLength(2_000);
    await h.pass(0);
    expect(bodies()).toEqual([expect.stringMatching(/^⚠️ 2000 critical alerts: /)]);
  });
});

describe('resolved', () => {
  test('before it was sent: cancelled; of several the others go', async () => {
    await start({ config: { gatherMs: 200 } });
    h.accept([alert(), alert({ client: 'beta' })]);
    h.accept([alert({ status: 'resolved' })]);
    await h.pass(200);
    expect(bodies()).toEqual([expect.stringMatching(/^⚠️ Usage Alert for Beta: /)]);
    h.accept([alert({ client: 'gamma' })]);
    h.accept([alert({ client: 'gamma', status: 'resolved' })]);
    await h.pass(200);
    expect(bodies()).toHaveLength(1);
    expect(h.messages()[1]).toMatchObject({ state: 'cancelled' });
  });

  test('stops the escalation', async () => {
    await start({ config: { onCall: { clients: [[ada], [ada]], operations: [] } } });
    await h.fire([alert()]);
    expect(h.alert(KEY)).toMatchObject({ escalate_at: h.now() + 900_000, level: 0 });
    await h.fire([alert({ status: 'resolved' })]);
    expect(h.alert(KEY)).toMatchObject({ escalate_at: null, resolved_at: h.now() });
  });

  test('and firing in one batch: firing wins', async () => {
    await start();
    expect(await h.fire([alert({ status: 'resolved' }), alert(), alert({ status: 'resolved' })])).toMatchObject({
      fired: [KEY],
      resolved: [],
    });
  });

  test('never fired, or already over: nothing', async () => {
    await start();
    const nothing = { fired: [], repeated: [], suppressed: [], resolved: [] };
    expect(await h.fire([alert({ status: 'resolved' })])).toEqual(nothing);
    await h.fire([alert()]);
    await h.fire([alert({ status: 'resolved' })]);
    expect(await h.fire([alert({ status: 'resolved' })])).toEqual(nothing);
    expect(h.events(KEY).filter((event) => event === 'resolved')).toHaveLength(1);
  });

  test('the old series of a renamed client ends: the alert goes on under the new name', async () => {
    await start();
    await h.fire([alert({ name: 'Acme', fingerprint: 'a' })]);
    await h.fire([alert({ name: 'Acme Ltd', fingerprint: 'b' })]);
    expect(await h.fire([alert({ name: 'Acme', fingerprint: 'a', status: 'resolved' })])).toMatchObject({
      resolved: [],
    });
    expect(h.alert(KEY)).toMatchObject({ status: 'firing', client_name: 'Acme Ltd' });
    expect(await h.fire([alert({ fingerprint: 'b', status: 'resolved' })])).toMatchObject({ resolved: [KEY] });
  });

  test('the check beside Grafana keeps nothing open: Grafana alone ends the alert, and the check alone', async () => {
    await start();
    const check = { receiver: 'client-cost-check' };
    await h.fire([alert({ fingerprint: 'grafana' })]);
    h.accept([alert({ fingerprint: 'check' })], 'clients', check);
    expect(await h.fire([alert({ fingerprint: 'grafana', status: 'resolved' })])).toMatchObject({ resolved: [KEY] });
    await h.fire([alert({ fingerprint: 'grafana' })]);
    expect(h.accept([alert({ fingerprint: 'check', status: 'resolved' })], 'clients', check)).toMatchObject({
      resolved: [KEY],
    });
  });
});
