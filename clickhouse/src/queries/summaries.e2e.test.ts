import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  getClientUsageSummary,
  getCoverage,
  getCurrentMonthUsage,
  getLedgerVsCounters,
  getModels,
  getMonthlySummary,
  getPeriodSummary,
  setClient,
} from './index.ts';
import { freshLedger, rows, send, startTestEngine, type TestEngine, usage } from './testing/ledger.ts';

let engine: TestEngine;
let client: ClickHouseClient;
const HOSTILE = '\'"`\\;\n{a:String} OR 1=1 -- \u{1F4A9}';

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'summaries');
  const call = (time: string, clientId: string, cost: string, over: Record<string, string> = {}) => ({
    time,
    attributes: usage({ 'client.id': clientId, 'cost.amount': cost, ...over }),
  });
  const sms = {
    'usage.service': 'twilio_sms',
    'usage.operation': 'send_sms',
    'usage.unit': 'segment',
    'gen_ai.provider.name': '',
    'gen_ai.request.model': '',
    'gen_ai.response.model': '',
    'gen_ai.usage.input_tokens': '',
    'gen_ai.usage.output_tokens': '',
  };
  await send(client, [
    call('2025-12-31T23:59:59.999Z', 'acme', '2'),
    call('2026-01-01T00:00:00Z', 'acme', '1.5'),
    call('2026-01-10T00:00:00Z', 'acme', '0.000027'),
    call('2026-01-10T00:00:00Z', 'acme', '0.0079', { ...sms, 'usage.quantity': '3' }),
    call('2026-01-11T00:00:00Z', 'acme', '0.1', { ...sms, 'usage.service': 'stripe', 'usage.operation': 'charge' }),
    call('2026-01-12T00:00:00Z', 'acme', '0.2', { ...sms, 'usage.service': 'something', 'usage.operation': 'new' }),
    call('2026-01-12T00:00:00Z', 'acme', '', { 'gen_ai.request.model': 'gpt-unknown', 'cost.source': 'unpriced' }),
    call('2026-01-13T00:00:00Z', 'acme', '', { 'usage.outcome': 'error', 'cost.source': '', 'error.type': '429' }),
    call('2026-01-31T23:59:59.999Z', HOSTILE, '4', { 'cost.source': 'estimated' }),
    call('2026-01-15T00:00:00Z', '', '0.5'),
    call('2026-02-01T00:00:00Z', 'acme', '9'),
    call('2026-04-01T00:00:00Z', 'acme', '1'),
  ]);
});
afterAll(() => engine?.stop());

describe('getMonthlySummary', () => {
  test('January compares with December of the year before', async () => {
    const { clients, totals } = await getMonthlySummary(client, { month: '2026-01' });
    expect(clients.map(({ clientId }) => clientId)).toEqual([HOSTILE, 'acme', 'unattributed']);
    expect(clients[1]).toMatchObject({
      month: '2026-01',
      clientName: 'acme',
      active: true,
      openaiCost: '1.500027',
      twilioSmsCost: '0.0079',
      twilioVoiceCost: '0',
      stripeCost: '0.1',
      otherCost: '0.2',
      totalCost: '1.807927',
      totalMessages: '3',
      totalAiCalls: 4,
      requests: 7,
      errors: 1,
      unpricedRequests: 1,
      previousMonthCost: '2',
      costChangePercent: -10,
    });
    expect(clients[0]).toMatchObject({ previousMonthCost: null, costChangePercent: null, estimatedRequests: 1 });
    expect(totals).toMatchObject({
      totalCost: '6.307927',
      activeClients: 2,
      unattributedCost: '0.5',
      averagePerClient: '2.9039635',
      openaiCost: '6.000027',
      twilioSmsCost: '0.0079',
      totalMessages: '3',
    });
  });

  test('a gap of a month is nothing to compare with', async () => {
    const { clients } = await getMonthlySummary(client, { month: '2026-04' });
    expect(clients).toMatchObject([
      { clientId: 'acme', totalCost: '1', previousMonthCost: null, costChangePercent: null },
    ]);
  });

  test('the change is rounded to whole percent', async () => {
    const { clients } = await getMonthlySummary(client, { month: '2026-02' });
    expect(clients).toMatchObject([{ previousMonthCost: '1.807927', costChangePercent: 398 }]);
    expect(await rows(client, "SELECT total_cost FROM usage_monthly WHERE month = '2026-02'")).toEqual([
      { total_cost: '9' },
    ]);
  });

  test('a month without usage is empty', async () => {
    expect(await getMonthlySummary(client, { month: '2020-02' })).toMatchObject({
      clients: [],
      totals: { totalCost: '0', activeClients: 0, averagePerClient: null },
    });
  });
});

