import type { RecordedAlert } from '../alerts/index.ts';
import { printable } from './format.ts';
import { table } from './table.ts';

/** Alerts for people: what, since when, whether somebody was reached, who took it up. Times are UTC. */
export function alertTable(alerts: readonly RecordedAlert[], options: { readonly keys?: boolean } = {}): string {
  const { keys = false } = options;
  return table(
    ['Alert', 'Client', 'Message', 'Since', 'Text', 'Acknowledged', ...(keys ? ['Key'] : [])],
    alerts.map((alert) => [
      alert.severity,
      clientOf(alert),
      printable(alert.message, 100),
      minute(alert.firedAt),
      textOf(alert),
      acknowledgementOf(alert),
      ...(keys ? [printable(alert.key, 100)] : []),
    ]),
  );
}

/** `2026-11-22 21:31`, from ISO. */
export const minute = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

function clientOf({ clientId, clientName }: RecordedAlert): string {
  if (clientId === '') return '(pipeline)';
  return printable(clientName === '' || clientName === clientId ? clientId : `${clientName} (${clientId})`);
}

function textOf({ deliveredAt, sentAt }: RecordedAlert): string {
  if (deliveredAt !== null) return `delivered ${minute(deliveredAt)}`;
  return sentAt === null ? 'none yet' : `sent ${minute(sentAt)}`;
}

function acknowledgementOf({ acknowledgedAt, acknowledgedBy, acknowledgedHow, resolvedAt }: RecordedAlert): string {
  const by =
    acknowledgedAt === null ? 'no' : `by ${printable(acknowledgedBy)} (${acknowledgedHow}) ${minute(acknowledgedAt)}`;
  if (resolvedAt === null) return by;
  return `${acknowledgedAt === null ? '' : `${by}, `}resolved ${minute(resolvedAt)}`;
}
