import fs from 'node:fs';
import { join } from 'node:path';
import { log, messageOf, type OnceLog } from './log.ts';
import { sizeOf } from './spool/root.ts';

export const REJECTED = 'rejected.jsonl';
/** A destination that refuses everything must not fill the disk. */
const REJECTED_MAX_BYTES = 256 * 1024 * 1024;

class FullError extends Error {}

/**
 * Keeps what the destination refused for good: one line of JSON per event in `rejected.jsonl` beside the spool. Throws when it cannot be
 * kept: for whoever can leave the event where it is.
 */
export function keepAside(
  root: string | undefined,
  once: OnceLog,
  header: string,
  record: Uint8Array,
  reason: string,
): void {
  if (root === undefined) throw new Error('there is no spool folder');
  const event = Buffer.from(record).toString();
  const path = join(root, REJECTED);
  const line = `{"at":"${new Date().toISOString()}","reason":${JSON.stringify(reason)},"header":${header},"record":${event}}\n`;
  if (sizeOf(path) + line.length > REJECTED_MAX_BYTES)
    throw new FullError(`${path} holds its limit of ${REJECTED_MAX_BYTES} bytes`);
  fs.appendFileSync(path, line, { mode: 0o600 });
  once.clear('rejected-full');
  once.say('error', `aside ${reason}`, `a usage event was refused for good and is kept in ${path}: ${reason}`);
}

/** The same for whoever cannot: what cannot be kept is in the log, or, when the file holds its limit, lost. Never throws; false then. */
export function setAside(
  root: string | undefined,
  once: OnceLog,
  header: string,
  record: Uint8Array,
  reason: string,
): boolean {
  try {
    keepAside(root, once, header, record, reason);
    return true;
  } catch (error) {
    if (error instanceof FullError) {
      once.say(
        'error',
        'rejected-full',
        `usage events that were refused for good are being LOST: ${error.message}. ` +
          'Send them again with `client-cost-spool retry-rejected`, or move the file away.',
      );
      return false;
    }
    const event = Buffer.from(record).toString('utf8', 0, 8192);
    log('error', `a usage event was refused for good (${reason}) and cannot be kept (${messageOf(error)}): ${event}`);
    return false;
  }
}
