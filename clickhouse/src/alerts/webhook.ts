import { createHash, createHmac } from 'node:crypto';
import { roundDecimal } from '../cli/format.ts';
import type { RecordedAlert } from './recorded.ts';
import { alertKey, type ClientAlertState, type PipelineAlertState } from './states.ts';

export type AlertRoute = 'clients' | 'operations';

/** An alert as Grafana's webhook carries it. */
export interface WebhookAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly startsAt: string;
  /** 0001-01-01T00:00:00Z while it fires. */
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly fingerprint: string;
  readonly silenceURL: string;
  readonly dashboardURL: string;
  readonly panelURL: string;
  readonly values: Readonly<Record<string, number>> | null;
  readonly valueString: string;
}

/** Who reads the webhook sees from it that it was the command. */
export const CHECK_RECEIVER = 'client-cost-check';

export const SIGNATURE_HEADER = 'X-Grafana-Alerting-Signature';
export const TIMESTAMP_HEADER = 'X-Grafana-Alerting-Timestamp';

const STILL_FIRING = '0001-01-01T00:00:00Z';

/** The titles of Grafana's rules. */
const NAMES: Readonly<Record<string, string>> = {
  'threshold:warning': 'Monthly usage over its warning threshold',
  'threshold:critical': 'Monthly usage over its critical threshold',
  'spike:warning': 'Usage spike (warning)',
  'spike:critical': 'Usage spike (critical)',
  'anomaly:warning': 'Projected cost far over the critical threshold',
  'pipeline_silent:critical': 'No usage arrives',
  'pipeline_rejected:warning': 'Usage events were rejected',
  'pipeline_unpriced:warning': 'Usage without a price',
  'pipeline_counters:warning': 'Ledger and counters differ',
  'sms_undelivered:critical': 'Texts are not delivered',
};

/** Which figures say something about an alert of a type; the same as in Grafana's rules. */
const FIGURES = {
  threshold: ['current_cost', 'threshold'],
  spike: ['current_cost', 'previous_cost', 'percent_change'],
  anomaly: ['current_cost', 'projected_cost', 'threshold'],
} as const;

/** A client's alert that fires. @param startsAt ISO time since when */
export function firingClientAlert(state: ClientAlertState, startsAt: string): WebhookAlert {
  const usd = (amount: string | null): string => (amount === null ? '' : roundDecimal(amount, 2));
  const all = {
    current_cost: usd(state.currentCost),
    previous_cost: usd(state.previousCost),
    projected_cost: usd(state.projectedCost),
    threshold: usd(state.threshold),
    percent_change: state.percentChange === null ? '' : roundDecimal(state.value, 0),
  };
  const figures = FIGURES[state.alertType].map((name) => [name, all[name]] as const);
  return {
    ...alert('firing', labelsOf('clients', state), startsAt),
    annotations: withoutEmpty({ summary: state.message, ...Object.fromEntries(figures) }),
    values: { state: 1 },
  };
}

/** An alert of the pipeline that fires. */
export function firingPipelineAlert(state: PipelineAlertState, startsAt: string): WebhookAlert {
  return {
    ...alert('firing', labelsOf('operations', state), startsAt),
    annotations: { summary: state.message },
    values: { state: 1 },
  };
}

/** The end of an alert that fired. */
export function resolvedAlert(open: RecordedAlert, endsAt: string): WebhookAlert {
  const route = open.clientId === '' ? 'operations' : 'clients';
  return {
    ...alert('resolved', labelsOf(route, open), open.firedAt, endsAt),
    annotations: withoutEmpty({ summary: open.message }),
    values: { state: 0 },
  };
}

interface Labelled {
  readonly alertType: string;
  readonly severity: string;
  readonly month?: string;
  readonly clientId?: string;
  readonly clientName?: string;
}

/** Empty labels are absent, as in Grafana. */
function labelsOf(route: AlertRoute, labelled: Labelled): Record<string, string> {
  const { alertType, severity, month = '', clientId = '', clientName = '' } = labelled;
  return withoutEmpty({
    alertname: NAMES[`${alertType}:${severity}`] ?? alertType,
    alert_type: alertType,
    client_id: clientId,
    client_name: clientName,
    month,
    route,
    severity,
  });
}

function alert(
  status: WebhookAlert['status'],
  labels: Record<string, string>,
  startsAt: string,
  endsAt = STILL_FIRING,
): Omit<WebhookAlert, 'annotations' | 'values'> {
  const key = alertKey({
    alertType: labels.alert_type ?? '',
    severity: labels.severity ?? '',
    month: labels.month ?? '',
    clientId: labels.client_id ?? '',
  });
  return {
    status,
    labels,
    startsAt,
    endsAt,
    generatorURL: '',
    fingerprint: createHash('sha256').update(key).digest('hex').slice(0, 16),
    silenceURL: '',
    dashboardURL: '',
    panelURL: '',
    valueString: '',
  };
}

/** The webhook of one route, with the fields that Grafana 12 and 13 send. */
export function webhookBody(route: AlertRoute, alerts: readonly WebhookAlert[]): Record<string, unknown> {
  const firing = alerts.filter(({ status }) => status === 'firing').length;
  const status = firing > 0 ? 'firing' : 'resolved';
  const lines = alerts.map(({ status: now, labels, annotations }) =>
    [`[${now}]`, labels.client_name ?? '', annotations.summary ?? labels.alertname ?? ''].filter(Boolean).join(' '),
  );
  return {
    receiver: CHECK_RECEIVER,
    status,
    alerts,
    groupLabels: { route },
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
    externalURL: '',
    version: '1',
    groupKey: `{}:{route="${route}"}`,
    truncatedAlerts: 0,
    orgId: 1,
    title: `[${status.toUpperCase()}:${firing > 0 ? firing : alerts.length}] client-cost ${route}`,
    state: status === 'firing' ? 'alerting' : 'ok',
    message: lines.join('\n'),
  };
}

/** Headers that sign a body as Grafana does: lower-case hexadecimal HMAC-SHA256 over `<unix seconds>:<body>`. */
export function signatureHeaders(secret: string, body: string, now: number): Record<string, string> {
  const seconds = String(Math.floor(now / 1000));
  return {
    [SIGNATURE_HEADER]: createHmac('sha256', secret).update(`${seconds}:${body}`).digest('hex'),
    [TIMESTAMP_HEADER]: seconds,
  };
}

function common(maps: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}, ...others] = maps;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((other) => other[name] === value)),
  );
}

function withoutEmpty(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== ''));
}
