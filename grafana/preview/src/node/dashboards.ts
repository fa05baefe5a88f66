import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DashboardJson, Picture } from '../types.ts';
import { collect, type Run } from './collect.ts';
import type { Ledger } from './ledger.ts';
import { CLIENT_SHOWN } from './seed.ts';

export type State = 'data' | 'empty' | 'error';

const folder = join(import.meta.dirname, '..', '..', '..', 'dashboards');

/** The committed dashboards by the short name that the pictures' files bear: `overview`, `client`, `pipeline`. */
export function readDashboards(): ReadonlyMap<string, DashboardJson> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  if (files.length === 0) throw new Error(`There is no dashboard in ${folder}. "npm run grafana:generate" makes them.`);
  return new Map(
    files.map((file) => [
      file.replace(/^client-cost-|\.json$/g, ''),
      JSON.parse(readFileSync(join(folder, file), 'utf8')) as DashboardJson,
    ]),
  );
}

/** Asks a database that was never migrated: ClickHouse itself says what is wrong. */
const failing =
  (ledger: Ledger): Run =>
  (sql, refId, format) =>
    ledger.run(sql, refId, format, 'default');

/** Every dashboard in one state, by `name-state`. With state `data` the ledger must be seeded, with `empty` not yet. */
export async function collectAll(ledger: Ledger, state: State): Promise<Map<string, Picture>> {
  const pictures = new Map<string, Picture>();
  const run: Run = state === 'error' ? failing(ledger) : ledger.run;
  for (const [name, dashboard] of readDashboards()) {
    const chosen = state === 'empty' ? {} : { client: CLIENT_SHOWN };
    pictures.set(`${name}-${state}`, await collect(dashboard, run, ledger, chosen));
  }
  return pictures;
}
