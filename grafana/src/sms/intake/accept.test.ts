import { afterEach, describe, expect, test } from 'vitest';
import {
  ada,
  alert,
  type Harness,
  type HarnessOptions,
  HOUR,
  harness,
  MINUTE,
  pipelineAlert,
} from '../delivery/testing/harness.ts';
import { transaction } from '../store/open.ts';

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
});

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

describe('alerts that are not ours', () => {
  const foreign = (name: string, labels: object = {}, status = 'firing') => ({
    status,
    labels: { alertname: name, ...labels },
    annotations: { summary: 'Something failed' },
    fingerprint: `${name}${JSON.stringify(labels)}`,
  });

  test('on the clients route: kept, answered, not texted', async () => {
    await start();
    // Grafana keeps the labels of the rule that it could not evaluate.
    const error = foreign('DatasourceError', {
      alert_type: 'threshold',
      severity: 'critical',
      rulename: 'Monthly usage',
    });
    expect(await h.fire([error, foreign('My own rule'), alert()])).toMatchObject({
      fired: [KEY],
      suppressed: ['DatasourceError: Monthly usage:critical::', 'My own rule:critical::'],
    });
    expect(bodies()).toEqual([expect.stringMatching(/^⚠️ Usage Alert for Acme: /)]);
    await h.pass(25 * HOUR);
    await h.fire([error]);
    expect(h.texts()).toHaveLength(1);
  });

  test('on the operations route: texted, one per rule', async () => {
    await start();
    const errors = ['Monthly usage', 'Spike'].map((rulename) => foreign('DatasourceError', { rulename }));
    await h.fire([...errors, foreign('Disk full', { severity: 'warning' })], 'operations');
    expect(bodies()).toEqual([
      expect.stringMatching(/^⚠️ client-cost: DatasourceError \(Monthly usage\): Something failed/),
    ]);
    expect(h.alert('Disk full:warning::')).toMatchObject({ route: 'operations', foreign_alert: 1 });
  });

  test('two of one rule: over when both are', async () => {
    await start();
    const one = foreign('Disk full', { host: 'a' });
    const two = foreign('Disk full', { host: 'b' });
    await h.fire([one, two], 'operations');
    await h.fire([{ ...one, status: 'resolved' }, two], 'operations');
    expect(await h.fire([{ ...one, status: 'resolved' }], 'operations')).toMatchObject({ resolved: [] });
    expect(await h.fire([{ ...two, status: 'resolved' }], 'operations')).toMatchObject({
      resolved: ['Disk full:critical::'],
    });
  });

  test("the pipeline's own", async () => {
    await start();
    expect(await h.fire([pipelineAlert()], 'operations')).toMatchObject({ fired: ['pipeline_silent:critical::'] });
    expect(bodies()).toEqual([expect.stringMatching(/^⚠️ client-cost: No usage event for 30 minutes\. Reply \d{4}/)]);
  });
});

test('alerts that Grafana left out: operations hear of it, until none is', async () => {
  await start();
  h.accept([alert()], 'clients', { truncatedAlerts: 7 });
  await h.pass(0);
  expect(h.log.some(({ level, fields }) => level === 'error' && fields.count === 7)).toBe(true);
  expect(bodies().join()).toContain('Grafana left 7 alerts out');
  expect(h.accept([alert()], 'clients', { truncatedAlerts: 0 })).toMatchObject({
    resolved: ['webhook_truncated:warning::'],
  });
});

test('what an alert is, is kept', async () => {
  await start();
  h.accept([alert()], 'clients', { receiver: 'client-cost-check' });
  const row = h.alert(KEY);
  expect(row).toMatchObject({ client_name: 'Acme', source: 'check', route: 'clients', month: '2026-11' });
  expect(JSON.parse(String(row.details))).toEqual({ current_cost: '104.2', threshold: '100' });
  expect(JSON.parse(String(row.silence_matchers))).toContainEqual({
    name: 'client_id',
    value: 'acme',
    isRegex: false,
    isEqual: true,
  });
  expect(h.eventRows(KEY)[0]).toMatchObject({
    event: 'fired',
    acknowledge_url: expect.stringMatching(/\/a\//),
    source: 'check',
  });
});

describe('what is not a webhook names the field and the way out, and changes nothing', () => {
  test.each([
    ['no object', [], /^The body is a list, not a JSON object/],
    ['null', null, /^The body is null/],
    ['no alerts', { status: 'firing' }, /^The field "alerts" is missing, not a list/],
    ['alerts that are none', { alerts: 'x' }, /^The field "alerts" is "x", not a list/],
    ['a status that is none', { alerts: [{ status: 'ok', labels: {} }] }, /"alerts\[0\]\.status" is "ok"/],
    ['no labels', { alerts: [{ status: 'firing' }] }, /"alerts\[0\]\.labels" is missing/],
    ['too many', { alerts: Array.from({ length: 20_001 }, () => ({})) }, /20001 alerts.*"Max alerts"/],
    ['a wrong count', { alerts: [], truncatedAlerts: 'two' }, /"truncatedAlerts" is "two"/],
  ])('%s', async (_, body, said) => {
    await start();
    const { acceptWebhook, BadWebhook } = await import('./accept.ts');
    expect(() => acceptWebhook(h.deps, 'clients', body)).toThrow(BadWebhook);
    expect(() => acceptWebhook(h.deps, 'clients', body)).toThrow(said);
    expect(h.messages()).toEqual([]);
  });

  test('one bad alert does not keep the others from anybody', async () => {
    await start();
    expect(await h.fire([{ status: 'firing', labels: 7 }, alert()])).toMatchObject({ fired: [KEY] });
    expect(h.log.find(({ level }) => level === 'error')?.fields).toMatchObject({
      problems: [expect.stringContaining('"alerts[0].labels" is a number')],
    });
  });

  test('hostile labels', async () => {
    await start();
    const labels = JSON.parse('{"__proto__":"x","constructor":"y","client_name":"N\\u0000ame"}') as Record<
      string,
      string
    >;
    await h.fire([alert({ labels: { ...labels, client_name: 'x'.repeat(100_000) } })]);
    expect(String(h.alert(KEY).client_name)).toHaveLength(256);
    expect(h.texts()).toHaveLength(1);
  });
});

test('all or nothing: a webhook that could not be written leaves no trace', async () => {
  await start();
  h.deps.db.exec("CREATE TRIGGER full BEFORE INSERT ON message_alerts BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  expect(() => h.accept([alert()])).toThrow('disk full');
  h.deps.db.exec('DROP TRIGGER full');
  expect(h.deps.db.prepare('SELECT count(*) AS n FROM alerts').get()).toEqual({ n: 0 });
  expect(transaction(h.deps.db, () => 1)).toBe(1);
  expect(await h.fire([alert()])).toMatchObject({ fired: [KEY] });
});
