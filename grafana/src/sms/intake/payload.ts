import type { Route, Severity, SmsLog } from '../types.ts';

/** What came in is not Grafana's webhook. The message names the field and the way out. */
export class BadWebhook extends Error {
  override readonly name = 'BadWebhook';
}

/** An alert of a webhook, as we keep it. */
export interface Incoming {
  readonly key: string;
  readonly route: Route;
  readonly status: 'firing' | 'resolved';
  readonly fingerprint: string;
  /** Since when this series fires, Unix milliseconds; undefined where it does not say. */
  readonly startsAt: number | undefined;
  readonly client_id: string;
  readonly client_name: string;
  readonly alert_type: string;
  readonly severity: Severity;
  readonly month: string;
  readonly message: string;
  /** JSON: decimal strings. */
  readonly details: string;
  readonly silence_matchers: string | null;
  /** Not of our own rules. */
  readonly foreign: boolean;
}

export interface Webhook {
  readonly source: 'grafana' | 'check';
  readonly alerts: readonly Incoming[];
  /** How many alerts Grafana left out. */
  readonly truncated: number;
}

/** More than any number of clients and rules gives; Grafana sends all of a group at once. */
const MAX_ALERTS = 20_000;
const MAX_LABEL = 256;
const MAX_MESSAGE = 1_000;
const CLIENT_TYPES = new Set(['threshold', 'spike', 'anomaly']);
const OWN_TYPES = new Set([
  'pipeline_silent',
  'pipeline_rejected',
  'pipeline_unpriced',
  'pipeline_counters',
  'sms_undelivered',
]);
const DETAILS = ['current_cost', 'previous_cost', 'projected_cost', 'threshold', 'percent_change'];
const SHAPE = "send it by Grafana's webhook contact point with no custom payload, or by `client-cost alerts check`";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads Grafana's webhook, or that of `client-cost alerts check`, which has the same shape. Single alerts that cannot be read are logged and left
 * out: refusing the rest for them would keep all of it from everybody, as Grafana sends the same again without end.
 *
 * @throws BadWebhook where the whole is not such a webhook, or none of its alerts can be read
 */
export function readWebhook(route: Route, body: unknown, log: SmsLog): Webhook {
  if (!isFields(body)) throw new BadWebhook(`The body is ${kindOf(body)}, not a JSON object: ${SHAPE}`);
  const { alerts, receiver, truncatedAlerts } = body;
  if (!Array.isArray(alerts)) {
    throw new BadWebhook(`The field "alerts" is ${kindOf(alerts)}, not a list: ${SHAPE}`);
  }
  if (alerts.length > MAX_ALERTS) {
    throw new BadWebhook(
      `The field "alerts" has ${alerts.length} alerts, more than ${MAX_ALERTS}: set "Max alerts" of the contact point, or group by more labels`,
    );
  }
  const truncated = truncatedAlerts ?? 0;
  if (typeof truncated !== 'number' || !Number.isFinite(truncated)) {
    throw new BadWebhook(`The field "truncatedAlerts" is ${kindOf(truncated)}, not a number: ${SHAPE}`);
  }
  const problems: string[] = [];
  const read: Incoming[] = [];
  for (const [index, alert] of alerts.entries()) {
    const result = readAlert(route, alert, `alerts[${index}]`);
    if (typeof result === 'string') problems.push(result);
    else read.push(result);
  }
  if (problems.length > 0) {
    if (read.length === 0) throw new BadWebhook(problems[0] ?? '');
    log.error({ problems: problems.slice(0, 10), count: problems.length }, 'Alerts of a webhook could not be read');
  }
  const source = receiver === 'client-cost-check' ? 'check' : 'grafana';
  return { source, alerts: firingWins(read), truncated: Math.max(0, Math.floor(truncated)) };
}

/** One alert per key, criticals first: a warning of the same batch is judged when its critical is known. */
function firingWins(alerts: readonly Incoming[]): Incoming[] {
  const order = (alert: Incoming) => (alert.severity === 'critical' ? 0 : 2) + (alert.status === 'firing' ? 0 : 1);
  const firing = new Set(alerts.filter(({ status }) => status === 'firing').map(({ key }) => key));
  return alerts
    .filter(({ key, status }) => status === 'firing' || !firing.has(key))
    .sort((a, b) => order(a) - order(b));
}

