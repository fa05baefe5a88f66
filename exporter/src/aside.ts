import fs from 'node:fs';
import { join } from 'node:path';
import { log, messageOf, type OnceLog } from './log.ts';

/**
 * Keeps what the destination refused for good: one line of JSON per event in `rejected.jsonl` beside the spool, or, where there is
 * no folder, in the log. Never throws.
 */
export function setAside(
  root: string | undefined,
  once: OnceLog,
  header: string,
  record: Uint8Array,
  reason: string,
): void {
  const event = Buffer.from(record).toString();
  try {
    if (root === undefined) throw new Error('there is no spool folder');
    const path = join(root, 'rejected.jsonl');
    const line = `{"at":"${new Date().toISOString()}","reason":${JSON.stringify(reason)},"header":${header},"record":${event}}\n`;
    fs.appendFileSync(path, line, { mode: 0o600 });
    once.say('error', `aside ${reason}`, `a usage event was refused for good and is kept in ${path}: ${reason}`);
  } catch (error) {
    log(
      'error',
      `a usage event was refused for good (${reason}) and cannot be kept (${messageOf(error)}): ${event.slice(0, 8192)}`,
    );
  }
}
