import fs from 'node:fs';
import { join } from 'node:path';
import { log, messageOf, type OnceLog } from './log.ts';
import { sizeOf } from './spool/root.ts';

export const REJECTED = 'rejected.jsonl';
/** A destination that refuses everything must not fill the disk. */
export const REJECTED_MAX_BYTES = 256 * 1024 * 1024;

/**
 * Keeps what the destination refused for good: one line of JSON per event in `rejected.jsonl` beside the spool, or, where there is
 * no folder, in the log. Never throws.
 * @returns false when it could not be kept in the file
 */
export function setAside(
  root: string | undefined,
  once: OnceLog,
  header: string,
  record: Uint8Array,
  reason: string,
  maxBytes = REJECTED_MAX_BYTES,
): boolean {
  const event = Buffer.from(record).toString();
  try {
    if (root === undefined) throw new Error('there is no spool folder');
    const path = join(root, REJECTED);
    const line = `{"at":"${new Date().toISOString()}","reason":${JSON.stringify(reason)},"header":${header},"record":${event}}\n`;
    if (sizeOf(path) + line.length > maxBytes) {
      once.say(
        'error',
        'rejected-full',
        `usage events that were refused for good are being LOST: ${path} holds its limit of ${maxBytes} bytes. ` +
          'Send them again with `client-cost-spool retry-rejected`, or move the file away.',
      );
      return false;
    }
    fs.appendFileSync(path, line, { mode: 0o600 });
    once.clear('rejected-full');
    once.say('error', `aside ${reason}`, `a usage event was refused for good and is kept in ${path}: ${reason}`);
    return true;
  } catch (error) {
    log(
      'error',
      `a usage event was refused for good (${reason}) and cannot be kept (${messageOf(error)}): ${event.slice(0, 8192)}`,
    );
    return false;
  }
}
