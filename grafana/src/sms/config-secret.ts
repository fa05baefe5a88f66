import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SmsConfigError } from './config-values.ts';

/**
 * The secret that signs links where nobody gave one: made once, kept beside the outbox (`link-secret`, mode 0600), so that a link in
 * a text outlives a restart. One for this run only for `:memory:` and for a dry run.
 *
 * @throws SmsConfigError where the file can neither be read nor made
 */
export function linkSecretOf(database: string, dryRun: boolean): string {
  const made = randomBytes(32).toString('hex');
  if (database === ':memory:' || dryRun) return made;
  const file = join(dirname(resolve(database)), 'link-secret');
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // "wx": of two that start at once one makes it, the other reads it.
    writeFileSync(file, `${made}\n`, { mode: 0o600, flag: 'wx' });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      const kept = readFileSync(file, 'utf8').trim();
      if (kept.length >= 32) return kept;
      throw new SmsConfigError([`${file} holds no secret: remove the file, or set CLIENT_COST_SMS_LINK_SECRET`]);
    }
    throw new SmsConfigError([
      `CLIENT_COST_SMS_DATABASE=${database}: its folder cannot be written (${(error as Error).message})`,
    ]);
  }
}
