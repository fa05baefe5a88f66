import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Webhook } from '../../../grafana/src/alerting/testing/alertmanager.ts';
import { SimulatedGrafana } from '../../../grafana/src/alerting/testing/grafana.ts';
import { readWebhook } from '../../../grafana/src/sms/intake/payload.ts';
import { AlertLedger, freshLedger, startTestEngine, type TestEngine } from './ledger.ts';

// The committed files in a simulated Grafana, over the real engine and its views: who is told what, and when.

const OWN = ['rules', 'contact-points', 'policies'].map((name) => `provisioning/alerting/${name}.yaml`);
const IMPORTED = ['import/alerting/client-cost.yaml'];
const clients = (uid: string): boolean => /^cc-(threshold|spike|anomaly)/.test(uid);

let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());

/** `receiver: alert_type severity client month → status: summary`, one line per alert. */
const lines = (webhooks: readonly Webhook[]): string[] =>
  webhooks.flatMap(({ receiver, alerts }) =>
    alerts.map(({ status, labels, annotations }) => {
      const who = [labels.alert_type, labels.severity, labels.client_id, labels.month].filter(
        (part) => part !== undefined,
      );
      return `${receiver}: ${who.join(' ')} → ${status}: ${annotations.summary}`;
    }),
  );

const quiet = { info() {}, warn() {}, error() {} };

const utc = (text: string): Date => new Date(`${text}:00Z`);

