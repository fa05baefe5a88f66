import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientAlertState, getClientAlertStates } from '../../../clickhouse/src/alerts/index.ts';
import { setClient } from '../../../clickhouse/src/queries/index.ts';
import {
  freshLedger,
  refresh,
  rows,
  startTestEngine,
  type TestEngine,
  uuidv7,
} from '../../../clickhouse/src/queries/testing/ledger.ts';
import { charge } from './support.ts';

let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'life');
});
afterAll(() => engine?.stop());

/** `threshold:critical:2025-11` of what fires for a client. */
async function firing(clientId: string, asOf: string): Promise<string[]> {
  const states = await getClientAlertStates(client, { asOf, clientId });
  return states
    .filter((state) => state.firing)
    .map(({ alertType, severity, month }) => `${alertType}:${severity}:${month}`);
}

const message = async (clientId: string, asOf: string, type: string, severity: string): Promise<string | undefined> =>
  (await getClientAlertStates(client, { asOf, clientId })).find(
    (state: ClientAlertState) => state.alertType === type && state.severity === severity,
  )?.message;

describe('a month of a client', () => {
  const big = uuidv7('2025-11-12T12:00:00Z');

  test('below all limits nothing fires', async () => {
    await charge(client, [['acme', '2025-11-02', '20']]);
    expect(await firing('acme', '2025-11-10')).toEqual([]);
  });

  test('a warning', async () => {
    await charge(client, [['acme', '2025-11-11', '30']]);
    // 50 by the 11th are projected to 136.36.
    expect(await firing('acme', '2025-11-11')).toEqual(['threshold:warning:2025-11']);
    expect(await message('acme', '2025-11-11', 'threshold', 'warning')).toBe('Monthly usage has exceeded $50.00');
  });

  test('critical, its warning with it, and the projection', async () => {
    await charge(client, [['acme', '2025-11-12', '60', big]]);
    expect(await firing('acme', '2025-11-12')).toEqual([
      'threshold:warning:2025-11',
      'threshold:critical:2025-11',
      'anomaly:warning:2025-11',
    ]);
    // 110 / 12 × 30
    expect(await message('acme', '2025-11-12', 'anomaly', 'warning')).toBe('Projected monthly cost: $275.00');
  });

  test('a correction of the charge ends what it caused, and only that', async () => {
    await charge(client, [['acme', '2025-11-12', '0.5', big, 2]]);
    // 50.5 / 12 × 30 = 126.25
    expect(await firing('acme', '2025-11-12')).toEqual(['threshold:warning:2025-11']);
  });

  test('one that moves the charge to another client ends it here and starts it there', async () => {
    await charge(client, [['globex', '2025-11-12', '150', big, 3]]);
    expect(await firing('acme', '2025-11-12')).toEqual(['threshold:warning:2025-11']);
    expect(await firing('globex', '2025-11-12')).toContain('threshold:critical:2025-11');
    await refresh(client);
    expect(await firing('globex', '2025-11-12')).toContain('threshold:critical:2025-11');
  });

  test('own limits end it, and start it again', async () => {
    await setClient(client, { id: 'acme', name: 'Acme Inc.', monthlyWarning: '80' });
    expect(await firing('acme', '2025-11-12')).toEqual([]);
    await setClient(client, { id: 'acme', monthlyWarning: null });
    expect(await firing('acme', '2025-11-12')).toEqual(['threshold:warning:2025-11']);
  });

  test('a deactivated client is not watched', async () => {
    await setClient(client, { id: 'acme', active: false });
    expect(await firing('acme', '2025-11-12')).toEqual([]);
    await setClient(client, { id: 'acme', active: true });
  });

  test('with the month its alerts end by value; the next one starts afresh', async () => {
    expect(await firing('acme', '2025-11-30')).toEqual(['threshold:warning:2025-11']);
    const rolled = await getClientAlertStates(client, { asOf: '2025-12-01', clientId: 'acme' });
    expect(rolled.map(({ month, firing: fires }) => [month, fires])).toEqual([
      ...Array.from({ length: 5 }, () => ['2025-12', false]),
      ...Array.from({ length: 5 }, () => ['2025-11', false]),
    ]);
    await charge(client, [['acme', '2025-12-05', '55']]);
    expect(await firing('acme', '2025-12-05')).toEqual([
      'threshold:warning:2025-12',
      'spike:warning:2025-12',
      'spike:critical:2025-12',
      'anomaly:warning:2025-12',
    ]);
  });

  test('a client that was deleted keeps its usage, its id for a name and the default limits', async () => {
    await client.command({ query: "ALTER TABLE clients DELETE WHERE id = 'acme' SETTINGS mutations_sync = 2" });
    const [state] = await getClientAlertStates(client, { asOf: '2025-11-12', clientId: 'acme' });
    expect(state).toMatchObject({ clientId: 'acme', clientName: 'acme', firing: true, threshold: '50' });
    // Three months later nothing says that there ever was one.
    expect(await getClientAlertStates(client, { asOf: '2026-03-05', clientId: 'acme' })).toEqual([]);
  });
});