test('getClientUsageSummary', async () => {
  const summary = await getClientUsageSummary(client, { clientId: 'acme', from: '2026-01-09', to: '2026-01-13' });
  expect(summary.total).toMatchObject({ requests: 6, errors: 1, cost: '0.307927', unpricedRequests: 1 });
  expect(summary.byService.map(({ service, cost, costSharePercent }) => [service, cost, costSharePercent])).toEqual([
    ['something', '0.2', 64.95],
    ['stripe', '0.1', 32.48],
    ['twilio_sms', '0.0079', 2.57],
    ['openai', '0.000027', 0.01],
  ]);
  expect(summary.byDay.map(({ day, cost }) => [day, cost])).toEqual([
    ['2026-01-09', '0'],
    ['2026-01-10', '0.007927'],
    ['2026-01-11', '0.1'],
    ['2026-01-12', '0.2'],
    ['2026-01-13', '0'],
  ]);
  expect(summary.topOperations.map(({ operation, requests }) => [operation, requests])).toEqual([
    ['new', 1],
    ['charge', 1],
    ['send_sms', 1],
    ['chat_completion', 3],
  ]);
  expect(summary.models.map(({ model, requests, cost }) => [model, requests, cost])).toEqual([
    ['gpt-4o-mini', 2, '0.000027'],
    ['gpt-unknown', 1, '0'],
  ]);
  const views = await rows<{ n: string }>(
    client,
    `SELECT count() AS n FROM client_usage_by_day(client_id = 'acme', first_day = '2026-01-01', last_day = '2026-01-31')
     UNION ALL SELECT count() FROM client_top_operations(client_id = 'acme', first_day = '2026-01-09', last_day = '2026-01-13')
     UNION ALL SELECT count() FROM client_usage_by_service(client_id = 'acme', first_day = '2026-01-09', last_day = '2026-01-13')
     UNION ALL SELECT count() FROM client_usage_by_model(client_id = 'acme', first_day = '2026-01-09', last_day = '2026-01-13')`,
  );
  expect(views.map(({ n }) => Number(n)).sort((a, b) => a - b)).toEqual([2, 4, 4, 31]);
});

test('hostile client ids are only ever values', async () => {
  const { total } = await getClientUsageSummary(client, { clientId: HOSTILE, from: '2026-01-01', to: '2026-01-31' });
  expect(total.cost).toBe('4');
  await setClient(client, { id: HOSTILE, name: "Robert'); DROP TABLE clients; --" });
  const { clients } = await getMonthlySummary(client, { month: '2026-01' });
  expect(clients[0]?.clientName).toBe("Robert'); DROP TABLE clients; --");
});

test.each([
  ['2026-01-31', '1.807927', 31, 0, '0.058320225806', '1.807927'],
  ['2026-01-10', '1.507927', 10, 21, '0.1507927', '4.6745737'],
  ['2026-01-01', '1.5', 1, 30, '1.5', '46.5'],
  ['2024-02-29', '0', 29, 0, '0', '0'],
])('getCurrentMonthUsage as of %s', async (asOf, cost, dayOfMonth, daysRemaining, dailyAverage, projectedCost) => {
  expect(await getCurrentMonthUsage(client, { clientId: 'acme', asOf })).toMatchObject({
    cost,
    dayOfMonth,
    daysRemaining,
    dailyAverage,
    projectedCost,
  });
});

