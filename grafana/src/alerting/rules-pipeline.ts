import type { AlertRule } from './files.ts';
import { CONDITION, fires, pipelineQuery, STATE, TODAY } from './queries.ts';
import type { Severity } from './rules.ts';
import { given, whole } from './templates.ts';

interface PipelineRule {
  readonly type:
    | 'pipeline_silent'
    | 'pipeline_rejected'
    | 'pipeline_unpriced'
    | 'pipeline_counters'
    | 'sms_undelivered';
  readonly severity: Severity;
  readonly title: string;
  /** What happened: with the view's value and, where that query failed, without. */
  readonly says: readonly [text: string, without: string];
  /** What to do. */
  readonly next: string;
  readonly for: string;
  readonly keepFiringFor?: string;
}

const RULES: readonly PipelineRule[] = [
  {
    type: 'pipeline_silent',
    severity: 'critical',
    title: 'No usage arrives',
    says: [`No usage events for ${whole('value')} minutes`, 'The ledger does not answer and no alert is checked'],
    next: 'Check that services, Collector and ClickHouse run; client-cost doctor says more',
    // Seen twice: one look at the end of a quiet hour is not enough.
    for: '5m',
  },
  {
    type: 'pipeline_rejected',
    severity: 'warning',
    title: 'Usage events were rejected',
    says: [`Usage events rejected in the last hour and not billed: ${whole('value')}`, 'Usage events were rejected'],
    next: 'See usage_events_rejected; client-cost doctor says more',
    for: '0s',
  },
  {
    type: 'pipeline_unpriced',
    severity: 'warning',
    title: 'Usage without a price',
    says: [`${whole('value')} % of the requests of the last 24 hours have no price`, 'Requests have no price'],
    next: 'See client-cost coverage, set prices with CLIENT_COST_PRICES',
    for: '5m',
    keepFiringFor: '1h',
  },
  {
    type: 'pipeline_counters',
    severity: 'warning',
    title: 'Ledger and counters differ',
    says: [`Ledger and counters of a day are ${whole('value')} % apart`, 'Ledger and counters are apart'],
    next: 'If the ledger has fewer, events are lost or still in a spool: client-cost doctor',
    for: '5m',
    keepFiringFor: '1h',
  },
  {
    type: 'sms_undelivered',
    severity: 'critical',
    title: 'Texts are not delivered',
    says: [`Alerts whose texts reached nobody: ${whole('value')}`, 'Texts of alerts reached nobody'],
    next: 'Check the SMS service and the Twilio console; look at the alerts themselves: client-cost alerts list',
    for: '0s',
  },
];

/** A pipeline's own alert: no client, no month, always to operations. */
function alertRule(rule: PipelineRule): AlertRule {
  const watches = rule.type === 'pipeline_silent';
  return {
    uid: `cc-${rule.type.replaceAll('_', '-')}-${rule.severity}`,
    title: rule.title,
    condition: CONDITION,
    data: [
      pipelineQuery(
        STATE,
        rule.type,
        'toFloat64(state)',
        // The clients' rules keep their last state when their query fails: so this rule asks their view too, and says that it failed.
        watches ? ` AND (SELECT count() FROM client_alert_states(as_of = ${TODAY})) >= 0` : '',
      ),
      pipelineQuery('value', rule.type, 'round(value)'),
      fires,
    ],
    // "Checks".
    dashboardUid: 'client-cost-pipeline',
    panelId: 7,
    // One rule tells that the queries fail; ten would say the same.
    noDataState: watches ? 'NoData' : 'KeepLast',
    execErrState: watches ? 'Error' : 'KeepLast',
    for: rule.for,
    ...(rule.keepFiringFor === undefined ? {} : { keepFiringFor: rule.keepFiringFor }),
    annotations: {
      summary: `${given('value', ...rule.says)}. ${rule.next}`,
      runbook: `docs/grafana-alerting.md#${rule.type}`,
    },
    labels: { alert_type: rule.type, severity: rule.severity, route: 'operations' },
    isPaused: false,
  };
}

export const pipelineRules: readonly AlertRule[] = RULES.map(alertRule);