describe('what Grafana makes of it', () => {
  // The frame of an alert query: exactly one number, all else texts that become labels, each set of them once.
  test('one number, texts, no times, no set of labels twice', async () => {
    await setClient(client, { id: 'same-1', name: 'Same name' });
    await setClient(client, { id: 'same-2', name: 'Same name' });
    const query = `SELECT client_id, client_name, alert_type, severity, month, toFloat64(state) AS number
      FROM client_alert_states(as_of = toDate('2025-12-05'))`;
    const result = await client.query({ query, format: 'JSONCompact' });
    const { meta, data } = (await result.json()) as unknown as {
      meta: { name: string; type: string }[];
      data: unknown[][];
    };
    expect(meta.map(({ type }) => type)).toEqual(['String', 'String', 'String', 'String', 'String', 'Float64']);
    expect(new Set(data.map((row) => JSON.stringify(row.slice(0, -1)))).size).toBe(data.length);
    expect(data.filter((row) => row[1] === 'Same name')).toHaveLength(20);
    expect(new Set(data.map((row) => row.at(-1)))).toEqual(new Set([0, 1]));
  });

  test('the columns and types that rules and dashboards build on', async () => {
    const types = async (view: string) =>
      Object.fromEntries(
        (await rows<{ name: string; type: string }>(client, `DESCRIBE (SELECT * FROM ${view})`)).map(
          ({ name, type }) => [name, type],
        ),
      );
    expect(await types("client_alert_states(as_of = toDate('2025-12-05'))")).toEqual({
      client_id: 'String',
      client_name: 'String',
      alert_type: 'String',
      severity: 'String',
      month: 'String',
      state: 'UInt8',
      value: 'Decimal(38, 12)',
      threshold: 'Decimal(38, 12)',
      current_cost: 'Decimal(38, 12)',
      previous_cost: 'Nullable(Decimal(38, 12))',
      projected_cost: 'Decimal(38, 12)',
      percent_change: 'Nullable(Float64)',
      same_days: 'UInt8',
      message: 'String',
    });
    expect(await types("pipeline_alert_states(at = now('UTC'))")).toEqual({
      alert_type: 'String',
      severity: 'String',
      state: 'UInt8',
      value: 'Float64',
      threshold: 'Float64',
      message: 'String',
    });
  });

  test('a session that joins with NULLs gets the same rows', async () => {
    const query = "SELECT * FROM client_alert_states(as_of = toDate('2025-12-05')) ORDER BY ALL";
    const asked = async (settings: Record<string, number>) =>
      (await client.query({ query, format: 'JSONEachRow', clickhouse_settings: settings })).json();
    expect(await asked({ join_use_nulls: 1 })).toEqual(await asked({}));
  });
});