test('getPeriodSummary, getModels, getCoverage', async () => {
  const period = { from: '2025-12-31', to: '2026-01-01' };
  expect((await getPeriodSummary(client, period)).clients).toMatchObject([{ clientId: 'acme', totalCost: '3.5' }]);
  expect(await getModels(client, { ...period, clientId: 'acme' })).toMatchObject([
    { model: 'gpt-4o-mini', cost: '3.5' },
  ]);
  expect(await getCoverage(client, { from: '2026-01-12', to: '2026-01-12' })).toMatchObject([
    { service: 'openai', requests: 1, unpricedRequests: 1, pricedPercent: 0 },
    { service: 'something', pricedPercent: 100 },
  ]);
});

test('setClient keeps what is not given and refuses what is no threshold', async () => {
  await setClient(client, { id: 'acme', name: 'Acme', monthlyWarning: '50', spikePercent: '25.5' });
  expect(await setClient(client, { id: 'acme', active: false })).toEqual({
    id: 'acme',
    name: 'Acme',
    active: false,
    monthlyWarning: '50',
    monthlyCritical: null,
    spikePercent: '25.5',
    spikeCriticalPercent: null,
    anomalyPercent: null,
    marginPercent: null,
    marginFixed: null,
  });
  expect(await setClient(client, { id: 'acme', monthlyWarning: null })).toMatchObject({
    monthlyWarning: null,
    name: 'Acme',
  });
  await expect(setClient(client, { id: 'acme', monthlyWarning: '-1' })).rejects.toThrow(/warning "-1"/);
  await expect(setClient(client, { id: 'acme', monthlyWarning: '9', monthlyCritical: '8' })).rejects.toThrow(
    /above critical/,
  );
});

describe('usage_ledger_vs_counters', () => {
  const point = (
    metric: string,
    at: string,
    value: number,
    over: { started?: string; temporality?: number; type?: string; client?: string } = {},
  ) => ({
    ResourceAttributes: { 'service.instance.id': 'a' },
    ServiceName: 'checkout',
    MetricName: `client_cost.${metric}`,
    Attributes: {
      'client.id': over.client ?? 'acme',
      ...(over.type === undefined ? {} : { 'gen_ai.token.type': over.type }),
    },
    StartTimeUnix: over.started ?? '2026-01-20 00:00:00',
    TimeUnix: at,
    Value: value,
    AggregationTemporality: over.temporality ?? 2,
    IsMonotonic: true,
  });

  test('cumulative and delta points, a restart and resends', async () => {
    const ledger = await freshLedger(engine, 'counters');
    await send(ledger, [
      { time: '2026-01-20T10:00:00Z', attributes: usage() },
      { time: '2026-01-20T10:00:01Z', attributes: usage() },
      { time: '2026-01-21T10:00:00Z', attributes: usage() },
    ]);
    const series = (day: string, n: number, over = {}) => [
      point('requests', `${day} 12:00:00`, n, over),
      point('cost', `${day} 12:00:00`, n * 0.000027, over),
      point('tokens', `${day} 12:00:00`, n * 100, { ...over, type: 'input' }),
      point('tokens', `${day} 12:00:00`, n * 20, { ...over, type: 'output' }),
    ];
    const values = [
      ...series('2026-01-20', 2),
      ...series('2026-01-20', 2),
      // After a restart the counters begin anew.
      ...series('2026-01-21', 1, { started: '2026-01-21 00:00:00' }),
    ];
    await ledger.insert({ table: 'otel_metrics_sum', values, format: 'JSONEachRow' });
    const all = { from: '2026-01-20', to: '2026-01-22' };
    expect(await getLedgerVsCounters(ledger, all)).toMatchObject([
      {
        day: '2026-01-20',
        ledgerRequests: 2,
        counterRequests: 2,
        ledgerTokens: 240,
        counterTokens: 240,
        differs: false,
      },
      { day: '2026-01-21', ledgerRequests: 1, counterRequests: 1, ledgerCost: '0.000027', differs: false },
    ]);
    await ledger.insert({
      table: 'otel_metrics_sum',
      values: [point('requests', '2026-01-22 12:00:00', 5, { temporality: 1, client: 'other' })],
      format: 'JSONEachRow',
    });
    expect(await getLedgerVsCounters(ledger, { from: '2026-01-22', to: '2026-01-22' })).toMatchObject([
      { clientId: 'other', ledgerRequests: 0, counterRequests: 5, differs: true },
    ]);
  });
});
