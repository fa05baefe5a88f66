import { bars, stackedBars } from '../kit/charts.ts';
import { FIRST_DAY, LAST_DAY, MONTH, PERIOD, serviceName } from '../kit/sql.ts';
import { table } from '../kit/table.ts';
import { SERVICES } from './services.ts';

/** A day is a name here, not a time: the month comes from the variable, so Grafana's own time range has no say. */
export const costPerDay = () =>
  stackedBars(
    {
      title: 'Cost per day',
      description: 'List-price cost of all clients by service and day (UTC).',
      sql: `SELECT
  formatDateTime(day, '%e %b') AS day_name,
  ${SERVICES.map(({ column, title }) => `toFloat64(${column}) AS "${title}"`).join(',\n  ')}
FROM (
  SELECT
    u.day AS day,
    ${SERVICES.map(({ column }) => `sum(u.${column}) AS ${column}`).join(',\n    ')}
  FROM usage_client_days AS u
  WHERE u.day BETWEEN ${FIRST_DAY} AND ${LAST_DAY}
  GROUP BY u.day
  ORDER BY u.day WITH FILL FROM ${FIRST_DAY} TO ${LAST_DAY} + 1
)
ORDER BY day`,
      unit: 'currencyUSD',
      noValue: 'No usage found',
    },
    Object.fromEntries(SERVICES.map(({ title, color }) => [title, color])),
  );

export const topClients = () =>
  bars({
    title: 'Top clients',
    description: 'The ten clients that cost most in the chosen month.',
    sql: `SELECT if(client_id = 'unattributed', 'Usage without a client', client_name) AS client, toFloat64(total_cost) AS cost
FROM monthly_summary(month = ${MONTH})
ORDER BY total_cost DESC, client_id
LIMIT 10`,
    unit: 'currencyUSD',
    noValue: 'No usage found',
  });

export const topModels = () =>
  table({
    title: 'Top models',
    description: 'Model calls of all clients in the chosen month, by cost. Tokens count in and out.',
    sql: `SELECT
  m.model AS model_name,
  if(m.provider = '', m.service, m.provider) AS provider_name,
  toFloat64(sum(m.requests)) AS calls,
  toFloat64(sum(m.input_tokens)) AS tokens_in,
  toFloat64(sum(m.output_tokens)) AS tokens_out,
  toFloat64(sum(m.cost)) AS cost_usd
FROM usage_models(${PERIOD}) AS m
GROUP BY m.service, m.provider, m.model
ORDER BY sum(m.cost) DESC, calls DESC, model_name, provider_name
LIMIT 10`,
    noValue: 'No model calls found',
    columns: [
      { name: 'model_name', title: 'Model' },
      { name: 'provider_name', title: 'Provider', width: 106 },
      { name: 'calls', title: 'Calls', unit: 'locale', decimals: 0, width: 70 },
      { name: 'tokens_in', title: 'Tokens in', unit: 'short', width: 84 },
      { name: 'tokens_out', title: 'Tokens out', unit: 'short', width: 90 },
      { name: 'cost_usd', title: 'Cost', unit: 'currencyUSD', decimals: 2, width: 92 },
    ],
  });

export const topOperations = () =>
  table({
    title: 'Top operations',
    description: 'Operations of all clients in the chosen month, by cost.',
    sql: `SELECT ${serviceName('service')} AS service_name, operation, toFloat64(requests) AS calls, toFloat64(cost) AS cost
FROM top_operations(${PERIOD})
LIMIT 10`,
    noValue: 'No usage found',
    columns: [
      { name: 'service_name', title: 'Service', width: 140 },
      { name: 'operation', title: 'Operation' },
      { name: 'calls', title: 'Calls', unit: 'locale', decimals: 0, width: 84 },
      { name: 'cost', title: 'Cost', unit: 'currencyUSD', decimals: 2, width: 92 },
    ],
  });
