import type { ClickHouseClient } from '@clickhouse/client';
import { checkDay, utcDay } from '../queries/dates.ts';
import { count, type Row, select, text, textOrNull } from '../queries/run.ts';

export type AlertSeverity = 'warning' | 'critical';
export type ClientAlertType = 'threshold' | 'spike' | 'anomaly';
export type PipelineAlertType =
  | 'pipeline_silent'
  | 'pipeline_rejected'
  | 'pipeline_unpriced'
  | 'pipeline_counters'
  | 'sms_undelivered';

/** One client under one rule in one month; amounts are decimal strings in USD, exact. */
export interface ClientAlertState {
  readonly clientId: string;
  readonly clientName: string;
  readonly alertType: ClientAlertType;
  readonly severity: AlertSeverity;
  /** YYYY-MM (UTC). */
  readonly month: string;
  readonly firing: boolean;
  /** What is compared with `threshold`: USD (threshold, anomaly) or percent (spike). */
  readonly value: string;
  readonly threshold: string;
  readonly currentCost: string;
  /** What a spike is measured against; null without usage in the previous month. */
  readonly previousCost: string | null;
  readonly projectedCost: string;
  /** Null where there is nothing to compare with. */
  readonly percentChange: number | null;
  /** Against the same days of the previous month; otherwise against the whole of it. */
  readonly sameDays: boolean;
  /** What the SMS says; empty unless it fires. */
  readonly message: string;
}

/** A rule about the pipeline itself. */
export interface PipelineAlertState {
  readonly alertType: PipelineAlertType;
  readonly severity: AlertSeverity;
  readonly firing: boolean;
  readonly value: number;
  readonly threshold: number;
  /** What is the matter and what to do, or that all is well. */
  readonly message: string;
}

/** `alert_type:severity:month:client_id`; month and client are empty for the pipeline's own alerts. */
export function alertKey(alert: {
  readonly alertType: string;
  readonly severity: string;
  readonly month?: string;
  readonly clientId?: string;
}): string {
  return `${alert.alertType}:${alert.severity}:${alert.month ?? ''}:${alert.clientId ?? ''}`;
}

/**
 * Every client under every rule (view `client_alert_states`): the month of `asOf`, and the month before, in which nothing fires any more.
 *
 * @param options.asOf last day counted, YYYY-MM-DD; default: today (UTC)
 * @throws QueryInputError on a day that cannot be used, the client's error otherwise
 */
export async function getClientAlertStates(
  client: ClickHouseClient,
  options: { readonly asOf?: string | undefined; readonly clientId?: string | undefined } = {},
): Promise<ClientAlertState[]> {
  const asOf = checkDay('as-of', options.asOf ?? utcDay());
  const rows = await select(
    client,
    `SELECT * FROM client_alert_states(as_of = {asOf:Date})
     WHERE {clientId:String} = '' OR client_id = {clientId:String}
     ORDER BY month DESC, client_name, client_id, indexOf(['threshold', 'spike', 'anomaly'], alert_type), severity = 'critical'`,
    { asOf, clientId: options.clientId ?? '' },
  );
  return rows.map(clientState);
}

/** The pipeline's own rules at a moment, one row each (view `pipeline_alert_states`). */
export async function getPipelineAlertStates(
  client: ClickHouseClient,
  options: { readonly at?: Date | undefined } = {},
): Promise<PipelineAlertState[]> {
  // Up: what arrived in this very second has arrived.
  const at = Math.ceil((options.at ?? new Date()).getTime() / 1000);
  // In UTC by name: a view's argument reaches it as text, and a server in another time zone would write it in its own.
  const rows = await select(
    client,
    "SELECT * FROM pipeline_alert_states(at = toTimeZone(fromUnixTimestamp({at:UInt32}), 'UTC'))",
    { at },
  );
  return rows.map((row) => ({
    alertType: text(row, 'alert_type') as PipelineAlertType,
    severity: text(row, 'severity') as AlertSeverity,
    firing: count(row, 'state') === 1,
    value: count(row, 'value'),
    threshold: count(row, 'threshold'),
    message: text(row, 'message'),
  }));
}

function clientState(row: Row): ClientAlertState {
  return {
    clientId: text(row, 'client_id'),
    clientName: text(row, 'client_name'),
    alertType: text(row, 'alert_type') as ClientAlertType,
    severity: text(row, 'severity') as AlertSeverity,
    month: text(row, 'month'),
    firing: count(row, 'state') === 1,
    value: text(row, 'value'),
    threshold: text(row, 'threshold'),
    currentCost: text(row, 'current_cost'),
    previousCost: textOrNull(row, 'previous_cost'),
    projectedCost: text(row, 'projected_cost'),
    percentChange: row.percent_change === null ? null : count(row, 'percent_change'),
    sameDays: count(row, 'same_days') === 1,
    message: text(row, 'message'),
  };
}
