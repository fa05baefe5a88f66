import type { AlertingFile, ContactPoint, NotificationSettings, Route, Timing } from './files.ts';

export type RouteName = 'clients' | 'operations';

/** Names of the two contact points; both are the SMS service. */
export const RECEIVERS: Readonly<Record<RouteName, string>> = {
  clients: 'client-cost-sms',
  operations: 'client-cost-operations',
};

/**
 * A rule is one type and one severity, so its name groups by both: ten clients over their limit at once are one webhook, and a new
 * critical does not wait for the group_interval of a warning's group. Grafana groups by these two labels anyway where a rule names its
 * own contact point. Clients' alerts repeat after 25 h, just over the 24 h in which the contact point texts nothing twice: at 24 h
 * sharp a reminder could come a second too early and be swallowed until the next one.
 */
const TIMING: Timing = {
  group_by: ['grafana_folder', 'alertname'],
  group_wait: '30s',
  group_interval: '5m',
  repeat_interval: '25h',
};

/** Errors of the datasource wait this long: a restart of ClickHouse texts nobody. */
const PATIENT: Timing = { ...TIMING, group_wait: '5m' };

/**
 * What a rule says for itself where the tree of policies is somebody else's.
 *
 * @param errors whether the rule tells of errors of the datasource: those come by its own route then
 */
export function notificationSettings(route: RouteName, errors: boolean): NotificationSettings {
  return { receiver: RECEIVERS[route], ...(errors ? PATIENT : TIMING) };
}

/**
 * The tree of policies. The first match counts: a rule that could not be evaluated goes to operations even when its label says
 * `route=clients`.
 */
export const policies: AlertingFile = {
  apiVersion: 1,
  policies: [
    {
      orgId: 1,
      receiver: RECEIVERS.operations,
      ...TIMING,
      routes: [
        {
          receiver: RECEIVERS.operations,
          object_matchers: [['alertname', '=~', 'DatasourceError|DatasourceNoData']],
          ...PATIENT,
        },
        { receiver: RECEIVERS.clients, object_matchers: [['route', '=', 'clients']], ...TIMING },
      ] satisfies readonly Route[],
    },
  ],
};

/**
 * The variables stand without braces: `${NAME}` is expanded twice by Grafana, and a `$` inside a secret would be eaten by the second time.
 * maxAlerts 0 is all: an alert that the webhook leaves out is one that nobody is told about.
 */
function contactPoint(route: RouteName, path: string): ContactPoint {
  return {
    orgId: 1,
    name: RECEIVERS[route],
    receivers: [
      {
        uid: RECEIVERS[route],
        type: 'webhook',
        disableResolveMessage: false,
        settings: {
          url: `$CLIENT_COST_SMS_URL${path}`,
          httpMethod: 'POST',
          maxAlerts: 0,
          hmacConfig: {
            secret: '$CLIENT_COST_ALERT_WEBHOOK_SECRET',
            header: 'X-Grafana-Alerting-Signature',
            timestampHeader: 'X-Grafana-Alerting-Timestamp',
          },
        },
      },
    ],
  };
}

export const contactPoints: readonly ContactPoint[] = [
  contactPoint('clients', '/webhooks/grafana'),
  contactPoint('operations', '/webhooks/grafana/operations'),
];
