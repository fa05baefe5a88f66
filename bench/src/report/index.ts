import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  backfill,
  createLedgerClient,
  getClientUsageSummary,
  getCurrentMonthUsage,
  getMonthlySummary,
  utcDay,
} from '@client-cost/clickhouse';
import { startStack } from '@client-cost/clickhouse/stack';
import type { Bench, BenchContext, BenchResult } from '../lib/bench.ts';
import { memoryOf } from '../lib/processes.ts';
import { type SqlAddress, scalar } from '../lib/sql.ts';
import { range, type Summary, summarize } from '../lib/stats.ts';
import { fillLedger } from './fill.ts';

const CLIENTS = 500;
const LIMIT_MIB = 2048;

/** What reading a bill costs over a full ledger: one client's month and all clients, on the embedded engine. */
export const reportBench: Bench = {
  name: 'report',
  title: 'Reports on the embedded engine',
  async run(context: BenchContext): Promise<BenchResult> {
    const events = context.quick ? 50_000 : 1_000_000;
    const rounds = context.quick ? 3 : 25;
    const dataDir = mkdtempSync(join(tmpdir(), 'client-cost-bench-'));
    const stack = await startStack({ dataDir, collector: 'none' });
    const ledger = createLedgerClient(stack.clickhouse);
    try {
      const month = utcDay().slice(0, 7);
      const period = { from: `${month}-01`, to: utcDay() };
      const from = utcDay(new Date(Date.now() - 31 * 86_400_000));
      await fillLedger(stack.clickhouse, events, CLIENTS);
      context.log(`  report: ${events} events in the ledger`);

      const queries: [string, () => Promise<unknown>][] = [
        [
          "one client's month (total, services, days, operations, models)",
          () => getClientUsageSummary(ledger, { clientId: client(), ...period }),
        ],
        ["one client's month to date and projection", () => getCurrentMonthUsage(ledger, { clientId: client() })],
        [`all ${CLIENTS} clients with the month before`, () => getMonthlySummary(ledger, { month })],
      ];
      let turn = 0;
      const client = () => `client-${String((turn++ * 37) % CLIENTS).padStart(4, '0')}`;

      const begun = performance.now();
      await backfill(ledger, { from, to: utcDay() });
      const backfillSeconds = (performance.now() - begun) / 1000;
      await expectSameSums(stack.clickhouse, events);
      const measured: { name: string; summary: Summary }[] = [];
      for (const [name, query] of queries) {
        const summary = await time(rounds, query);
        measured.push({ name, summary });
        context.log(`  report ${name}: ${range(summary)} ms`);
      }
      const memory = memoryOf(stack.pids().engine ?? -1);
      const month1 = measured[0]!.summary;
      const peak = memory?.peak;
      return {
        table: {
          columns: ['report', 'ms'],
          rows: measured.map(({ name, summary }) => [name, range(summary)]),
        },
        method:
          `${events.toLocaleString('en-US')} events of ${CLIENTS} clients over 30 days; ${rounds} runs, each for another client, through the TypeScript query functions; median (min–max). ` +
          `Rebuilding the rollups of the 30 days took ${backfillSeconds.toFixed(1)} s. ` +
          (memory === undefined
            ? ''
            : `The engine's process held ${memory.now.toFixed(0)} MiB after it, ${memory.peak.toFixed(0)} MiB at its peak, filling included.`),
        targets: [
          { name: "one client's month under 100 ms", measured: `${range(month1)} ms`, met: month1.median < 100 },
          {
            name: 'engine under 2 GiB',
            measured: peak === undefined ? 'unknown on this system' : `${peak.toFixed(0)} MiB at its peak`,
            met: peak !== undefined && peak < LIMIT_MIB,
          },
        ],
      };
    } finally {
      await ledger.close();
      await stack.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};

/** Fast and wrong would be worthless: the rollups must say what the ledger says. */
async function expectSameSums(address: SqlAddress, events: number): Promise<void> {
  const sums = (from: string, count: string) => scalar(address, `SELECT ${count}, toString(sum(cost)) FROM ${from}`);
  const ledger = await sums('usage_events_current', 'count()');
  const rollup = await sums('usage_daily_current', 'sum(requests)');
  if (ledger !== rollup || !ledger.startsWith(`${events}\t`)) {
    throw new Error(`The rollups say ${rollup}, the ledger ${ledger}`);
  }
}

async function time(rounds: number, query: () => Promise<unknown>): Promise<Summary> {
  const millis: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const begun = performance.now();
    await query();
    if (round > 0) millis.push(performance.now() - begun);
  }
  return summarize(millis);
}
