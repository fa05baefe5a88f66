import type { Request, RequestHandler } from 'express';
import { readSmsState } from '../metrics/read.ts';
import type { SmsDeps } from '../types.ts';
import type { ServerContext } from './context.ts';

/** A critical text that is due for so long has not left: Twilio or the sender is in trouble. */
export const STUCK_SECONDS = 300;
/** The database is written to at most this often, whoever asks. */
const PROBE_MS = 5_000;
/** A machine that was busy for so long has not lost its sender. */
const LEASE_SLACK_MS = 5_000;

/**
 * `GET /healthz`: 200 while the database can be written and no critical text is stuck, else 503. With the problems and the outbox's state (contacts by
 * name, no numbers) for who asks the service itself; through a proxy, that is from outside, `ok` alone.
 */
export function health({ deps }: ServerContext): RequestHandler {
  let probed = Number.NEGATIVE_INFINITY;
  let broken: string | undefined;
  return (request, response) => {
    const problems: string[] = [];
    const now = performance.now();
    if (now - probed > PROBE_MS || broken !== undefined) {
      probed = now;
      broken = probe(deps);
    }
    if (broken !== undefined) problems.push(`The database cannot be written: ${broken}`);
    try {
      const state = readSmsState(deps);
      if (state.oldestCriticalSeconds > STUCK_SECONDS) {
        problems.push(
          `A critical text has waited ${Math.round(state.oldestCriticalSeconds)} s: see the log for what Twilio answers`,
        );
      }
      if (!senderIsAlive(deps)) problems.push('Nobody sends: the loop that takes texts to Twilio has stopped');
      const ok = problems.length === 0;
      response.status(ok ? 200 : 503).json(isProxied(request) ? { ok } : { ok, problems, ...state });
    } catch (error) {
      const problem = `The database cannot be read: ${(error as Error).message}`;
      response.status(503).json(isProxied(request) ? { ok: false } : { ok: false, problems: [problem] });
    }
  };
}

/** The sender, this process's or another's on the same file, renews its lease every few seconds. */
function senderIsAlive({ db, clock }: SmsDeps): boolean {
  const lease = db.prepare("SELECT until FROM lease WHERE name = 'sender'").get() as { until: number } | undefined;
  return lease !== undefined && lease.until > clock.now() - LEASE_SLACK_MS;
}

/** Writes, really: a full disk and a read-only file system show only then. */
function probe({ db }: SmsDeps): string | undefined {
  try {
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    db.exec(`PRAGMA user_version = ${version}`);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether a proxy passed the request on: then it may come from anywhere. */
export function isProxied({ headers }: Request): boolean {
  return ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'].some((name) => headers[name] !== undefined);
}
