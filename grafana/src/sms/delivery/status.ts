import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { accept, applyStatus } from './progress.ts';
import { TIMINGS, type Timings } from './timings.ts';

/** Name of the query parameter that says which attempt a callback is about. */
const WHICH = 'm';

/**
 * Where Twilio tells what becomes of a text: `{publicUrl}/twilio/status?m={token}-{attempt}`. Undefined where Twilio cannot reach us. The token finds
 * the text when a callback comes before the answer that names its id.
 */
export function statusCallbackUrl(
  { config }: Pick<SmsDeps, 'config'>,
  token: string,
  attempt: number,
): string | undefined {
  if (config.publicUrl === undefined) return undefined;
  return `${config.publicUrl}/twilio/status?${WHICH}=${token}-${attempt}`;
}

/**
 * Takes a status callback, in a transaction of its own: out of order, twice, or before the answer to the request. Its signature was verified.
 *
 * @param params the form together with the query: `MessageSid`, `MessageStatus`, `ErrorCode`, `m`
 * @returns whether the text is one of ours
 */
export function acceptStatus(
  deps: SmsDeps,
  params: Readonly<Record<string, string>>,
  timings: Timings = TIMINGS,
): boolean {
  const sid = params.MessageSid ?? params.SmsSid ?? '';
  const status = (params.MessageStatus ?? params.SmsStatus ?? '').toLowerCase();
  if (sid === '' || status === '') return false;
  return transaction(deps.db, () => {
    const attempt = attemptBy(deps, sid, params[WHICH] ?? '');
    if (attempt === undefined) {
      deps.log.warn({ sid, status }, 'Twilio told the status of a text that is not ours');
      return false;
    }
    accept(deps, timings, attempt, sid);
    applyStatus(deps, timings, attempt.id, status, errorOf(params.ErrorCode));
    return true;
  });
}

function attemptBy({ db }: SmsDeps, sid: string, which: string): { id: number; message_id: number } | undefined {
  const bySid = db.prepare('SELECT id, message_id FROM attempts WHERE sid = ?').get(sid);
  if (bySid !== undefined) return bySid as { id: number; message_id: number };
  const match = /^([\w-]{16})-(\d{1,6})$/.exec(which);
  if (match === null) return undefined;
  const [, token = '', number] = match;
  return db
    .prepare(
      `SELECT t.id, t.message_id FROM attempts t JOIN messages m ON m.id = t.message_id
      WHERE m.token = ? AND t.number = ? AND t.sid IS NULL`,
    )
    .get(token, Number(number)) as { id: number; message_id: number } | undefined;
}

function errorOf(code: string | undefined): string | undefined {
  return code !== undefined && /^[1-9]\d{3,5}$/.test(code) ? code : undefined;
}
