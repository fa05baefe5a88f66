import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Users of the embedded engine: `client_cost` owns the tables, `grafana` may only read, `client_cost_writer` only insert telemetry. */
export type Passwords = Readonly<Record<'client_cost' | 'grafana' | 'client_cost_writer', string>>;

/** Of the Grafana that is started here: its user admin, the key of its database, and what signs its webhooks. */
export type GrafanaSecrets = Readonly<Record<'grafana_admin' | 'grafana_secret_key' | 'alert_webhook', string>>;

const FILE = 'passwords.json';

/** A password of 32 URL-safe letters and digits that starts with a letter, so that no parser takes it for a number. */
function newPassword(): string {
  return `p${randomBytes(24).toString('base64url').replaceAll('-', 'x').replaceAll('_', 'y')}`;
}

/** Where a data directory keeps its passwords. */
export function passwordFile(dataDir: string): string {
  return join(dataDir, FILE);
}

/**
 * The passwords of a data directory: made at random on the first start and kept in `passwords.json`, readable by its
 * owner only. Throws when the file is there but cannot be read.
 */
export function loadPasswords(dataDir: string): Passwords {
  return keep(dataDir, ['client_cost', 'grafana', 'client_cost_writer']);
}

/** As `loadPasswords`, in the same file: what only a Grafana needs. */
export function loadGrafanaSecrets(dataDir: string): GrafanaSecrets {
  return keep(dataDir, ['grafana_admin', 'grafana_secret_key', 'alert_webhook']);
}

function keep<Name extends string>(dataDir: string, names: readonly Name[]): Readonly<Record<Name, string>> {
  const path = passwordFile(dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  let kept: Record<string, string> = {};
  if (existsSync(path)) {
    try {
      kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
    } catch (error) {
      // What JSON.parse says quotes the file.
      const why = error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message;
      throw new Error(`The passwords in ${path} cannot be read: ${why}. Remove the file to get new ones.`);
    }
  }
  const missing = names.filter((name) => kept[name] === undefined);
  if (missing.length > 0) {
    for (const name of missing) kept[name] = newPassword();
    const scratch = `${path}.${process.pid}`;
    writeFileSync(scratch, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
    renameSync(scratch, path);
  }
  chmodSync(path, 0o600);
  return Object.fromEntries(names.map((name) => [name, kept[name]!])) as Record<Name, string>;
}
