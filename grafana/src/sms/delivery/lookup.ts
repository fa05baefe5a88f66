import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { repeatUnknown } from './outcome.ts';
import { accept, applyStatus } from './progress.ts';
import { backoff, type Timings } from './timings.ts';
import type { TwilioApi, TwilioText } from './twilio.ts';

/** Twilio's clock and ours may be apart; its times are whole seconds. */
const SKEW_MS = 120_000;
const HOUR = 3_600_000;

interface Due {
  id: number;
  state: string;
  phone: string;
  sid: string | null;
  checks: number;
  sent_at: number | null;
  updated_at: number;
}

/** Messages whose end is to be asked for now. */
export function dueChecks({ db, clock }: SmsDeps, limit: number, not: ReadonlySet<number>): Due[] {
  const rows = db
    .prepare(
      `SELECT id, state, phone, sid, checks, sent_at, updated_at FROM messages
      WHERE check_at <= ? AND state IN ('maybe_sent', 'sent') ORDER BY state = 'maybe_sent' DESC, check_at LIMIT ?`,
    )
    .all(clock.now(), limit + not.size) as unknown as Due[];
  return rows.filter(({ id }) => !not.has(id)).slice(0, limit);
}

/** Asks Twilio what became of a message and writes it down. Never rejects: what fails is asked again later. */
export async function check(deps: SmsDeps, timings: Timings, api: TwilioApi, due: Due): Promise<void> {
  try {
    if (due.state === 'maybe_sent') await lookFor(deps, timings, api, due);
    else await poll(deps, timings, api, due);
  } catch (error) {
    const { status, code } = error as { status?: unknown; code?: unknown };
    const now = deps.clock.now();
    // A text that Twilio no longer has, or cannot be asked about for a day, keeps what is known of it.
    const over = due.state === 'sent' && (status === 404 || now - (due.sent_at ?? now) > timings.pollForMs);
    const pause = backoff(due.checks, timings.lookMs[0] ?? timings.retryMs, timings.retryMaxMs);
    deps.log.warn({ status, error: code, over }, 'Twilio did not say what became of a text');
    deps.db
      .prepare('UPDATE messages SET check_at = ?, checks = checks + 1 WHERE id = ? AND state = ?')
      .run(over ? null : now + pause, due.id, due.state);
  }
}

async function lookFor(deps: SmsDeps, timings: Timings, api: TwilioApi, due: Due): Promise<void> {
  const unknown = deps.db
    .prepare(
      "SELECT id, message_id, number, body, started_at FROM attempts WHERE message_id = ? AND outcome = 'unknown' ORDER BY number",
    )
    .all(due.id) as { id: number; message_id: number; number: number; body: string; started_at: number }[];
  const since = Math.min(...unknown.map(({ started_at }) => started_at));
  const listed = await api.list(due.phone, since - SKEW_MS);
  transaction(deps.db, () => {
    const left = new Set(listed.filter(({ sid }) => !isKnown(deps, sid)));
    for (const attempt of unknown) {
      const found = [...left].find((text) => same(text, attempt));
      if (found === undefined) continue;
      left.delete(found);
      accept(deps, timings, attempt, found.sid);
      applyStatus(deps, timings, attempt.id, found.status, found.errorCode);
    }
    const { state } = deps.db.prepare('SELECT state FROM messages WHERE id = ?').get(due.id) as { state: string };
    if (state !== 'maybe_sent') return;
    const now = deps.clock.now();
    const latest = unknown.at(-1)?.started_at ?? now;
    if (now - Math.max(due.updated_at, latest) >= timings.notFoundMs) {
      repeatUnknown(deps, timings, due.id);
      return;
    }
    const pause = timings.lookMs[Math.min(due.checks + 1, timings.lookMs.length - 1)] ?? timings.retryMs;
    deps.db
      .prepare('UPDATE messages SET check_at = ?, checks = checks + 1 WHERE id = ?')
      .run(Math.min(now + pause, Math.max(due.updated_at, latest) + timings.notFoundMs), due.id);
  });
}

function isKnown({ db }: SmsDeps, sid: string): boolean {
  return db.prepare('SELECT 1 FROM attempts WHERE sid = ?').get(sid) !== undefined;
}

/** A trial account puts words before the text; an account that redacts texts shows none, and their time has to do. */
function same(text: TwilioText, attempt: { body: string; started_at: number }): boolean {
  if (text.createdAt < attempt.started_at - SKEW_MS) return false;
  return text.body === '' || text.body === attempt.body || text.body.endsWith(` ${attempt.body}`);
}

async function poll(deps: SmsDeps, timings: Timings, api: TwilioApi, due: Due): Promise<void> {
  if (due.sid === null) return;
  const text = await api.fetch(due.sid);
  transaction(deps.db, () => {
    const attempt = deps.db.prepare('SELECT id FROM attempts WHERE sid = ?').get(due.sid) as { id: number } | undefined;
    if (attempt !== undefined) applyStatus(deps, timings, attempt.id, text.status, text.errorCode);
    const now = deps.clock.now();
    const first = deps.config.publicUrl === undefined ? timings.pollAloneMs : timings.pollMs;
    const over = now - (due.sent_at ?? now) > timings.pollForMs;
    const next = over ? null : now + Math.min(first * 2 ** (due.checks + 1), HOUR);
    deps.db
      .prepare("UPDATE messages SET check_at = ?, checks = checks + 1 WHERE id = ? AND state = 'sent'")
      .run(next, due.id);
  });
}
