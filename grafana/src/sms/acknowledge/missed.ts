import twilio from 'twilio';
import { KEEP_MS } from '../life/export.ts';
import type { SmsDeps } from '../types.ts';
import { TELLS_OF } from './alerts.ts';
import { acceptIncoming, type IncomingAnswer } from './incoming.ts';
import { contactOf, isStopped } from './people.ts';
import { readReply } from './words.ts';

export interface AnswerTimings {
  /** Between two looks where webhooks come, and where none can (no public URL). */
  readonly pollMs: number;
  readonly pollAloneMs: number;
  /** A webhook is given this long before its text is looked for. */
  readonly webhookMs: number;
  /** Between two looks for the START of those who said STOP and whom nothing else waits for. */
  readonly stoppedMs: number;
  /** An answer that was not understood is of no use to its sender after so long. */
  readonly replyMs: number;
}

export const ANSWER_TIMINGS: AnswerTimings = {
  pollMs: 60_000,
  pollAloneMs: 10_000,
  webhookMs: 30_000,
  stoppedMs: 300_000,
  replyMs: 900_000,
};

export interface MissedAnswers {
  /** Looks once, then again and again. Resolves after the first look, or a few seconds. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Asked {
  readonly phone: string;
  /** When the first text that still waits for an answer was written, or its alert fired again; Unix milliseconds; undefined: none does. */
  readonly since?: number;
  /** When this number said STOP: its START counts from then on. */
  readonly stoppedAt?: number;
}

const FIRST_LOOK_MS = 3_000;
const LIMIT = 50;
/** Ids of texts that came in are kept a day longer: what was answered then is not taken once more. */
const TOO_OLD_MS = KEEP_MS - 86_400_000;

/**
 * Asks Twilio for the answers of those whose answer is waited for: what came in while the service was away, what a webhook failed to bring, and everything
 * where there is no public URL. Of who said STOP also the START, at a slower pace: no text to them waits for an answer any more. Nothing is asked while nothing
 * waits. The same text is never taken twice, whichever way it comes first.
 *
 * @param taken called for each text that was taken
 */
export function createMissedAnswers(
  deps: SmsDeps,
  options: Partial<AnswerTimings> | undefined,
  taken: (answer: IncomingAnswer) => void,
): MissedAnswers {
  const timings = { ...ANSWER_TIMINGS, ...options };
  const { accountSid, authToken, from, apiUrl, timeoutMs } = deps.config.twilio;
  const client = twilio(accountSid, authToken, { autoRetry: false, timeout: timeoutMs });
  if (apiUrl !== undefined) client.api.baseUrl = apiUrl;
  const alone = deps.config.publicUrl === undefined;
  // What somebody texts to another number of the account is no answer to us; of a Messaging Service nobody here knows the numbers.
  const service = from.startsWith('MG') ? from : undefined;
  const to = service === undefined ? { to: from } : {};
  let stopping = false;
  let failing = false;
  let stoppedLook = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function ask(asked: Asked): Promise<void> {
    const { phone } = asked;
    const found = await client.messages.list({ from: phone, ...to, limit: LIMIT, pageSize: LIMIT });
    const known = deps.db.prepare('SELECT 1 FROM inbound WHERE sid = ?');
    for (const { sid, body, direction, dateCreated, messagingServiceSid } of found.reverse()) {
      if (service !== undefined && messagingServiceSid !== service) continue;
      // Twilio's times are whole seconds.
      const at = (dateCreated?.getTime() ?? 0) + 1_000;
      const age = deps.clock.now() - at;
      if (direction !== 'inbound' || age > TOO_OLD_MS || (!alone && age < timings.webhookMs)) continue;
      if (stopping || known.get(sid) !== undefined || !isWaitedFor(deps, asked, body ?? '', at)) continue;
      const params = { MessageSid: sid, From: phone, Body: body ?? '' };
      const answer = acceptIncoming(deps, params, age < timings.replyMs ? 'text' : 'none');
      deps.log.info(
        { outcome: answer.outcome, contact: answer.contact ?? '' },
        'A text that no webhook brought was taken',
      );
      // A START that came while the STOP had its time for the webhook is later than the STOP.
      if (answer.outcome === 'stop')
        deps.db.prepare('UPDATE stopped SET at = min(at, ?) WHERE phone = ?').run(at, phone);
      taken(answer);
    }
  }

  async function look(): Promise<void> {
    const now = deps.clock.now();
    const all = now - stoppedLook >= timings.stoppedMs;
    try {
      for (const asked of askedPeople(deps)) if (!stopping && (all || asked.since !== undefined)) await ask(asked);
      if (all) stoppedLook = now;
      failing = false;
    } catch (error) {
      if (!failing)
        deps.log.warn({ error: (error as Error).message }, 'Twilio could not be asked for answers; it is asked again');
      failing = true;
    }
  }

  function next(): Promise<void> {
    running = look().finally(() => {
      running = undefined;
      if (!stopping) timer = setTimeout(next, alone ? timings.pollAloneMs : timings.pollMs);
    });
    return running;
  }

  return {
    async start() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, FIRST_LOOK_MS).unref());
      await Promise.race([next(), late]);
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Of who only said STOP nothing but the START is heard: the rest answers no text. */
function isWaitedFor({ db }: SmsDeps, { phone, since, stoppedAt }: Asked, body: string, at: number): boolean {
  if (since !== undefined && at >= since) return true;
  if (stoppedAt === undefined || at < stoppedAt) return false;
  return readReply(body, undefined, true).kind === 'start' && isStopped(db, phone);
}

/** Numbers on call that a text with a code went to whose alerts wait for an answer, and those that said STOP. */
function askedPeople({ db, config }: SmsDeps): Asked[] {
  const waiting = db
    .prepare(
      `SELECT m.phone AS phone, MIN(max(m.created_at, a.fired_at)) AS since
       FROM messages AS m
       JOIN message_alerts AS ma ON ma.message_id = m.id
       JOIN alerts AS a ON a.id = ma.alert_id
       WHERE m.code IS NOT NULL AND m.state IN ('sending', 'sent', 'delivered', 'maybe_sent')
         AND a.status = 'firing' AND a.acknowledged_at IS NULL AND ${TELLS_OF}
       GROUP BY m.phone`,
    )
    .all(config.repeatAfterSeconds * 1000) as unknown as { phone: string; since: number }[];
  const stopped = db.prepare('SELECT phone, at AS stoppedAt FROM stopped').all() as unknown as {
    phone: string;
    stoppedAt: number;
  }[];
  const asked = new Map<string, Asked>(waiting.map((row) => [row.phone, row]));
  for (const row of stopped) asked.set(row.phone, { ...asked.get(row.phone), ...row });
  return [...asked.values()].filter(({ phone }) => contactOf(config, phone) !== undefined);
}
