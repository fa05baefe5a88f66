import { cleanLine, shorten, shortenMessage } from '../texts/clean.ts';
import type { SmsConfig } from '../types.ts';
import type { AlertRow, OpenCode } from './alerts.ts';
import { clockTime } from './people.ts';
import type { Acknowledgement } from './record.ts';

const NAME_UNITS = 30;
const MESSAGE_UNITS = 60;

/** The pipeline's own alerts have no client. */
export function nameOf({ client_name, client_id }: { client_name: string; client_id?: string }): string {
  return shorten(cleanLine(client_name) || cleanLine(client_id ?? '') || 'client-cost', NAME_UNITS);
}

function named(alerts: readonly AlertRow[]): string {
  const [first] = alerts;
  if (first === undefined) return '';
  const message = shortenMessage(cleanLine(first.message), MESSAGE_UNITS);
  return `${nameOf(first)}: ${message}${alerts.length > 1 ? `, +${alerts.length - 1} more` : ''}`;
}

/** What somebody reads who acknowledged by a text. */
export function replyTo(result: Acknowledgement, config: Pick<SmsConfig, 'quietHours'>, now: number): string {
  const { acknowledged, already, resolved } = result;
  if (acknowledged.length > 0) return `Acknowledged. No more texts about ${named(acknowledged)}`;
  const [first] = already;
  if (first !== undefined) {
    const who = shorten(cleanLine(first.acknowledged_by ?? ''), NAME_UNITS);
    return `Already acknowledged by ${who}, ${clockTime(config, first.acknowledged_at ?? now, now)}: ${named(already)}`;
  }
  const over = resolved[0]?.resolved_at ?? now;
  return `Over since ${clockTime(config, over, now)}: ${named(resolved)}`;
}

/** Which codes wait for an answer; the way out of every text that was not understood. */
export function replyWithOpen(open: readonly OpenCode[], opening = ''): string {
  const [first] = open;
  if (first === undefined) return `${opening}No alert waits for an answer.`;
  const said = open.slice(0, 3).map(({ code, client_name }) => `${code} (${shorten(nameOf({ client_name }), 18)})`);
  const more = open.length > said.length ? `, +${open.length - said.length} more` : '';
  return `${opening}To acknowledge, reply with its code: ${said.join(', ')}${more}${open.length > 1 ? ', or ALL' : ''}.`;
}
