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
  readonly summary: string;
  /** What the summary shows. */
  readonly value: string;
  readonly for: string;
  readonly keepFiringFor?: string;
}

const RULES: readonly PipelineRule[] = [
  {
    type: 'pipeline_silent',
    severity: 'critical',
    title: 'No usage arrives',
    summary: given(
      'value',
      `No usage for ${whole('value')} minutes`,
      'The ledger does not answer: no alert is checked',
    ),
    value: 'round(value)',
    for: '5m',
  },
  {
    type: 'pipeline_rejected',
    severity: 'warning',
    title: 'Usage events were rejected',
    summary: given('value', `${whole('value')} usage events were rejected`, 'Usage events were rejected'),
    value: 'round(value)',
    for: '5m',
    keepFiringFor: '15m',
  },
  {
    type: 'pipeline_unpriced',
    severity: 'warning',
    title: 'Usage without a price',
    summary: given('value', `${whole('value')}% of the usage has no price`, 'Much usage has no price'),
    value: 'round(value)',
    for: '15m',
    keepFiringFor: '15m',
  },
  {
    type: 'pipeline_counters',
    severity: 'warning',
    title: 'Ledger and counters differ',
    summary: given('value', `Ledger and counters differ by ${whole('value')}%`, 'Ledger and counters differ'),
    value: 'round(value)',
    for: '15m',
    keepFiringFor: '15m',
  },
  {
    type: 'sms_undelivered',
    severity: 'critical',
    title: 'Texts are not delivered',
    summary: given('value', `${whole('value')} texts were not delivered`, 'Texts are not delivered'),
    value: 'round(value)',
    for: '5m',
    keepFiringFor: '15m',
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
        'toFloat64(max(state))',
        // The clients' rules keep their last state when their query fails; so this one asks their view too, and says that it failed.
        watches ? ` AND (SELECT count() FROM client_alert_states(as_of = ${TODAY})) >= 0` : '',
      ),
      pipelineQuery('value', rule.type, `toFloat64(max(${rule.value}))`),
      fires,
    ],
    // One rule tells that the queries fail; five would say the same.
    noDataState: watches ? 'NoData' : 'KeepLast',
    execErrState: watches ? 'Error' : 'KeepLast',
    for: rule.for,
    ...(rule.keepFiringFor === undefined ? {} : { keepFiringFor: rule.keepFiringFor }),
    annotations: { summary: rule.summary, runbook: `docs/grafana-alerting.md#${rule.type}` },
    labels: { alert_type: rule.type, severity: rule.severity, route: 'operations' },
    isPaused: false,
  };
}

export const pipelineRules: readonly AlertRule[] = RULES.map(alertRule);
