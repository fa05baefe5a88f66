import type { AlertRule, RuleQuery } from './files.ts';
import { CONDITION, clientQuery, fires, STATE } from './queries.ts';
import type { Severity } from './rules.ts';
import { clientDashboard, decimal, given, percent, usd, whole } from './templates.ts';

/** Rounded in Decimal, as the message of the view is: a binary float has no half cents. */
const amount = (column: string): string => `toFloat64(round(ifNull(${column}, 0), 2))`;

interface ClientRule {
  readonly type: 'threshold' | 'spike' | 'anomaly';
  readonly severity: Severity;
  readonly title: string;
  /** refId and SQL of the values that the annotations show. */
  readonly values: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly keepFiringFor?: string;
}

const threshold = (severity: Severity): ClientRule => ({
  type: 'threshold',
  severity,
  title: `Monthly usage over its ${severity} threshold`,
  values: { threshold: amount('threshold'), current_cost: amount('current_cost') },
  annotations: {
    summary: given(
      'threshold',
      `Monthly usage has exceeded ${usd('threshold')}`,
      `Monthly usage has exceeded its ${severity} threshold`,
    ),
    current_cost: decimal('current_cost'),
    threshold: decimal('threshold'),
  },
});

const spike = (severity: Severity): ClientRule => ({
  type: 'spike',
  severity,
  title: `Usage spike (${severity})`,
  values: {
    percent: 'toFloat64(round(value))',
    same_days: 'toFloat64(same_days)',
    current_cost: amount('current_cost'),
    previous_cost: amount('previous_cost'),
  },
  annotations: {
    summary: given(
      'percent',
      `Usage is ${whole('percent')}% higher than ${given('same_days', '{{ if eq .Values.same_days.Value 1.0 }}in the same days of {{ end }}')}last month`,
      'Usage is much higher than last month',
    ),
    current_cost: decimal('current_cost'),
    previous_cost: decimal('previous_cost'),
    percent_change: percent('percent'),
  },
  keepFiringFor: '1d',
});

const anomaly: ClientRule = {
  type: 'anomaly',
  severity: 'warning',
  title: 'Projected cost far over the critical threshold',
  values: {
    projected_cost: amount('projected_cost'),
    threshold: amount('threshold'),
    current_cost: amount('current_cost'),
  },
  annotations: {
    summary: given(
      'projected_cost',
      `Projected monthly cost: ${usd('projected_cost')}`,
      'The projected monthly cost is far over the critical threshold',
    ),
    current_cost: decimal('current_cost'),
    projected_cost: decimal('projected_cost'),
    threshold: decimal('threshold'),
  },
  keepFiringFor: '1d',
};

/**
 * One rule per type and severity: a severity that SQL computes would change the alert's identity on its way from warning to critical.
 *
 * A query that fails or answers nothing keeps what was: an outage of ClickHouse neither resolves a client's alert nor pages about every
 * client. That the queries fail is told by the rule pipeline_silent. A client that was deleted resolves after three evaluations.
 */
function alertRule(rule: ClientRule): AlertRule {
  const { type, severity } = rule;
  const query = (refId: string, number: string): RuleQuery => clientQuery(refId, type, severity, number);
  return {
    uid: `cc-${type}-${severity}`,
    title: rule.title,
    condition: CONDITION,
    data: [
      query(STATE, 'toFloat64(state)'),
      ...Object.entries(rule.values).map(([refId, number]) => query(refId, number)),
      fires,
    ],
    // "Active alerts"; the annotation "dashboard" leads to the client and month as well.
    dashboardUid: 'client-cost-client',
    panelId: 1,
    noDataState: 'KeepLast',
    execErrState: 'KeepLast',
    // The cost of a month only grows and the view says by itself what is too early: nothing is won by waiting.
    for: '0s',
    ...(rule.keepFiringFor === undefined ? {} : { keepFiringFor: rule.keepFiringFor }),
    missing_series_evals_to_resolve: 3,
    annotations: {
      ...rule.annotations,
      dashboard: clientDashboard,
      runbook: `docs/grafana-alerting.md#${type}`,
    },
    labels: { alert_type: type, severity, route: 'clients' },
    isPaused: false,
  };
}

export const clientRules: readonly AlertRule[] = [
  threshold('warning'),
  threshold('critical'),
  spike('warning'),
  spike('critical'),
  anomaly,
].map(alertRule);
