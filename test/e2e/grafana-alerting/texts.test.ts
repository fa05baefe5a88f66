import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluate } from '../../../grafana/src/alerting/testing/evaluate.ts';
import { committed, rulesOf } from '../../../grafana/src/alerting/testing/files.ts';
import { render } from '../../../grafana/src/alerting/testing/template.ts';
import { AlertLedger, asSent, type Charge, freshLedger, startTestEngine, type TestEngine } from './ledger.ts';

// What the rules' queries answer, and that Grafana's texts are the view's own, word for word.

const rules = rulesOf(committed('provisioning/alerting/rules.yaml')).map(({ rule }) => rule);
const clientRules = rules.filter(({ labels }) => labels.route === 'clients');
const NOW = new Date('2026-02-10T12:00:00Z');

let engine: TestEngine;
let ledger: AlertLedger;

/** Costs that end in half cents and half percents, where a float and a Decimal part ways. */
const EDGES = ['50.005', '50.015', '100.125', '1.005', '33.335', '77.7777', '149.995', '150', '163.5', '100.00000001'];

beforeAll(async () => {
  engine = await startTestEngine();
  ledger = new AlertLedger(await freshLedger(engine, 'alert_texts'));
  const charges: Charge[] = EDGES.flatMap((cost, index) => [
    { client: `edge-${index}`, day: '2026-01-08', cost: EDGES[(index + 3) % EDGES.length]! },
    { client: `edge-${index}`, day: '2026-01-20', cost: '0.5' },
    { client: `edge-${index}`, day: '2026-02-02', cost },
    { client: `edge-${index}`, day: '2026-02-09', cost: EDGES[(index + 7) % EDGES.length]! },
  ]);
  await ledger.charge([
    ...charges,
    { client: 'unattributed', day: '2026-02-03', cost: '60' },
    { client: 'new', day: '2026-02-03', cost: '500' },
    { client: 'quiet', day: '2026-01-03', cost: '500' },
    { client: 'o\'brien "&" <b>', day: '2026-02-03', cost: '120' },
    // Only the same days of the previous month are lower: 20 against 12, and 40 in the full month.
    { client: 'same-days', day: '2025-12-01', cost: '1' },
    { client: 'same-days', day: '2026-01-02', cost: '12' },
    { client: 'same-days', day: '2026-01-25', cost: '28' },
    { client: 'same-days', day: '2026-02-05', cost: '20' },
  ]);
  await ledger.configure({
    id: 'edge-0',
    name: 'Edge {{ zero }} $HOME ⚠️',
    monthlyWarning: '50.01',
    monthlyCritical: '50.03',
  });
  await ledger.configure({ id: 'edge-1', spikePercent: '0.5' });
  await ledger.configure({ id: 'unused' });
  await ledger.configure({ id: 'quiet', active: false });
});
afterAll(() => engine?.stop());

describe.each(rules.map((rule) => [rule.uid, rule] as const))('%s', (_uid, rule) => {
  test('answers one number per set of texts, as a table', async () => {
    for (const { refId, model } of rule.data) {
      if (!('rawSql' in model)) continue;
      const sql = asSent(model.rawSql, NOW);
      const described = await ledger.rows<{ name: string; type: string }>(`DESCRIBE (${sql})`);
      const labels = rule.labels.route === 'clients' ? ['client_id', 'client_name', 'month'] : [];
      expect(described.map(({ name, type }) => `${name} ${type}`)).toEqual([
        ...labels.map((name) => `${name} String`),
        'number Float64',
      ]);
      const samples = await ledger.ask(model.rawSql, NOW);
      expect(samples.length, refId).toBeGreaterThan(0);
      expect(samples.every(({ value }) => Number.isFinite(value))).toBe(true);
      if (refId === 'state') expect(samples.every(({ value }) => value === 0 || value === 1)).toBe(true);
    }
  });

  test('has every value for every alert', async () => {
    const results = await evaluate(rule, (sql) => ledger.ask(sql, NOW));
    const ids = rule.data.map(({ refId }) => refId).toSorted();
    for (const result of results) expect(Object.keys(result.values).toSorted()).toEqual(ids);
  });
});

test('all clients are in every answer, each once, and every one once more for the month before', async () => {
  const ids = [
    ...EDGES.map((_, index) => `edge-${index}`),
    'new',
    'o\'brien "&" <b>',
    'quiet',
    'same-days',
    'unattributed',
    'unused',
  ];
  for (const rule of clientRules) {
    const results = await evaluate(rule, (sql) => ledger.ask(sql, NOW));
    for (const month of ['2026-01', '2026-02']) {
      const those = results.filter(({ labels }) => labels.month === month);
      expect(those.map(({ labels }) => labels.client_id).toSorted()).toEqual(ids.toSorted());
      if (month === '2026-01') expect(those.every(({ state }) => state === 'Normal')).toBe(true);
    }
  }
});

test('what fires says what the view says, and the figures beside it', async () => {
  const said: Record<string, number> = {};
  for (const day of ['2026-02-03', '2026-02-10', '2026-02-28']) {
    const now = new Date(`${day}T12:00:00Z`);
    const rows = await ledger.rows<Record<string, string>>(
      `SELECT alert_type, severity, month, client_id, client_name, message, percent_change,
        toDecimalString(round(threshold, 2), 2) AS threshold, toDecimalString(round(current_cost, 2), 2) AS current_cost,
        toDecimalString(round(projected_cost, 2), 2) AS projected_cost, toDecimalString(round(ifNull(previous_cost, 0), 2), 2) AS previous_cost
      FROM client_alert_states(as_of = toDate('${day}')) WHERE state = 1`,
    );
    for (const rule of clientRules) {
      const fired = (await evaluate(rule, (sql) => ledger.ask(sql, now))).filter(({ state }) => state === 'Alerting');
      const expected = rows.filter(
        (row) => row.alert_type === rule.labels.alert_type && row.severity === rule.labels.severity,
      );
      expect(fired.map(({ labels }) => labels.client_id).toSorted()).toEqual(
        expected.map((row) => row.client_id).toSorted(),
      );
      for (const { labels, values } of fired) {
        const row = expected.find(({ client_id }) => client_id === labels.client_id)!;
        expect(labels).toEqual({ client_id: row.client_id, client_name: row.client_name, month: row.month });
        const text = (name: string) => render(rule.annotations[name]!, { Labels: labels, Values: values });
        expect(text('summary'), `${rule.uid} ${row.client_id} ${day}`).toBe(row.message);
        for (const name of ['current_cost', 'previous_cost', 'projected_cost', 'threshold']) {
          if (rule.annotations[name] !== undefined) expect(text(name), `${rule.uid} ${name}`).toBe(row[name]);
        }
        if (rule.annotations.percent_change !== undefined) {
          expect(Math.abs(Number(text('percent_change')) - Number(row.percent_change))).toBeLessThanOrEqual(0.5);
        }
        const kind = row.message!.replaceAll(/[\d.]+/g, '#');
        said[kind] = (said[kind] ?? 0) + 1;
      }
    }
  }
  // All four sentences were said.
  expect(Object.keys(said).toSorted()).toEqual([
    'Monthly usage has exceeded $#',
    'Projected monthly cost: $#',
    'Usage is #% higher than in the same days of last month',
    'Usage is #% higher than last month',
  ]);
  expect(Object.values(said).reduce((sum, count) => sum + count)).toBeGreaterThan(30);
});
