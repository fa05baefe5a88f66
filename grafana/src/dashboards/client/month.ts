import { shares } from '../kit/charts.ts';
import { COLOR } from '../kit/colors.ts';
import { tableQuery } from '../kit/query.ts';
import { AS_OF, CLIENT, MONTH } from '../kit/sql.ts';
import { stat } from '../kit/stat.ts';

const CLIENT_MONTH = `client_month(client_id = ${CLIENT}, as_of = ${AS_OF})`;

/** The client's own limits, or the defaults: what the alert rules compare with. */
export const LIMITS = `SELECT
  0. AS below,
  toFloat64(maxIf(threshold, severity = 'warning')) AS warning,
  toFloat64(maxIf(threshold, severity = 'critical')) AS critical
FROM client_alert_states(as_of = ${AS_OF})
WHERE client_id = ${CLIENT} AND month = ${MONTH} AND alert_type = 'threshold'
HAVING count() > 0`;

/** The number takes the colour of the limit that it has reached: thresholds come from the client's own limits (query B). */
const againstLimits = (panel: ReturnType<typeof stat>) =>
  panel.withTarget(tableQuery(LIMITS, 'B')).transformations([
    {
      id: 'configFromData',
      options: {
        configRefId: 'B',
        applyTo: { id: 'byName', options: 'Cost' },
        mappings: [
          { fieldName: 'below', handlerKey: 'threshold1', handlerArguments: { threshold: { color: COLOR.calm } } },
          { fieldName: 'warning', handlerKey: 'threshold1', handlerArguments: { threshold: { color: COLOR.warning } } },
          {
            fieldName: 'critical',
            handlerKey: 'threshold1',
            handlerArguments: { threshold: { color: COLOR.critical } },
          },
        ],
      },
    },
  ]);

export const monthToDate = () =>
  againstLimits(
    stat({
      title: 'Month to date',
      description:
        'List-price cost up to today; of a month that is over, the whole month. Orange from the client’s warning limit on, red from the critical one on.',
      sql: `SELECT toFloat64(cost) AS "Cost" FROM ${CLIENT_MONTH}`,
      unit: 'currencyUSD',
    }),
  );

export const projectedTotal = () =>
  againstLimits(
    stat({
      title: 'Projected total',
      description:
        'Cost to date / days so far × days of the month. Orange where it would reach the warning limit, red where it would reach the critical one.',
      sql: `SELECT toFloat64(projected_cost) AS "Cost", toFloat64(days_remaining) AS "Days remaining" FROM ${CLIENT_MONTH}`,
      unit: 'currencyUSD',
      units: { 'Days remaining': 'locale' },
    }),
  );

export const dailyAverage = () =>
  stat({
    title: 'Daily average',
    description: 'Cost to date / days so far, today included.',
    sql: `SELECT toFloat64(daily_average) AS "Cost" FROM ${CLIENT_MONTH}`,
    unit: 'currencyUSD',
  });

export const limits = () =>
  shares(
    {
      title: 'Against the limits',
      description:
        'Month to date in percent of the client’s own limits, or of the defaults where it has none. Set them with client-cost clients set.',
      sql: `SELECT
  maxIf(share, severity = 'warning') AS "Warning",
  maxIf(share, severity = 'critical') AS "Critical"
FROM (
  SELECT severity, toFloat64(value) * 100 / nullIf(toFloat64(threshold), 0) AS share
  FROM client_alert_states(as_of = ${AS_OF})
  WHERE client_id = ${CLIENT} AND month = ${MONTH} AND alert_type = 'threshold'
)
HAVING count() > 0`,
      unit: 'percent',
      noValue: '–',
    },
    { Warning: [100, COLOR.warning], Critical: [100, COLOR.critical] },
  );
