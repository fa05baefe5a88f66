import type { ClickHouseClient } from '@clickhouse/client';
import { type Row, select, text, textOrNull } from '../queries/run.ts';

/** An alert as its events in `usage_alerts` tell it. Times are ISO 8601 (UTC), null where it did not happen. */
export interface RecordedAlert {
  readonly key: string;
  /** Empty for the pipeline's own alerts. */
  readonly clientId: string;
  readonly clientName: string;
  readonly alertType: string;
  readonly severity: string;
  readonly month: string;
  readonly message: string;
  readonly status: 'firing' | 'acknowledged' | 'resolved';
  readonly firedAt: string;
  readonly sentAt: string | null;
  readonly deliveredAt: string | null;
  readonly acknowledgedAt: string | null;
  /** Empty while nobody did. */
  readonly acknowledgedBy: string;
  /** sms, link, dashboard or command. */
  readonly acknowledgedHow: string;
  readonly resolvedAt: string | null;
  readonly textsSent: number;
  /** Signed link; empty where the SMS service has no public address. */
  readonly acknowledgeUrl: string;
}

/** Whatever client comes in. */
const ISO_TIMES = { date_time_output_format: 'iso' } as const;

/** What is open now, critical ones first; a warning steps back while its critical is open (view `active_alerts`). */
export async function getActiveAlerts(
  client: ClickHouseClient,
  options: { readonly clientId?: string | undefined } = {},
): Promise<RecordedAlert[]> {
  const rows = await select(
    client,
    `SELECT * FROM active_alerts WHERE {clientId:String} = '' OR client_id = {clientId:String}
     ORDER BY severity = 'critical' DESC, fired_at DESC, alert_key`,
    { clientId: options.clientId ?? '' },
    ISO_TIMES,
  );
  return rows.map(recorded);
}

/** All alerts there ever were, resolved ones too, newest first. */
export async function getRecordedAlerts(
  client: ClickHouseClient,
  options: {
    readonly clientId?: string | undefined;
    readonly openOnly?: boolean | undefined;
    readonly limit?: number | undefined;
  } = {},
): Promise<RecordedAlert[]> {
  const rows = await select(
    client,
    `SELECT * FROM usage_alerts_current
     WHERE ({clientId:String} = '' OR client_id = {clientId:String}) AND ({openOnly:Bool} = false OR isNull(resolved_at))
     ORDER BY fired_at DESC, alert_key LIMIT {limit:UInt32}`,
    { clientId: options.clientId ?? '', openOnly: options.openOnly ?? false, limit: options.limit ?? 1_000_000 },
    ISO_TIMES,
  );
  return rows.map(recorded);
}

function recorded(row: Row): RecordedAlert {
  return {
    key: text(row, 'alert_key'),
    clientId: text(row, 'client_id'),
    clientName: text(row, 'client_name'),
    alertType: text(row, 'alert_type'),
    severity: text(row, 'severity'),
    month: text(row, 'month'),
    message: text(row, 'message'),
    status: text(row, 'status') as RecordedAlert['status'],
    firedAt: text(row, 'fired_at'),
    sentAt: textOrNull(row, 'sent_at'),
    deliveredAt: textOrNull(row, 'delivered_at'),
    acknowledgedAt: textOrNull(row, 'acknowledged_at'),
    acknowledgedBy: text(row, 'acknowledged_by'),
    acknowledgedHow: text(row, 'acknowledged_how'),
    resolvedAt: textOrNull(row, 'resolved_at'),
    textsSent: Number(row.texts_sent ?? 0),
    acknowledgeUrl: text(row, 'acknowledge_url'),
  };
}
