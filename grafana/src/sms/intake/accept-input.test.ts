import { afterEach, describe, expect, test } from 'vitest';
import {
  ada,
  alert,
  type Harness,
  type HarnessOptions,
  HOUR,
  harness,
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
const bodies = () => h.texts().map(({ body }) => body);

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
