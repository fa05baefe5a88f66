import { queueTexts } from '../delivery/queue.ts';
import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { alertsOfCode, openCodesOf } from './alerts.ts';
import { contactOf, isStopped } from './people.ts';
import { type Acknowledgement, acknowledge } from './record.ts';
import { replyTo, replyWithOpen } from './replies.ts';
import { stopTexts } from './stop.ts';
import { readReply, type Said } from './words.ts';

/** What became of a text that came in; a label of the metrics. */
export type IncomingOutcome =
  | 'acknowledged'
  | 'already'
  | 'resolved'
  | 'unknown_code'
  | 'unclear'
  | 'stop'
  | 'start'
  | 'help'
  | 'stranger'
  | 'duplicate';

export interface IncomingAnswer {
  readonly outcome: IncomingOutcome;
  /** Empty: nothing is sent. */
  readonly reply: string;
  /** Some alert's next text may be due now: somebody else takes over. */
  readonly escalate: boolean;
  /** How many alerts were acknowledged. */
  readonly alerts: number;
  /** Who wrote, by name; undefined for strangers. */
  readonly contact?: string | undefined;
}

const NOTHING = { reply: '', escalate: false, alerts: 0 } as const;

/**
 * Acts on a text that came in; Twilio's signature was checked before. Everything happens in one transaction, the answer is kept with the id
 * of the text, so that the same text delivered again changes nothing and is answered the same.
 *
 * Strangers get no answer, whatever they write. A code acknowledges only for a number it was sent to: for others it does not exist.
 *
 * @param params Twilio's parameters of an incoming message: `MessageSid`, `From`, `Body`, `OptOutType`
 * @param answer `response`: the caller answers Twilio's webhook with the reply. `text`: the reply goes into the outbox, and the webhook that may still come is
 *   answered with nothing. `none`: nobody is answered but who acknowledged
 */
export function acceptIncoming(
  deps: SmsDeps,
  params: Readonly<Record<string, string>>,
  answer: 'response' | 'text' | 'none' = 'response',
): IncomingAnswer {
  const { db, clock } = deps;
  const sid = params.MessageSid ?? params.SmsSid ?? '';
  const at = clock.now();
  return transaction(db, () => {
    const before = db.prepare('SELECT reply FROM inbound WHERE sid = ?').get(sid) as { reply: string } | undefined;
    if (before !== undefined) return { ...NOTHING, outcome: 'duplicate', reply: before.reply };
    const made = act(deps, params, at);
    if (answer !== 'response') replyByText(deps, params.From ?? '', made, answer === 'text', at);
    const kept = answer === 'response' ? made.reply : '';
    if (sid !== '') db.prepare('INSERT INTO inbound (sid, at, reply) VALUES (?, ?, ?)').run(sid, at, kept);
    return made;
  });
}

function replyByText(deps: SmsDeps, phone: string, made: IncomingAnswer, always: boolean, at: number): void {
  const contact = contactOf(deps.config, phone);
  if (contact === undefined || made.reply === '' || !(always || made.alerts > 0)) return;
  queueTexts(deps, { kind: 'reply', alertIds: [], contacts: [contact], at, body: made.reply });
}

function act(deps: SmsDeps, params: Readonly<Record<string, string>>, at: number): IncomingAnswer {
  const { db, config } = deps;
  const phone = params.From ?? '';
  const said = readReply(params.Body ?? '', params.OptOutType, isStopped(db, phone));
  const contact = contactOf(config, phone);
  if (said.kind === 'stop') {
    // Of strangers too: Twilio sends them nothing from now on, and one day they may be on call.
    const escalate = stopTexts(deps, phone, at);
    const reply =
      contact === undefined || said.byTwilio ? '' : 'You get no more of these texts. START gets them again.';
    return { ...NOTHING, outcome: 'stop', reply, escalate, contact: contact?.name };
  }
  if (said.kind === 'start') {
    db.prepare('DELETE FROM stopped WHERE phone = ?').run(phone);
    return { ...NOTHING, outcome: 'start', contact: contact?.name };
  }
  if (contact === undefined) return { ...NOTHING, outcome: 'stranger' };
  return { ...NOTHING, ...answerTo(deps, said, phone, contact.name, at), contact: contact.name };
}

function answerTo(
  deps: SmsDeps,
  said: Said,
  phone: string,
  name: string,
  at: number,
): Pick<IncomingAnswer, 'outcome' | 'reply'> & { readonly alerts?: number } {
  const { db } = deps;
  const open = openCodesOf(deps, phone);
  if (said.kind === 'help') return { outcome: 'help', reply: replyWithOpen(open, 'client-cost usage alerts. ') };
  if (said.kind === 'codes') {
    const alerts = said.codes.flatMap((code) => alertsOfCode(db, code, { phone }));
    if (alerts.length > 0) return record(deps, alerts, name, at);
    const opening = `${said.codes[0]} is no code of a text to you. `;
    return { outcome: 'unknown_code', reply: replyWithOpen(open, opening) };
  }
  if (said.kind === 'yes' && open.length > 0 && (said.all || open.length === 1)) {
    return record(
      deps,
      open.flatMap(({ code }) => alertsOfCode(db, code, { phone })),
      name,
      at,
    );
  }
  return { outcome: 'unclear', reply: replyWithOpen(open) };
}

function record(
  deps: SmsDeps,
  alerts: Parameters<typeof acknowledge>[1],
  name: string,
  at: number,
): Pick<IncomingAnswer, 'outcome' | 'reply'> & { readonly alerts?: number } {
  const once = [...new Map(alerts.map((alert) => [alert.id, alert])).values()];
  const result: Acknowledgement = acknowledge(deps, once, name, 'sms', at);
  const outcome = result.acknowledged.length > 0 ? 'acknowledged' : result.already.length > 0 ? 'already' : 'resolved';
  return { outcome, reply: replyTo(result, deps.config, at), alerts: result.acknowledged.length };
}
