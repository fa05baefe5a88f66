import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backfill, createLedgerClient } from '../../../../clickhouse/dist/index.js';
import { startStack } from '../../../../clickhouse/dist/stack/index.js';
import type { QueryResult } from '../types.ts';
import { ALERTS, usage } from './seed.ts';

export interface Ledger {
  /** Runs a panel's or variable's SQL. An error of ClickHouse is a result too, as it is in Grafana. */
  run(sql: string, refId?: string, format?: 0 | 1, database?: string): Promise<QueryResult>;
  /** Fills it with the calls of so many days, the last of them today. */
  seed(days: number): Promise<void>;
  stop(): Promise<void>;
}

const dayAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

/** The real engine, migrated and empty, in a directory of its own. */
export async function startLedger(): Promise<Ledger> {
  const dataDir = mkdtempSync(join(tmpdir(), 'client-cost-preview-'));
  const remove = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  const stack = await startStack({ dataDir, collector: 'none' }).catch((error: unknown) => {
    remove();
    throw error;
  });
  stack.failed.catch(() => {});
  const { url, user, password, database } = stack.clickhouse;
  const client = createLedgerClient({ url, user, password, database }, database);

  return {
    async run(sql, refId = 'A', format = 1, db = database) {
      // Decimals and 64-bit numbers as numbers: Grafana's plugin makes float64 of them as well.
      const settings = new URLSearchParams({
        database: db,
        default_format: 'JSONCompact',
        output_format_json_quote_64bit_integers: '0',
        output_format_json_quote_decimals: '0',
      });
      const response = await fetch(`${url}/?${settings}`, {
        method: 'POST',
        headers: { 'x-clickhouse-user': user, 'x-clickhouse-key': password },
        body: sql,
      });
      const text = await response.text();
      if (!response.ok) return { refId, error: text.trim() };
      const { meta, data } = JSON.parse(text) as { meta: { name: string; type: string }[]; data: unknown[][] };
      return { refId, format, columns: meta, rows: data };
    },
    async seed(days) {
      for (const query of usage(days)) await client.command({ query });
      await backfill(client, { from: dayAgo(days), to: dayAgo(0) });
      for (const query of ALERTS) await client.command({ query });
    },
    async stop() {
      await client.close();
      await stack.stop();
      remove();
    },
  };
}
