import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One numbered migration as it lies on disk, placeholders unfilled. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly up: string;
  readonly down: string;
  /** SHA-256 of both files, so that retention, database name and the like may differ between installations. */
  readonly checksum: string;
}

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url));

/**
 * Reads `NNNN_name.up.sql` / `.down.sql` of a folder, in the order of their numbers. Throws when a number is missing or double, a file has
 * no counterpart, or a name does not fit.
 */
export function loadMigrations(folder: string = FOLDER): Migration[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  const pairs = new Map<string, { up?: string; down?: string }>();
  for (const file of files) {
    const match = /^(\d{4}_[a-z0-9_]+)\.(up|down)\.sql$/.exec(file);
    if (match === null) throw new Error(`${file} is no migration: expected 0001_name.up.sql or 0001_name.down.sql`);
    const pair = pairs.get(match[1]!) ?? {};
    pair[match[2] as 'up' | 'down'] = readFileSync(`${folder}/${file}`, 'utf8').replaceAll('\r\n', '\n');
    pairs.set(match[1]!, pair);
  }
  return [...pairs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { up, down }], index) => {
      if (up === undefined || down === undefined)
        throw new Error(`${key} has no ${up === undefined ? 'up' : 'down'} file`);
      const version = Number(key.slice(0, 4));
      if (version !== index + 1) throw new Error(`${key}: expected the number ${String(index + 1).padStart(4, '0')}`);
      const checksum = createHash('sha256').update(up).update('\0').update(down).digest('hex');
      return { version, name: key.slice(5), up, down, checksum };
    });
}