describe('a client', () => {
  let ledger: AlertLedger;
  let grafana: SimulatedGrafana;

  beforeAll(async () => {
    ledger = new AlertLedger(await freshLedger(engine, 'alert_life'));
    await ledger.configure({ id: 'acme', name: 'Acme Ltd' });
    grafana = new SimulatedGrafana(OWN, utc('2026-02-26T09:00'), ledger.ask, (uid) => /^cc-threshold/.test(uid));
  });

  test('below its limits: nobody is told', async () => {
    await ledger.charge([{ client: 'acme', day: '2026-02-26', cost: '49.999999' }]);
    expect(await grafana.until(utc('2026-02-26T10:00'))).toEqual([]);
    expect(
      grafana
        .states('cc-threshold-warning')
        .map(({ labels, state }) => [labels.month, state])
        .toSorted(),
    ).toEqual([
      ['2026-01', 'Normal'],
      ['2026-02', 'Normal'],
    ]);
  });

  test('warning: one webhook, with the labels and annotations that the contact point reads', async () => {
    await ledger.charge([{ client: 'acme', day: '2026-02-26', cost: '0.000001' }]);
    const webhooks = await grafana.until(utc('2026-02-26T12:00'));
    expect(webhooks).toHaveLength(1);
    expect(webhooks[0]?.receiver).toBe('client-cost-sms');
    // The next evaluation, and half a minute for others of the same kind.
    expect(webhooks[0]!.at - utc('2026-02-26T10:05').getTime()).toBeLessThanOrEqual(90_000);
    const [alert] = webhooks[0]!.alerts;
    expect(alert).toEqual({
      status: 'firing',
      labels: {
        alertname: 'Monthly usage over its warning threshold',
        grafana_folder: 'client-cost',
        alert_type: 'threshold',
        severity: 'warning',
        route: 'clients',
        client_id: 'acme',
        client_name: 'Acme Ltd',
        month: '2026-02',
      },
      annotations: {
        summary: 'Monthly usage has exceeded $50.00',
        current_cost: '50.00',
        threshold: '50.00',
        dashboard: 'http://localhost:3000/d/client-cost-client?var-client=acme&var-month=2026-02',
        runbook: 'docs/grafana-alerting.md#threshold',
      },
    });
    const taken = readWebhook('clients', { ...webhooks[0], truncatedAlerts: 0 }, quiet);
    expect(taken.alerts).toEqual([
      expect.objectContaining({
        key: 'threshold:warning:2026-02:acme',
        client_name: 'Acme Ltd',
        message: 'Monthly usage has exceeded $50.00',
        details: JSON.stringify({ current_cost: '50.00', threshold: '50.00' }),
        foreign: false,
      }),
    ]);
  });

  test('critical: an alert of its own, the warning stays as it was', async () => {
    await ledger.charge([{ client: 'acme', day: '2026-02-26', cost: '55' }]);
    expect(lines(await grafana.until(utc('2026-02-26T14:00')))).toEqual([
      'client-cost-sms: threshold critical acme 2026-02 → firing: Monthly usage has exceeded $100.00',
    ]);
  });

  test('unchanged for two days: one reminder each, 25 hours later', async () => {
    const reminders = await grafana.until(utc('2026-02-28T08:00'));
    expect(lines(reminders)).toEqual([
      'client-cost-sms: threshold warning acme 2026-02 → firing: Monthly usage has exceeded $50.00',
      'client-cost-sms: threshold critical acme 2026-02 → firing: Monthly usage has exceeded $100.00',
    ]);
    for (const { at } of reminders) expect(at).toBeGreaterThan(utc('2026-02-27T11:05').getTime());
  });

  test('a new limit resolves the critical, the old one fires it again', async () => {
    await ledger.configure({ id: 'acme', monthlyCritical: '200' });
    expect(lines(await grafana.until(utc('2026-02-28T09:00')))).toEqual([
      'client-cost-sms: threshold critical acme 2026-02 → resolved: Monthly usage has exceeded $200.00',
    ]);
    await ledger.configure({ id: 'acme', monthlyCritical: null });
    expect(lines(await grafana.until(utc('2026-02-28T10:00')))).toEqual([
      'client-cost-sms: threshold critical acme 2026-02 → firing: Monthly usage has exceeded $100.00',
    ]);
  });

  test('the month turns: both resolve by their value, and the new month begins quietly', async () => {
    const before = await grafana.until(utc('2026-02-28T23:59'));
    expect(before.flatMap(({ alerts }) => alerts.filter(({ status }) => status === 'resolved'))).toEqual([]);
    const turn = await grafana.until(utc('2026-03-01T06:00'));
    expect(lines(turn).map((line) => line.replace(/: Monthly.*/, ''))).toEqual([
      'client-cost-sms: threshold warning acme 2026-02 → resolved',
      'client-cost-sms: threshold critical acme 2026-02 → resolved',
    ]);
    for (const { at } of turn) expect(at).toBeLessThanOrEqual(utc('2026-03-01T00:10').getTime());
  });

  test('a new client at once over everything: a webhook per rule', async () => {
    await ledger.charge([{ client: 'beta', day: '2026-03-02', cost: '120' }]);
    expect(lines(await grafana.until(utc('2026-03-02T06:00')))).toEqual([
      'client-cost-sms: threshold warning beta 2026-03 → firing: Monthly usage has exceeded $50.00',
      'client-cost-sms: threshold critical beta 2026-03 → firing: Monthly usage has exceeded $100.00',
    ]);
  });

  test('several clients at once: one webhook with all of them', async () => {
    await ledger.charge(['c1', 'c2', 'c3'].map((client) => ({ client, day: '2026-03-02', cost: '60' })));
    const webhooks = await grafana.until(utc('2026-03-02T07:00'));
    expect(webhooks).toHaveLength(1);
    expect(webhooks[0]!.alerts.map(({ labels }) => labels.client_id).toSorted()).toEqual(['beta', 'c1', 'c2', 'c3']);
  });

  test('an outage of two hours changes nothing for clients', async () => {
    const states = grafana.states('cc-threshold-warning');
    ledger.down = true;
    expect(await grafana.until(utc('2026-03-02T09:00'))).toEqual([]);
    // A Grafana that starts meanwhile knows nothing and says nothing.
    const started = new SimulatedGrafana(OWN, utc('2026-03-02T08:00'), ledger.ask, clients);
    expect(await started.until(utc('2026-03-02T09:00'))).toEqual([]);
    ledger.down = false;
    expect(await grafana.until(utc('2026-03-02T09:20'))).toEqual([]);
    expect(grafana.states('cc-threshold-warning')).toEqual(states);
  });

  test('a client that is switched off resolves by its value', async () => {
    await ledger.configure({ id: 'c1', active: false });
    expect(lines(await grafana.until(utc('2026-03-02T09:30'))).filter((line) => line.includes('resolved'))).toEqual([
      'client-cost-sms: threshold warning c1 2026-03 → resolved: Monthly usage has exceeded $50.00',
    ]);
  });

  test('a client that was erased resolves after three evaluations', async () => {
    await ledger.command("ALTER TABLE usage_events DELETE WHERE client_id = 'beta' SETTINGS mutations_sync = 2");
    const erased = utc('2026-03-02T09:30').getTime();
    const webhooks = await grafana.until(utc('2026-03-02T10:30'));
    const resolved = webhooks.flatMap(({ at, alerts }) =>
      alerts
        .filter(({ status }) => status === 'resolved')
        .map(({ labels }) => [labels.client_id, labels.severity, at] as const),
    );
    expect(resolved.map(([client, severity]) => `${client} ${severity}`)).toEqual(['beta warning', 'beta critical']);
    for (const [, , at] of resolved) expect(at - erased).toBeLessThanOrEqual(25 * 60_000);
    expect(grafana.states('cc-threshold-critical').map(({ labels }) => labels.client_id)).not.toContain('beta');
  });

  test('a client that is renamed stays one alert for who reads the webhook, though Grafana has two for a while', async () => {
    await ledger.configure({ id: 'c2', name: 'Renamed' });
    const webhooks = await grafana.until(utc('2026-03-02T11:10'));
    const raw = webhooks.flatMap(({ alerts }) => alerts.filter(({ labels }) => labels.client_id === 'c2'));
    expect(raw.map(({ labels, status }) => `${labels.client_name} ${status}`)).toEqual(
      expect.arrayContaining(['Renamed firing', 'c2 resolved']),
    );
    const taken = webhooks.flatMap(
      (webhook) => readWebhook('clients', { ...webhook, truncatedAlerts: 0 }, quiet).alerts,
    );
    const statuses = taken.filter(({ key }) => key === 'threshold:warning:2026-03:c2').map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(['firing']));
  });
});

