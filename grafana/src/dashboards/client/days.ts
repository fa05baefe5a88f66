import { overDays } from '../kit/charts.ts';
import { COLOR, fixed } from '../kit/colors.ts';
import { AS_OF, CLIENT, MONTH } from '../kit/sql.ts';

const DAYS = `client_month_days(client_id = ${CLIENT}, as_of = ${AS_OF})`;
const DASHED = { fill: 'dash', dash: [8, 6] };
const color = (name: string) => ({ id: 'color', value: fixed(name).build() });

export const costPerDay = () =>
  overDays(
    {
      title: 'Cost per day',
      description:
        'By day of the month (UTC). The dashed line is the daily average, drawn to the month’s end: what each remaining day is expected to cost.',
      sql: `SELECT
  day_of_month AS "Day",
  toFloat64(cost) AS "Cost",
  toFloat64(expected_cost) AS "Expected"
FROM ${DAYS}
ORDER BY day`,
      unit: 'currencyUSD',
      noValue: 'No usage found',
    },
    'Day',
  )
    .overrideByName('Cost', [
      color(COLOR.spent),
      { id: 'custom.drawStyle', value: 'bars' },
      { id: 'custom.fillOpacity', value: 80 },
      { id: 'custom.lineWidth', value: 0 },
    ])
    .overrideByName('Expected', [color(COLOR.expected), { id: 'custom.lineStyle', value: DASHED }]);

export const monthAgainstLimits = () =>
  overDays(
    {
      title: 'The month against its limits',
      description:
        'Cost added up by day of the month, and dashed where it is heading. The flat lines are the client’s warning and critical limits.',
      sql: `SELECT
  d.day_of_month AS "Day",
  toFloat64(d.cost_sum) AS "Spent",
  toFloat64(d.expected_sum) AS "Projected",
  toFloat64(l.warning) AS "Warning",
  toFloat64(l.critical) AS "Critical"
FROM ${DAYS} AS d
CROSS JOIN (
  SELECT
    if(count() = 0, NULL, maxIf(threshold, severity = 'warning')) AS warning,
    if(count() = 0, NULL, maxIf(threshold, severity = 'critical')) AS critical
  FROM client_alert_states(as_of = ${AS_OF})
  WHERE client_id = ${CLIENT} AND month = ${MONTH} AND alert_type = 'threshold'
) AS l
ORDER BY d.day`,
      unit: 'currencyUSD',
      noValue: 'No usage found',
    },
    'Day',
  )
    .overrideByName('Spent', [color(COLOR.spent), { id: 'custom.fillOpacity', value: 15 }])
    .overrideByName('Projected', [color(COLOR.expected), { id: 'custom.lineStyle', value: DASHED }])
    .overrideByName('Warning', [color(COLOR.warning), { id: 'custom.lineWidth', value: 1 }])
    .overrideByName('Critical', [color(COLOR.critical), { id: 'custom.lineWidth', value: 1 }]);
