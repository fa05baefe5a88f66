import { createHmac } from 'node:crypto';

/** One alert of a webhook. */
export interface TestAlert {
  readonly client?: string;
  readonly name?: string;
  readonly type?: string;
  readonly severity?: 'warning' | 'critical';
  readonly month?: string;
  readonly status?: 'firing' | 'resolved';
  readonly summary?: string;
  readonly startsAt?: string;
}

/** The body that Grafana posts: fields as in its source (`pkg/services/ngalert`, `ExtendedData`). Labels that are empty are absent. */
export function grafanaBody(alerts: readonly TestAlert[], receiver = 'client-cost-sms'): Record<string, unknown> {
  const firing = alerts.some(({ status }) => status !== 'resolved');
  return {
    receiver,
    status: firing ? 'firing' : 'resolved',
    alerts: alerts.map(toGrafana),
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://grafana.example.com/',
    version: '1',
    groupKey: '{}:{}',
    truncatedAlerts: 0,
    orgId: 1,
    title: '[FIRING:1]',
    state: firing ? 'alerting' : 'ok',
    message: '',
  };
}

function toGrafana(alert: TestAlert): Record<string, unknown> {
  const { client = 'acme', name = 'Acme Corp', type = 'threshold', severity = 'critical', month = '2026-11' } = alert;
  const { status = 'firing', summary = 'Monthly usage has exceeded $100.00' } = alert;
  const operations = type.startsWith('pipeline_') || type.startsWith('sms_');
  return {
    status,
    labels: {
      alertname: `${type} ${severity}`,
      alert_type: type,
      severity,
      route: operations ? 'operations' : 'clients',
      ...(operations ? {} : { client_id: client, client_name: name, month }),
    },
    annotations: operations
      ? { summary }
      : { summary, current_cost: '104.5', previous_cost: '80', projected_cost: '150', threshold: '100' },
    startsAt: alert.startsAt ?? '2026-11-22T10:00:00Z',
    endsAt: status === 'resolved' ? '2026-11-22T12:00:00Z' : '0001-01-01T00:00:00Z',
    generatorURL: 'http://grafana.example.com/alerting/grafana/x/view',
    fingerprint: `${type}${severity}${month}${client}`,
    silenceURL: '',
    dashboardURL: '',
    panelURL: '',
    values: { A: 104.5, B: 1 },
    valueString: '',
    ruleUID: 'client-cost-threshold',
    orgId: 1,
  };
}

/** Headers of a webhook whose contact point has a secret and the timestamp header, as Grafana makes them. */
export function signed(body: string, secret: string, at: number): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const signature = createHmac('sha256', secret).update(`${timestamp}:${body}`).digest('hex');
  return {
    'content-type': 'application/json',
    'user-agent': 'Grafana',
    'x-grafana-alerting-signature': signature,
    'x-grafana-alerting-timestamp': timestamp,
  };
}
