import type { ClickHouseClient } from '@clickhouse/client';
import { type ModelUsage, modelUsage } from './client-usage.ts';
import { checkClientId, checkMonth, checkPeriod, monthPeriod, type Period } from './dates.ts';
import { count, type Row, select, text, textOrNull } from './run.ts';

/** One client over a month or another period. Amounts in USD and quantities are decimal strings. */
export interface ClientSummary {
  readonly clientId: string;
  readonly clientName: string;
  readonly active: boolean;
  readonly openaiCost: string;
  readonly twilioSmsCost: string;
  readonly twilioVoiceCost: string;
  readonly twilioPhoneCost: string;
  readonly stripeCost: string;
  readonly googlePlacesCost: string;
  readonly storageCost: string;
  /** All services without a column of their own. */
  readonly otherCost: string;
  readonly totalCost: string;
  readonly requests: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** SMS segments. */
  readonly totalMessages: string;
  /** Model calls of every provider. */
  readonly totalAiCalls: number;
  readonly openaiCalls: number;
  readonly totalVoiceMinutes: string;
  readonly unpricedRequests: number;
  readonly estimatedRequests: number;
}

export interface MonthlyClientSummary extends ClientSummary {
  readonly month: string;
  /** Null where the month before had no usage. */
  readonly previousMonthCost: string | null;
  /** Whole percent; null where there is nothing to compare with. */
  readonly costChangePercent: number | null;
}

export interface Totals {
  readonly totalCost: string;
  /** Clients with usage; usage without a client is none. */
  readonly activeClients: number;
  /** In `totalCost`, but not in the average. */
  readonly unattributedCost: string;
  /** Null without an active client. */
  readonly averagePerClient: string | null;
  readonly openaiCost: string;
  readonly openaiCalls: number;
  readonly totalAiCalls: number;
  readonly twilioSmsCost: string;
  readonly totalMessages: string;
  readonly requests: number;
  readonly errors: number;
  readonly unpricedRequests: number;
  readonly estimatedRequests: number;
}

export interface MonthlySummary {
  readonly month: string;
  /** Dearest first. */
  readonly clients: readonly MonthlyClientSummary[];
  readonly totals: Totals;
}

export interface PeriodSummary extends Period {
  readonly clients: readonly ClientSummary[];
  readonly totals: Totals;
}

/**
 * All clients of a month, each compared with the month before.
 *
 * @throws QueryInputError on a month that cannot be used, the client's error otherwise
 */
export async function getMonthlySummary(
  client: ClickHouseClient,
  options: { readonly month: string },
): Promise<MonthlySummary> {
  const month = checkMonth('month', options.month);
  const [rows, totals] = await Promise.all([
    select(client, 'SELECT * FROM monthly_summary(month = {month:String}) ORDER BY total_cost DESC, client_id', {
      month,
    }),
    getTotals(client, monthPeriod(month)),
  ]);
  return {
    month,
    clients: rows.map((row) => ({
      ...clientSummary(row),
      month,
      previousMonthCost: textOrNull(row, 'previous_month_cost'),
      costChangePercent: row.cost_change_percent === null ? null : count(row, 'cost_change_percent'),
    })),
    totals,
  };
}

/** All clients over any period. */
export async function getPeriodSummary(client: ClickHouseClient, options: Period): Promise<PeriodSummary> {
  const { from, to } = checkPeriod(options);
  const [rows, totals] = await Promise.all([
    select(
      client,
      'SELECT * FROM period_summary(first_day = {from:Date}, last_day = {to:Date}) ORDER BY total_cost DESC, client_id',
      { from, to },
    ),
    getTotals(client, { from, to }),
  ]);
  return { from, to, clients: rows.map(clientSummary), totals };
}

/** The cards above the table of clients. */
export async function getTotals(client: ClickHouseClient, options: Period): Promise<Totals> {
  const { from, to } = checkPeriod(options);
  const rows = await select(client, 'SELECT * FROM period_totals(first_day = {from:Date}, last_day = {to:Date})', {
    from,
    to,
  });
  const row = rows[0] ?? {};
  return {
    totalCost: text(row, 'total_cost') || '0',
    activeClients: count(row, 'active_clients'),
    unattributedCost: text(row, 'unattributed_cost') || '0',
    averagePerClient: textOrNull(row, 'average_per_client'),
    openaiCost: text(row, 'openai_cost') || '0',
    openaiCalls: count(row, 'openai_calls'),
    totalAiCalls: count(row, 'total_ai_calls'),
    twilioSmsCost: text(row, 'twilio_sms_cost') || '0',
    totalMessages: text(row, 'total_messages') || '0',
    requests: count(row, 'requests'),
    errors: count(row, 'errors'),
    unpricedRequests: count(row, 'unpriced_requests'),
    estimatedRequests: count(row, 'estimated_requests'),
  };
}

