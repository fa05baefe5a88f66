import { bars } from '../kit/charts.ts';
import { COLOR, steps } from '../kit/colors.ts';
import { TRACE_OF_ROW } from '../kit/links.ts';
import { AS_OF, CLIENT, PERIOD, serviceName } from '../kit/sql.ts';
import { stat } from '../kit/stat.ts';
import { table } from '../kit/table.ts';

const OF_CLIENT = `client_id = ${CLIENT}, ${PERIOD}`;
const NOTHING = 'No usage found';

export const costByService = () =>
  bars({
    title: 'Cost by service',
    description: 'List-price cost of the month, by who sends the bill.',
    sql: `SELECT ${serviceName('service')} AS service_name, toFloat64(cost) AS cost
FROM client_usage_by_service(${OF_CLIENT})`,
    unit: 'currencyUSD',
    noValue: NOTHING,
  });

export const operations = () =>
  table({
    title: 'Top operations',
    description: 'The ten operations that cost most in the month, with their calls.',
    sql: `SELECT operation, ${serviceName('service')} AS service_name, toFloat64(requests) AS calls, toFloat64(cost) AS cost
FROM client_top_operations(${OF_CLIENT})`,
    noValue: NOTHING,
    columns: [
      { name: 'operation', title: 'Operation' },
      { name: 'service_name', title: 'Service', width: 130 },
      { name: 'calls', title: 'Calls', unit: 'locale', decimals: 0, width: 84 },
      { name: 'cost', title: 'Cost', unit: 'currencyUSD', decimals: 2, width: 92 },
    ],
  });

export const priced = () =>
  stat({
    title: 'Unpriced and estimated',
    description:
      'Part of the month’s calls that has no price yet (they cost more than is shown here), and part whose usage or price was estimated.',
    sql: `SELECT unpriced_percent AS "Unpriced", estimated_percent AS "Estimated"
FROM client_month(client_id = ${CLIENT}, as_of = ${AS_OF})`,
    unit: 'percent',
    units: { Estimated: 'percent' },
  }).overrideByName('Unpriced', [
    { id: 'thresholds', value: steps(COLOR.plain, [0.000001, COLOR.warning], [5, COLOR.critical]).build() },
  ]);

export const models = () =>
  table({
    title: 'By model',
    description:
      'Model calls of the month, by cost. Tokens in include the cached ones, tokens out the reasoning ones. Unpriced calls are in no cost.',
    sql: `SELECT
  model,
  if(provider = '', service, provider) AS provider,
  toFloat64(requests) AS calls,
  toFloat64(input_tokens) AS tokens_in,
  toFloat64(output_tokens) AS tokens_out,
  toFloat64(cache_read_tokens) AS tokens_cached,
  toFloat64(unpriced_requests) AS unpriced,
  if(unpriced_requests = requests, NULL, toFloat64(cost)) AS cost_usd
FROM client_usage_by_model(${OF_CLIENT})`,
    noValue: 'No model calls found',
    columns: [
      { name: 'model', title: 'Model' },
      { name: 'provider', title: 'Provider', width: 140 },
      { name: 'calls', title: 'Calls', unit: 'locale', decimals: 0, width: 100 },
      { name: 'tokens_in', title: 'Tokens in', unit: 'short', width: 110 },
      { name: 'tokens_out', title: 'Tokens out', unit: 'short', width: 110 },
      { name: 'tokens_cached', title: 'Cached', unit: 'short', width: 110 },
      {
        name: 'unpriced',
        title: 'Unpriced calls',
        unit: 'short',
        width: 130,
        color: [COLOR.plain, [1, COLOR.warning]],
      },
      { name: 'cost_usd', title: 'Cost', unit: 'currencyUSD', decimals: 4, noValue: 'unknown', width: 110 },
    ],
  });

export const recentCalls = () =>
  table({
    title: 'Recent calls',
    description:
      'The 50 newest calls of the month. A cost that is not known is empty, never 0. The trace opens in Explore.',
    sql: `SELECT
  time,
  ${serviceName('service')} AS service_name,
  operation,
  model,
  toFloat64(input_tokens) AS tokens_in,
  toFloat64(output_tokens) AS tokens_out,
  if(currency IN ('', 'USD'), toFloat64(cost), NULL) AS cost,
  cost_source,
  outcome,
  trace_id
FROM client_recent_calls(${OF_CLIENT})
ORDER BY time DESC`,
    noValue: 'No calls found',
    columns: [
      { name: 'time', title: 'Time', unit: 'time:D MMM HH:mm:ss', width: 124 },
      { name: 'service_name', title: 'Service', width: 108 },
      { name: 'operation', title: 'Operation', width: 132 },
      { name: 'model', title: 'Model' },
      { name: 'tokens_in', title: 'Tokens in', unit: 'short', width: 76 },
      { name: 'tokens_out', title: 'Tokens out', unit: 'short', width: 86 },
      { name: 'cost', title: 'Cost', unit: 'currencyUSD', width: 92, noValue: 'unknown' },
      { name: 'cost_source', title: 'Priced by', width: 84 },
      {
        name: 'outcome',
        title: 'Outcome',
        width: 72,
        values: { error: { color: COLOR.critical }, aborted: { color: COLOR.warning } },
      },
      { name: 'trace_id', title: 'Trace', width: 290, link: { title: 'Open the trace', url: TRACE_OF_ROW } },
    ],
  });
