import { afterEach, describe, expect, test } from 'vitest';
import { ada, alert, type Harness, type HarnessOptions, HOUR, harness, MINUTE } from '../delivery/testing/harness.ts';

let h: Harness;
const start = async (options: HarnessOptions = {}): Promise<Harness> => {
  h = await harness({ ...options, config: { onCall: { clients: [[ada]], operations: [[ada]] }, ...options.config } });
  return h;
};
afterEach(() => h.close());

const warning = (options: object = {}) =>
  alert({ severity: 'warning', message: 'Monthly usage has exceeded $50.00', ...options });
const bodies = () => h.texts().map(({ body }) => body);
const acknowledge = (key: string) =>
  h.deps.db.prepare('UPDATE alerts SET acknowledged_at = ?, escalate_at = NULL WHERE key = ?').run(h.now(), key);

describe('quiet hours', () => {
  const quiet = { quietHours: { from: '22:00', to: '07:00', timeZone: 'America/Denver' } };
  test('warnings wait and leave as one text; criticals do not wait', async () => {
    await start({ config: quiet, at: '2026-11-15T05:30:00Z' });
    await h.fire([warning(), alert({ client: 'night' })]);
    await h.fire([warning({ client: 'beta' })]);
    await h.pass(HOUR);
    expect(bodies()).toEqual([expect.stringContaining('Night')]);
    await h.pass(8 * HOUR);
    expect(bodies()).toHaveLength(2);
    expect(bodies()[1]).toMatch(/^⚠️ 2 alerts: Acme: .*Beta/);
  });

  test('resolved or acknowledged meanwhile: not sent', async () => {
    await start({ config: quiet, at: '2026-11-15T05:30:00Z' });
    await h.fire([warning(), warning({ client: 'beta' })]);
    await h.fire([warning({ status: 'resolved' })]);
    acknowledge('threshold:warning:2026-11:beta');
    await h.pass(9 * HOUR);
    expect(h.texts()).toEqual([]);
    expect(h.messages()[0]).toMatchObject({ state: 'cancelled' });
  });

  test('a warning that comes due in them, because it had to be tried again, waits too', async () => {
    let away = true;
    await start({
      config: quiet,
      at: '2026-11-15T04:59:30Z',
      standIn: { failures: () => (away ? { status: 429, retryAfter: 60 } : undefined) },
    });
    await h.fire([warning()]);
    away = false;
    await h.pass(5 * MINUTE);
    expect(h.texts()).toEqual([]);
    await h.pass(9 * HOUR);
    expect(h.texts()).toHaveLength(1);
  });
});

describe('texts per hour', () => {
  test('more wait and become one; a critical goes through', async () => {
    await start({ config: { textsPerHour: 2 } });
    for (const client of ['one', 'two', 'three', 'four']) {
      await h.fire([warning({ client })]);
      await h.pass(MINUTE);
    }
    expect(h.texts()).toHaveLength(2);
    await h.pass(57 * MINUTE);
    expect(bodies()[2]).toMatch(/^⚠️ 2 alerts: Three: .*Four/);
    await h.fire([warning({ client: 'five' })]);
    await h.fire([warning({ client: 'six' })]);
    await h.fire([alert({ client: 'seven' })]);
    expect(bodies()[3]).toBeDefined();
    expect(bodies().at(-1)).toMatch(/critical: Seven: /);
  });
});
