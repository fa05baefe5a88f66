import type { ClickHouseClient } from '@clickhouse/client';
import { utcDay } from '../queries/dates.ts';
import { getRecordedAlerts, type RecordedAlert } from './recorded.ts';
import {
  alertKey,
  type ClientAlertState,
  getClientAlertStates,
  getPipelineAlertStates,
  type PipelineAlertState,
} from './states.ts';
import {
  type AlertRoute,
  firingClientAlert,
  firingPipelineAlert,
  resolvedAlert,
  type WebhookAlert,
} from './webhook.ts';

export interface Evaluation {
  readonly asOf: string;
  /** Clients that were looked at. */
  readonly clients: number;
  readonly firing: readonly (ClientAlertState | PipelineAlertState)[];
  /** Recorded as open, and no longer true. */
  readonly resolved: readonly RecordedAlert[];
  /** What to post, by route. */
  readonly webhooks: Readonly<Record<AlertRoute, readonly WebhookAlert[]>>;
}

const CLIENT_TYPES = new Set(['threshold', 'spike', 'anomaly']);

/**
 * Evaluates all rules once: the views that Grafana's rules read. Keeps nothing and changes nothing: what is open is read from `usage_alerts`.
 *
 * @param options.asOf last day counted, YYYY-MM-DD; default: today (UTC). On another day than today the pipeline's rules are left out: they are
 *   about this moment; and what fired in a later month is left as it is.
 */
export async function evaluateAlerts(
  client: ClickHouseClient,
  options: { readonly asOf?: string | undefined; readonly now?: Date | undefined } = {},
): Promise<Evaluation> {
  const now = options.now ?? new Date();
  const today = utcDay(now);
  const asOf = options.asOf ?? today;
  const [clients, pipeline, open] = await Promise.all([
    getClientAlertStates(client, { asOf }),
    asOf === today ? getPipelineAlertStates(client, { at: now }) : [],
    getRecordedAlerts(client, { openOnly: true }),
  ]);
  const firingClients = clients.filter(({ firing }) => firing);
  const firingPipeline = pipeline.filter(({ firing }) => firing);
  const keys = new Set([...firingClients, ...firingPipeline].map(alertKey));
  const watched = new Set(pipeline.map(({ alertType }) => alertType as string));
  const resolved = open.filter(
    (alert) =>
      !keys.has(alert.key) &&
      (CLIENT_TYPES.has(alert.alertType) ? alert.month <= asOf.slice(0, 7) : watched.has(alert.alertType)),
  );
  const since = new Map(open.map(({ key, firedAt }) => [key, firedAt]));
  const startsAt = (state: ClientAlertState | PipelineAlertState): string =>
    since.get(alertKey(state)) ?? now.toISOString();
  const ends = resolved.map((alert) => resolvedAlert(alert, now.toISOString()));
  const ofRoute = (route: AlertRoute) => ends.filter(({ labels }) => labels.route === route);
  return {
    asOf,
    clients: new Set(clients.map(({ clientId }) => clientId)).size,
    firing: [...firingClients, ...firingPipeline],
    resolved,
    webhooks: {
      clients: [...firingClients.map((state) => firingClientAlert(state, startsAt(state))), ...ofRoute('clients')],
      operations: [
        ...firingPipeline.map((state) => firingPipelineAlert(state, startsAt(state))),
        ...ofRoute('operations'),
      ],
    },
  };
}
