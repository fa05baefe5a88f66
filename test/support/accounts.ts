import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLedgerClient } from '../../clickhouse/dist/client.js';
import { spawnEngine } from '../../clickhouse/dist/engine/index.js';
import { type AccountKind, migrate, resolveSchemaOptions, rightsOf } from '../../clickhouse/dist/migrate/index.js';
import type { ClickHouseAddress } from '../../clickhouse/dist/stack/index.js';

export interface Accounts {
  readonly owner: ClickHouseAddress;
  readonly writer: ClickHouseAddress;
  readonly reader: ClickHouseAddress;
  readonly operator: ClickHouseAddress;
  readonly sms: ClickHouseAddress;
  /** What the account is answered; the number is ClickHouse's error code, 0 for none. */
  ask(who: ClickHouseAddress, sql: string): Promise<{ code: number; text: string }>;
  close(): Promise<void>;
}

/**
 * A migrated ledger `ledger` whose users have the very rights that `client-cost migrate` grants on a server (`rightsOf`), enforced by the
 * engine's own access control, and beside it a database `other` that is none of their business.
 */
export async function startAccounts(): Promise<Accounts> {
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-accounts-'));
  const schema = resolveSchemaOptions({ database: 'ledger' });
  const user = (kind: AccountKind) => ({
    name: `the_${kind}`,
    password: `p-${kind}`,
    grants: rightsOf(kind, schema),
    ...(kind === 'reader' ? { readonly: true } : {}),
  });
  const owner = { name: 'owner', password: 'p-owner' };
  const kinds: AccountKind[] = ['writer', 'reader', 'operator', 'sms'];
  const engine = await spawnEngine({ dataDir: join(dir, 'data'), port: 0, users: [owner, ...kinds.map(user)] });
  const address = ({ name, password }: { name: string; password: string }): ClickHouseAddress => ({
    url: engine.url,
    user: name,
    password,
    database: 'ledger',
  });
  const ask: Accounts['ask'] = async (who, sql) => {
    const response = await fetch(`${engine.url}/?database=${who.database}`, {
      method: 'POST',
      headers: { 'x-clickhouse-user': who.user, 'x-clickhouse-key': who.password },
      body: sql,
    });
    return { code: Number(response.headers.get('x-clickhouse-exception-code') ?? 0), text: await response.text() };
  };
  const close = async () => {
    await engine.close();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const client = createLedgerClient(address(owner), 'default');
    await migrate({ client, database: 'ledger', refreshSeconds: 1, updateSeconds: 1 });
    for (const query of [
      'CREATE DATABASE other',
      'CREATE TABLE other.secrets (s String) ENGINE = MergeTree ORDER BY s',
      "INSERT INTO other.secrets VALUES ('not for them')",
    ]) {
      await client.command({ query });
    }
    await client.close();
  } catch (error) {
    await close();
    throw error;
  }
  const [writer, reader, operator, sms] = kinds.map((kind) => address(user(kind))) as [
    ClickHouseAddress,
    ClickHouseAddress,
    ClickHouseAddress,
    ClickHouseAddress,
  ];
  return { owner: address(owner), writer, reader, operator, sms, ask, close };
}
