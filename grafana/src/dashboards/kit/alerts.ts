import { COLOR } from './colors.ts';
import { UID } from './dashboard.ts';
import { ACKNOWLEDGE, ACKNOWLEDGE_URL, DASHBOARD_OF_ROW } from './links.ts';
import { type Column, table } from './table.ts';

/** Alerts of the pipeline, too: on the dashboard of all clients. */
const PIPELINE = `
    UNION ALL
    SELECT toString(severity), '', '', alert_type, '', message, NULL, 0, '', '', 0
    FROM pipeline_alert_states(at = now('UTC'))
    WHERE state = 1 AND concat(alert_type, ':', severity, '::') NOT IN (SELECT alert_key FROM usage_alerts_current WHERE isNull(resolved_at))`;

// What is recorded comes from the SMS service. What fires and is not recorded is shown all the same: without that service, or while it is away, the
// panel would say that all is well. A row says that nothing is wrong: an empty table would look the same after a query that failed.
const sql = (
  where: string,
  pipeline: string,
) => `SELECT severity, client, message, since, acknowledge, client_id, dashboard, acknowledge_link
FROM (
  SELECT
    severity,
    multiIf(severity = 'ok', '', client_id = '', 'Pipeline', client_name = '', client_id, client_name) AS client,
    message,
    since,
    multiIf(severity = 'ok', '', is_taken = 1, concat('by ', if(acknowledged_by = '', 'someone', acknowledged_by)),
      is_recorded = 0, 'no text yet', acknowledge_url = '', '', 'Acknowledge') AS acknowledge,
    client_id,
    multiIf(severity = 'ok', '${UID.overview}', client_id = '', '${UID.pipeline}', '${UID.client}') AS dashboard,
    ${ACKNOWLEDGE_URL} AS acknowledge_link,
    countIf(severity = 'critical') OVER (PARTITION BY alert_type, month, client_id) AS criticals,
    count() OVER () AS alerts
  FROM (
    SELECT toString(severity) AS severity, client_id, client_name, toString(alert_type) AS alert_type, month, message,
      toNullable(fired_at) AS since, toUInt8(isNotNull(acknowledged_at)) AS is_taken, acknowledged_by, acknowledge_url, 1 AS is_recorded
    FROM active_alerts${where}
    UNION ALL
    SELECT severity, client_id, client_name, alert_type, month, message, NULL, 0, '', '', 0
    FROM client_alert_states(as_of = toDate(now('UTC')))${where === '' ? ' WHERE' : `${where} AND`} state = 1
      AND concat(alert_type, ':', severity, ':', month, ':', client_id) NOT IN (SELECT alert_key FROM usage_alerts_current WHERE isNull(resolved_at))${pipeline}
    UNION ALL
    SELECT 'ok', '', '', '', '', 'No active alerts', NULL, 0, '', '', 1
  )
)
WHERE if(severity = 'ok', alerts = 1, severity = 'critical' OR criticals = 0)
ORDER BY severity = 'critical' DESC, startsWith(acknowledge, 'by '), since DESC, client, message
LIMIT 100`;

const COLUMNS: Record<string, Column> = {
  severity: {
    name: 'severity',
    title: 'Severity',
    width: 76,
    values: {
      critical: { text: 'critical', color: COLOR.critical },
      warning: { text: 'warning', color: COLOR.warning },
      ok: { text: 'OK', color: COLOR.calm },
    },
  },
  client: { name: 'client', title: 'Client', width: 150, wrap: true, link: { title: 'Open', url: DASHBOARD_OF_ROW } },
  message: { name: 'message', title: 'What is wrong', wrap: true },
  since: { name: 'since', title: 'Since', unit: 'dateTimeFromNow', width: 120 },
  acknowledge: {
    name: 'acknowledge',
    title: 'Acknowledged',
    width: 112,
    link: { title: 'Acknowledge', url: ACKNOWLEDGE, newTab: true },
  },
  client_id: { name: 'client_id' },
  dashboard: { name: 'dashboard' },
  acknowledge_link: { name: 'acknowledge_link' },
};

const DESCRIPTION =
  'Alerts that fire now, whatever month is chosen; the critical ones and those that nobody has taken first. “no text yet”: it fires, and the SMS service has not recorded it. The page behind “Acknowledge” asks before it does so.';

/** Alerts of all clients and of the pipeline itself. */
export const allAlerts = () =>
  table({
    title: 'Active alerts',
    description: DESCRIPTION,
    sql: sql('', PIPELINE),
    columns: Object.values(COLUMNS),
    noValue: 'No answer',
  });

/** Alerts of one client; `client` is SQL. */
export const clientAlerts = (client: string) =>
  table({
    title: 'Active alerts',
    description: DESCRIPTION,
    sql: sql(` WHERE client_id = ${client}`, ''),
    columns: Object.values({ ...COLUMNS, client: { name: 'client' } }),
    noValue: 'No answer',
  });