function readAlert(route: Route, alert: unknown, at: string): Incoming | string {
  if (!isFields(alert)) return `The field "${at}" is ${kindOf(alert)}, not an object: ${SHAPE}`;
  const { status, labels, annotations = {}, fingerprint, startsAt, ruleUID } = alert;
  if (status !== 'firing' && status !== 'resolved') {
    return `The field "${at}.status" is ${kindOf(status)}, neither "firing" nor "resolved": ${SHAPE}`;
  }
  if (!isFields(labels)) return `The field "${at}.labels" is ${kindOf(labels)}, not an object: ${SHAPE}`;
  if (!isFields(annotations ?? {}))
    return `The field "${at}.annotations" is ${kindOf(annotations)}, not an object: ${SHAPE}`;
  const notes = (annotations ?? {}) as Fields;
  const own = ownLabels(route, labels);
  const name = label(labels, 'alertname') || 'unnamed';
  const message = text(notes.summary, MAX_MESSAGE) || text(notes.description, MAX_MESSAGE) || name;
  const rule = label(labels, 'rulename');
  const about = own ?? {
    client_id: '',
    client_name: '',
    // A rule of its own gives an alert of its own: one of them resolved does not end the others.
    alert_type: rule === '' ? name : `${name}: ${rule}`,
    severity: label(labels, 'severity') === 'warning' ? ('warning' as const) : ('critical' as const),
    month: '',
  };
  return {
    ...about,
    key: `${about.alert_type}:${about.severity}:${about.month}:${about.client_id}`,
    route,
    status,
    fingerprint: text(fingerprint, 64),
    startsAt: timeOf(startsAt),
    message: own === undefined && rule !== '' ? `${name} (${rule}): ${message}` : message,
    details: JSON.stringify(detailsOf(notes)),
    silence_matchers: matchersOf(labels, text(ruleUID, 64)),
    foreign: own === undefined,
  };
}

/** What our rules say of an alert; undefined where it is not one of ours. */
function ownLabels(
  route: Route,
  labels: Fields,
): Pick<Incoming, 'client_id' | 'client_name' | 'alert_type' | 'severity' | 'month'> | undefined {
  // These keep the labels of the rule that could not be evaluated, and say nothing about a client.
  if (['DatasourceError', 'DatasourceNoData'].includes(label(labels, 'alertname'))) return undefined;
  const alert_type = label(labels, 'alert_type');
  const severity = label(labels, 'severity');
  const client_id = label(labels, 'client_id');
  const month = label(labels, 'month');
  if (severity !== 'warning' && severity !== 'critical') return undefined;
  if (OWN_TYPES.has(alert_type)) {
    if (route !== 'operations') return undefined;
    return { client_id: '', client_name: '', alert_type, severity, month: '' };
  }
  if (!CLIENT_TYPES.has(alert_type) || client_id === '' || !/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) return undefined;
  return { client_id, client_name: label(labels, 'client_name') || client_id, alert_type, severity, month };
}

function detailsOf(annotations: Fields): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of DETAILS) {
    const value = annotations[name];
    const said = typeof value === 'number' && Number.isFinite(value) ? String(value) : text(value, 64);
    if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(said)) found[name] = said;
  }
  return found;
}

/** What silences just this alert in Grafana; a client's name may change while it is silenced. */
function matchersOf(labels: Fields, ruleUid: string): string | null {
  const names = ['alertname', 'client_id', 'alert_type', 'severity', 'month'];
  const matchers = names.flatMap((name) => {
    const value = label(labels, name);
    return value === '' ? [] : [{ name, value, isRegex: false, isEqual: true }];
  });
  if (ruleUid !== '') matchers.push({ name: '__alert_rule_uid__', value: ruleUid, isRegex: false, isEqual: true });
  return matchers.length === 0 ? null : JSON.stringify(matchers);
}

function label(labels: Fields, name: string): string {
  return text(Object.hasOwn(labels, name) ? labels[name] : undefined, MAX_LABEL);
}

function text(value: unknown, max: number): string {
  return typeof value === 'string' ? value.slice(0, max).toWellFormed() : '';
}

function timeOf(value: unknown): number | undefined {
  const time = Date.parse(text(value, 64));
  return Number.isNaN(time) ? undefined : time;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : `a ${typeof value}`;
}
