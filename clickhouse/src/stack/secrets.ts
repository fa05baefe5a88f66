import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Users of the embedded engine: `client_cost` owns the tables, `grafana` may only read. */
export type Passwords = Readonly<Record<'client_cost' | 'grafana', string>>;

const FILE = 'passwords.json';

/** A password of 32 URL-safe letters and digits that starts with a letter, so that no parser takes it for a number. */
function newPassword(): string {
  return `p${randomBytes(24).toString('base64url').replaceAll('-', 'x').replaceAll('_', 'y')}`;
}

/**
 * The passwords of a data directory: made at random on the first start and kept in `passwords.json`, readable by its
 * owner only. Throws when the file is there but cannot be read.
 */
export function loadPasswords(dataDir: string): Passwords {
  const path = join(dataDir, FILE);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  let kept: Partial<Passwords> = {};
  if (existsSync(path)) {
    try {
      kept = JSON.parse(readFileSync(path, 'utf8')) as Partial<Passwords>;
    } catch (error) {
      throw new Error(
        `The passwords in ${path} cannot be read: ${(error as Error).message}. Remove the file to get new ones.`,
      );
    }
  }
  const passwords: Passwords = {
    client_cost: kept.client_cost ?? newPassword(),
    grafana: kept.grafana ?? newPassword(),
  };
  if (kept.client_cost === undefined || kept.grafana === undefined) {
    const scratch = `${path}.${process.pid}`;
    writeFileSync(scratch, `${JSON.stringify(passwords, null, 2)}\n`, { mode: 0o600 });
    renameSync(scratch, path);
  }
  chmodSync(path, 0o600);
  return passwords;
}
