import { COLOR } from './colors.ts';
import { UID } from './dashboard.ts';
import { ACKNOWLEDGE, ACKNOWLEDGE_URL, DASHBOARD_OF_ROW } from './links.ts';
import { type Column, table } from './table.ts';

// A row says that nothing is wrong: an empty table would look the same after a query that failed.
const sql = (
  where: string,
) => `SELECT severity, client, message, since, acknowledge, client_id, dashboard, acknowledge_link
FROM (
  SELECT
    severity,
    if(client_id = '', 'Pipeline', if(client_name = '', client_id, client_name)) AS client,
    message,
    toNullable(fired_at) AS since,
    if(isNotNull(acknowledged_at), concat('by ', if(acknowledged_by = '', 'someone', acknowledged_by)), if(acknowledge_url = '', '', 'Acknowledge')) AS acknowledge,
    client_id,
    if(client_id = '', '${UID.pipeline}', '${UID.client}') AS dashboard,
    ${ACKNOWLEDGE_URL} AS acknowledge_link
  FROM active_alerts${where}
  UNION ALL
  SELECT 'ok', '', 'No active alerts', NULL, '', '', '${UID.overview}', ''
  FROM (SELECT count() AS alerts FROM active_alerts${where})
  WHERE alerts = 0
)
ORDER BY severity = 'critical' DESC, startsWith(acknowledge, 'by '), since DESC
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
  'Alerts that fire now, whatever month is chosen; the critical ones and those that nobody has taken first. The page behind “Acknowledge” asks before it does so.';

/** Alerts of all clients and of the pipeline itself. */
export const allAlerts = () =>
  table({
    title: 'Active alerts',
    description: DESCRIPTION,
    sql: sql(''),
    columns: Object.values(COLUMNS),
    noValue: 'No answer',
  });

/** Alerts of one client; `client` is SQL. */
export const clientAlerts = (client: string) =>
  table({
    title: 'Active alerts',
    description: DESCRIPTION,
    sql: sql(` WHERE client_id = ${client}`),
    columns: Object.values({ ...COLUMNS, client: { name: 'client' } }),
    noValue: 'No answer',
  });
