// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Grafana
import { UID } from './dashboard.ts';
import { PLUGIN } from './query.ts';

/** The data source goes along, so that an imported copy of the dashboards stays with its own. */
const SOURCE = 'var-datasource=${datasource:percentencode}';
const MONTH = 'var-month=${month:percentencode}';

/** From a row with a column `client_id` to that client, in the same month. */
export const CLIENT_OF_ROW = `/d/${UID.client}?var-client=\${__data.fields.client_id:percentencode}&${MONTH}&${SOURCE}`;

/** From a row with columns `dashboard` (a uid) and `client_id`. */
export const DASHBOARD_OF_ROW = `/d/\${__data.fields.dashboard:percentencode}?var-client=\${__data.fields.client_id:percentencode}&${MONTH}&${SOURCE}`;

export const TO_OVERVIEW = { title: 'All clients', url: `/d/${UID.overview}?${MONTH}&${SOURCE}`, icon: 'dashboard' };
export const TO_PIPELINE = { title: 'Pipeline health', url: `/d/${UID.pipeline}?${SOURCE}`, icon: 'dashboard' };

/**
 * SQL of the link that acknowledges: the signed one of the alert with the name of whoever looks, which fills in the form there. Empty where there is
 * none, or none is needed any more: Grafana leaves out a link without an address.
 */
export const ACKNOWLEDGE_URL =
  "if(acknowledge_url = '' OR is_taken = 1, '', concat(acknowledge_url, '?by=${__user.login:percentencode}'))";

/** To the address in the column `acknowledge_link`, which is encoded already. */
export const ACKNOWLEDGE = '${__data.fields.acknowledge_link:raw}';

/** From a row with a column `trace_id` to its spans in Explore, in the columns that Grafana's trace view reads. */
export const TRACE_OF_ROW =
  explore(`SELECT TraceId AS traceID, SpanId AS spanID, ParentSpanId AS parentSpanID, ServiceName AS serviceName,
SpanName AS operationName, Timestamp AS startTime, Duration / 1000000 AS duration,
arrayMap(k -> map('key', k, 'value', SpanAttributes[k]), mapKeys(SpanAttributes)) AS tags,
arrayMap(k -> map('key', k, 'value', ResourceAttributes[k]), mapKeys(ResourceAttributes)) AS serviceTags
FROM otel_traces WHERE TraceId = '~trace_id~' ORDER BY startTime`);

function explore(rawSql: string): string {
  const pane = {
    datasource: '~datasource~',
    queries: [
      {
        refId: 'A',
        datasource: { type: PLUGIN.id, uid: '~datasource~' },
        editorType: 'sql',
        queryType: 'traces',
        format: 3,
        rawSql,
        pluginVersion: PLUGIN.version,
      },
    ],
    range: { from: 'now-1h', to: 'now' },
  };
  const panes = encodeURIComponent(JSON.stringify({ trace: pane }))
    .replaceAll('~datasource~', '${datasource:percentencode}')
    .replaceAll('~trace_id~', '${__data.fields.trace_id:percentencode}');
  return `/explore?schemaVersion=1&panes=${panes}`;
}