function clientSummary(row: Row): ClientSummary {
  return {
    clientId: text(row, 'client_id'),
    clientName: text(row, 'client_name'),
    active: row.active === true || row.active === 1,
    openaiCost: text(row, 'openai_cost'),
    twilioSmsCost: text(row, 'twilio_sms_cost'),
    twilioVoiceCost: text(row, 'twilio_voice_cost'),
    twilioPhoneCost: text(row, 'twilio_phone_cost'),
    stripeCost: text(row, 'stripe_cost'),
    googlePlacesCost: text(row, 'google_places_cost'),
    storageCost: text(row, 'storage_cost'),
    otherCost: text(row, 'other_cost'),
    totalCost: text(row, 'total_cost'),
    requests: count(row, 'requests'),
    errors: count(row, 'errors'),
    inputTokens: count(row, 'input_tokens'),
    outputTokens: count(row, 'output_tokens'),
    totalMessages: text(row, 'total_messages'),
    totalAiCalls: count(row, 'total_ai_calls'),
    openaiCalls: count(row, 'openai_calls'),
    totalVoiceMinutes: text(row, 'total_voice_minutes'),
    unpricedRequests: count(row, 'unpriced_requests'),
    estimatedRequests: count(row, 'estimated_requests'),
  };
}

/** Usage per client and model, dearest first; of one client when `clientId` is given. */
export async function getModels(
  client: ClickHouseClient,
  options: Period & { readonly clientId?: string | undefined },
): Promise<(ModelUsage & { readonly clientId: string })[]> {
  const { from, to } = checkPeriod(options);
  const clientId = options.clientId === undefined ? '' : checkClientId(options.clientId);
  const rows = await select(
    client,
    `SELECT * FROM usage_models(first_day = {from:Date}, last_day = {to:Date})
     WHERE {clientId:String} = '' OR client_id = {clientId:String}
     ORDER BY cost DESC, requests DESC, client_id, service, model`,
    { from, to, clientId },
  );
  return rows.map((row) => ({ clientId: text(row, 'client_id'), ...modelUsage(row) }));
}

export interface Coverage {
  readonly day: string;
  readonly service: string;
  readonly requests: number;
  readonly unpricedRequests: number;
  readonly estimatedRequests: number;
  /** Part of the requests that has a price, in percent. */
  readonly pricedPercent: number;
}

/** How much of the usage has a price, per day and service. */
export async function getCoverage(client: ClickHouseClient, options: Period): Promise<Coverage[]> {
  const { from, to } = checkPeriod(options);
  const rows = await select(
    client,
    'SELECT * FROM usage_coverage(first_day = {from:Date}, last_day = {to:Date}) ORDER BY day, service',
    { from, to },
  );
  return rows.map((row) => ({
    day: text(row, 'day'),
    service: text(row, 'service'),
    requests: count(row, 'requests'),
    unpricedRequests: count(row, 'unpriced_requests'),
    estimatedRequests: count(row, 'estimated_requests'),
    pricedPercent: count(row, 'priced_percent'),
  }));
}

export interface CounterDifference {
  readonly day: string;
  readonly clientId: string;
  readonly ledgerCost: string;
  /** Counters hold binary floats. */
  readonly counterCost: number;
  readonly ledgerRequests: number;
  readonly counterRequests: number;
  readonly ledgerTokens: number;
  readonly counterTokens: number;
  readonly differs: boolean;
}

/** The ledger beside the counters `client_cost.*`, per day and client. */
export async function getLedgerVsCounters(client: ClickHouseClient, options: Period): Promise<CounterDifference[]> {
  const { from, to } = checkPeriod(options);
  const rows = await select(
    client,
    'SELECT * FROM usage_ledger_vs_counters WHERE day BETWEEN {from:Date} AND {to:Date} ORDER BY day, client_id',
    { from, to },
  );
  return rows.map((row) => ({
    day: text(row, 'day'),
    clientId: text(row, 'client_id'),
    ledgerCost: text(row, 'ledger_cost'),
    counterCost: count(row, 'counter_cost'),
    ledgerRequests: count(row, 'ledger_requests'),
    counterRequests: count(row, 'counter_requests'),
    ledgerTokens: count(row, 'ledger_tokens'),
    counterTokens: count(row, 'counter_tokens'),
    differs: Boolean(row.differs),
  }));
}
