import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EngineProcess, spawnEngine } from '../../clickhouse/dist/engine/index.js';
import { resolveSchemaOptions, rightsOf } from '../../clickhouse/dist/migrate/index.js';
import type { Stack } from '../../clickhouse/dist/stack/index.js';
import { dashboards, ruleQueries } from '../support/grafana-queries.ts';
import { askAsReader, type Case, casesOn, run } from '../support/grafana-run.ts';
import type { CaseInput } from '../support/grafana-seed.ts';

// The embedded engine's own user grafana may read everything; here the same engine has one with the very rights that the migrations grant
// on a server.
const DATABASE = 'rights';
const scratch = mkdtempSync(join(tmpdir(), 'client-cost-rights-'));
let engine: EngineProcess;
let stack: Stack;
let cases: ReturnType<typeof casesOn>;

beforeAll(async () => {
  const owner = { name: 'client_cost', password: 'o' };
  const grants = rightsOf('reader', resolveSchemaOptions({ database: DATABASE }));
  const reader = { name: 'grafana', password: 'r', readonly: true, grants };
  engine = await spawnEngine({ dataDir: join(scratch, 'data'), port: 0, users: [owner, reader] });
  const address = (user: typeof owner) => ({ ...user, user: user.name, url: engine.url, database: DATABASE });
  stack = { clickhouse: address(owner), reader: address(reader) } as unknown as Stack;
  cases = casesOn(stack);
});
afterAll(async () => {
  await cases?.close();
  await engine?.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
});

describe('SELECT on the ledger’s database alone', () => {
  let on: Case;
  beforeAll(async () => {
    on = await cases.create(DATABASE, {});
  });

  it('is all that the panels and variables of each dashboard need', async () => {
    const all = dashboards();
    expect(all.length).toBeGreaterThan(0);
    for (const { uid, queries, variables } of all) {
      const file = join(import.meta.dirname, 'grafana', uid, 'input.json');
      const input = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as CaseInput;
      expect(queries.length, uid).toBeGreaterThan(0);
      for (const query of queries) await run(stack, on, query, input, { ...variables, ...input.variables });
    }
  });

  it('is all that the alert rules need', async () => {
    const rules = ruleQueries();
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) await run(stack, on, rule, {}, {});
  });

  it('shows no other database', async () => {
    const { data } = await askAsReader(stack, DATABASE, 'SELECT name FROM system.databases ORDER BY name');
    // `system` for the tables that the plugin's query builder lists.
    expect(data).toEqual([[DATABASE], ['system']]);
    await expect(askAsReader(stack, DATABASE, 'SELECT * FROM default.anything')).rejects.toThrow(/UNKNOWN_TABLE|497/);
  });
});