test('a projection that swings around its limit is one alert, not one a day', async () => {
  const ledger = new AlertLedger(await freshLedger(engine, 'alert_swing'));
  const start = utc('2026-02-10T00:00');
  const anomaly = (uid: string): boolean => uid === 'cc-anomaly-warning';
  const grafana = new SimulatedGrafana(OWN, start, ledger.ask, anomaly);
  const state = () => grafana.states('cc-anomaly-warning').find(({ labels }) => labels.month === '2026-02')?.state;
  // 28 days, 150 USD: the limit is passed on the 10th, missed on the 12th in the morning, passed again in the afternoon, and so on.
  await ledger.charge([{ client: 'gamma', day: '2026-02-09', cost: '48.3' }]);
  const webhooks: Webhook[] = [];
  const seen = new Set<string | undefined>();
  for (const [index, cost] of ['5.4', '4.9', '5.8', '4.9', '5.8'].entries()) {
    const day = `2026-02-${10 + index}`;
    webhooks.push(...(await grafana.until(utc(`${day}T12:00`))));
    seen.add(state());
    await ledger.charge([{ client: 'gamma', day, cost }]);
    webhooks.push(...(await grafana.until(utc(`${day}T23:59`))));
    seen.add(state());
  }
  // It did swing: Grafana saw it back to normal and fired again, and kept it meanwhile.
  expect([...seen]).toContain('Recovering');
  const statuses = webhooks.flatMap(({ alerts }) => alerts.map(({ status }) => status));
  expect(statuses).not.toContain('resolved');
  // The one that fired and reminders, a day apart at least.
  for (const [index, { at }] of webhooks.entries()) {
    if (index > 0) expect(at - webhooks[index - 1]!.at).toBeGreaterThan(25 * 3_600_000);
  }
  // When nothing more comes it resolves, a day after it was last true.
  const calm = lines(await grafana.until(utc('2026-02-18T00:00')));
  expect(calm.filter((line) => line.includes('resolved'))).toHaveLength(1);
});

