import type { RuleQuery } from './files.ts';

/** uid of the datasource in provisioning/datasources; a rule cannot take it from a variable. */
export const DATASOURCE_UID = 'client-cost';

/** The day that the client rules are about. Tests put another one in its place (testing/at.ts). */
export const TODAY = "toDate(now('UTC'))";

/** The moment that the pipeline rules are about. */
export const NOW = "now('UTC')";

/** refId of the query whose column is 0 or 1; the threshold reads it. */
export const STATE = 'state';

/** refId of the expression that decides. */
export const CONDITION = 'fires';

/**
 * One number per client of one rule: exactly one numeric column, every other one a String, which Grafana makes a label.
 * All clients come, whether the rule fires for them or not: a row that is missing would resolve late, and for another reason.
 *
 * @param number SQL of the number
 */
export function clientQuery(refId: string, alertType: string, severity: string, number: string): RuleQuery {
  return sqlQuery(
    refId,
    `SELECT client_id, client_name, month, ${number} AS number
FROM client_alert_states(as_of = ${TODAY})
WHERE alert_type = '${alertType}' AND severity = '${severity}'`,
  );
}

/** One number of a rule of the pipeline: one row without labels. */
export function pipelineQuery(refId: string, alertType: string, number: string, also = ''): RuleQuery {
  return sqlQuery(
    refId,
    `SELECT ${number} AS number
FROM pipeline_alert_states(at = ${NOW})
WHERE alert_type = '${alertType}'${also}`,
  );
}

function sqlQuery(refId: string, rawSql: string): RuleQuery {
  return {
    refId,
    // The queries look at no range; Grafana wants one.
    relativeTimeRange: { from: 600, to: 0 },
    datasourceUid: DATASOURCE_UID,
    model: {
      refId,
      datasource: { type: 'grafana-clickhouse-datasource', uid: DATASOURCE_UID },
      editorType: 'sql',
      queryType: 'table',
      format: 1,
      rawSql,
      intervalMs: 1000,
      maxDataPoints: 43200,
    },
  };
}

/** The state above 0.5 fires. */
export const fires: RuleQuery = {
  refId: CONDITION,
  relativeTimeRange: { from: 0, to: 0 },
  datasourceUid: '__expr__',
  model: {
    refId: CONDITION,
    datasource: { type: '__expr__', uid: '__expr__' },
    type: 'threshold',
    expression: STATE,
    conditions: [{ evaluator: { type: 'gt', params: [0.5] } }],
  },
};
