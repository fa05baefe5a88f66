import { COLOR } from '../kit/colors.ts';
import { CLIENT_OF_ROW } from '../kit/links.ts';
import { seriesQuery } from '../kit/query.ts';
import { AS_OF, FIRST_DAY, LAST_DAY, MONTH } from '../kit/sql.ts';
import { type Column, table } from '../kit/table.ts';
import { SERVICES } from './services.ts';

const usd = (name: string, title: string, width: number): Column => ({
  name,
  title,
  unit: 'currencyUSD',
  decimals: 2,
  width,
});

const SQL = `SELECT
  client_id,
  client_name AS client,
  ${SERVICES.map(({ column }) => `toFloat64(${column}) AS ${column.replace('_cost', '')}`).join(',\n  ')},
  toFloat64(total_cost) AS total,
  toFloat64(previous_month_cost) AS previous,
  cost_change_percent AS change
FROM monthly_summary(month = ${MONTH})
ORDER BY total_cost DESC, client_id`;

/**
 * A sparkline is drawn over the dashboard's time range, whatever its own times are. So the days of the chosen month are laid out over that range: the first one
 * at its beginning, the month's last one at its end; in equal steps, since a longer one than the first would be a gap.
 */
const DAYS = `SELECT
  fromUnixTimestamp64Milli(toInt64($__from + intDiv($__to - $__from, toDayOfMonth(${LAST_DAY}) - 1) * (toDayOfMonth(day) - 1)), 'UTC') AS time,
  toString(client_id) AS client_id,
  toFloat64(cost) AS cost
FROM client_day_costs(first_day = ${FIRST_DAY}, last_day = ${AS_OF})
ORDER BY day, client_id`;

/**
 * One row a client, dearest first. The days come as series (query B), become one small chart a client, and are joined to the rows by the
 * client's id; rows keep the order of query A.
 */
export const clients = () =>
  table({
    title: 'Clients',
    description:
      'List-price cost by service in the chosen month, dearest first. “Change” compares with the whole month before and is coloured above +20 %; it is empty in a client’s first month. A click on a name opens the client.',
    sql: SQL,
    noValue: 'No usage found',
    columns: [
      { name: 'client_id' },
      {
        name: 'client',
        title: 'Client',
        values: { unattributed: { text: 'Usage without a client' } },
        link: { title: 'Open this client', url: CLIENT_OF_ROW },
        more: [{ id: 'custom.minWidth', value: 150 }],
      },
      // A dash is quieter than a zero where a client does not use a service.
      ...SERVICES.map(({ column, title }) => ({
        ...usd(column.replace('_cost', ''), title, 80),
        more: [{ id: 'mappings', value: [{ type: 'value', options: { 0: { text: '–', index: 0 } } }] }],
      })),
      usd('total', 'Total', 92),
      { ...usd('previous', 'Month before', 104), noValue: '–' },
      {
        name: 'change',
        title: 'Change',
        unit: 'percent',
        decimals: 0,
        width: 80,
        noValue: '–',
        color: [COLOR.plain, [20.5, COLOR.critical]],
      },
      {
        name: 'Trend #B',
        title: 'Days',
        unit: 'currencyUSD',
        width: 120,
        // Not empty: Grafana fills gaps of a sparkline with the number that it reads here, and takes an empty text for 0.
        noValue: '–',
        more: [
          { id: 'custom.cellOptions', value: { type: 'sparkline', hideValue: true, lineWidth: 1, fillOpacity: 20 } },
          { id: 'color', value: { mode: 'fixed', fixedColor: COLOR.spent } },
        ],
      },
    ],
  })
    .withTarget(seriesQuery(DAYS, 'B'))
    .transformations([
      { id: 'timeSeriesTable', options: { B: { stat: 'sum', timeField: 'time' } } },
      { id: 'joinByField', options: { byField: 'client_id', mode: 'outerTabular' } },
    ]);