describe.each([
  ['its own policies', OWN],
  ['the policies of a Grafana that was there before', IMPORTED],
])('the pipeline under %s', (_name, paths) => {
  let ledger: AlertLedger;
  let grafana: SimulatedGrafana;
  const some = (uid: string): boolean =>
    ['cc-threshold-warning', 'cc-pipeline-silent-critical', 'cc-pipeline-rejected-warning'].includes(uid);

  beforeAll(async () => {
    ledger = new AlertLedger(await freshLedger(engine, paths === OWN ? 'alert_pipeline' : 'alert_pipeline_imported'));
    await ledger.charge([{ client: 'acme', day: '2026-02-20', cost: '60' }]);
    grafana = new SimulatedGrafana(paths, utc('2026-02-20T11:00'), ledger.ask, some);
    expect(lines(await grafana.until(utc('2026-02-20T11:08')))).toEqual([
      'client-cost-sms: threshold warning acme 2026-02 → firing: Monthly usage has exceeded $50.00',
    ]);
  });

  const ERROR =
    'client-cost-operations: pipeline_silent critical → firing: The ledger does not answer and no alert is checked. Check that services, Collector and ClickHouse run; client-cost doctor says more';
  const RESOLVED = /^client-cost-operations: pipeline_silent critical → resolved/;

  test('a restart of ClickHouse is told to nobody', async () => {
    ledger.down = true;
    expect(await grafana.until(utc('2026-02-20T11:12'))).toEqual([]);
    ledger.down = false;
    expect(await grafana.until(utc('2026-02-20T11:25'))).toEqual([]);
  });

  test('ClickHouse away: operations are told once, nobody on the client route', async () => {
    ledger.down = true;
    const webhooks = await grafana.until(utc('2026-02-20T12:00'));
    expect(lines(webhooks)).toEqual([ERROR]);
    expect(webhooks[0]!.alerts[0]!.labels).toMatchObject({
      alertname: 'DatasourceError',
      rulename: 'No usage arrives',
      alert_type: 'pipeline_silent',
    });
    ledger.down = false;
    expect(lines(await grafana.until(utc('2026-02-20T12:12')))).toEqual([expect.stringMatching(RESOLVED)]);
  });

  test('the view of clients alone fails: operations are told, though no client rule says so', async () => {
    await ledger.command('RENAME TABLE client_alert_states TO hidden');
    expect(lines(await grafana.until(utc('2026-02-20T12:30')))).toEqual([ERROR]);
    await ledger.command('RENAME TABLE hidden TO client_alert_states');
    expect(lines(await grafana.until(utc('2026-02-20T12:40')))).toEqual([expect.stringMatching(RESOLVED)]);
    expect(grafana.states('cc-threshold-warning').filter(({ state }) => state === 'Alerting')).toHaveLength(1);
  });

  test('a rejected event goes to operations, and away after an hour', async () => {
    await ledger.command(
      `INSERT INTO usage_events_rejected (time, reason, received_at) VALUES ('2026-02-20 11:52:00', 'usage.id is no UUID', '2026-02-20 11:52:00')`,
    );
    expect(lines(await grafana.until(utc('2026-02-20T12:47')))).toEqual([
      'client-cost-operations: pipeline_rejected warning → firing: Usage events rejected in the last hour and not billed: 1. See usage_events_rejected; client-cost doctor says more',
    ]);
    expect(lines(await grafana.until(utc('2026-02-20T13:02'))).map((line) => line.split(':')[1])).toEqual([
      ' pipeline_rejected warning → resolved',
    ]);
  });
});
