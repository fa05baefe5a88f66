import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UsageExporter } from '@client-cost/exporter';
import type { Bench, BenchContext, BenchResult } from '../lib/bench.ts';
import { cleanEnvironment, serveSink } from '../lib/processes.ts';
import { range, summarize } from '../lib/stats.ts';

const require = createRequire(import.meta.url);
const MODES = ['never', 'interval', 'always'] as const;
/** `always` waits for the disk at each event. */
const SIZE = { never: 1000, interval: 1000, always: 100 };

/** What `CLIENT_COST_SPOOL_FSYNC` costs the caller of one call. */
export const fsyncBench: Bench = {
  name: 'fsync',
  title: 'What fsync costs: one event into the spool',
  async run(context: BenchContext): Promise<BenchResult> {
    const rounds = context.quick ? 2 : 9;
    const base = mkdtempSync(join(tmpdir(), 'client-cost-fsync-'));
    const sink = await serveSink();
    const { createUsageExporter } = require('@client-cost/exporter') as typeof import('@client-cost/exporter');
    const exporters = MODES.map((mode): [(typeof MODES)[number], UsageExporter] => {
      const env = cleanEnvironment({
        CLIENT_COST_SPOOL_DIR: join(base, mode),
        CLIENT_COST_SPOOL_FSYNC: mode,
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      });
      return [mode, createUsageExporter({}, env)];
    });
    const means = { never: [] as number[], interval: [] as number[], always: [] as number[] };
    try {
      for (let round = 0; round <= rounds; round++) {
        for (const [mode, exporter] of exporters) {
          const mean = emitMany(exporter, SIZE[mode]);
          // The first round warms up. Sending, and with `interval` the sync, is done before the next is measured.
          if (round > 0) means[mode].push(mean);
          if (!(await exporter.flush(60_000))) throw new Error('The exporter could not deliver its events to the sink');
        }
      }
    } finally {
      for (const [, exporter] of exporters) await exporter.shutdown(10_000);
      await sink.stop();
      rmSync(base, { recursive: true, force: true });
    }
    const rows = MODES.map((mode) => {
      const times = means[mode].map((mean, i) => mean / means.never[i]!);
      context.log(`  fsync ${mode}: ${range(summarize(means[mode]))} µs`);
      return [mode, range(summarize(means[mode])), mode === 'never' ? '1' : range(summarize(times), 2)];
    });
    return {
      table: { columns: ['CLIENT_COST_SPOOL_FSYNC', 'emit, µs (wall)', 'times `never`'], rows },
      method:
        `${rounds} interleaved rounds after one that warms up, in one process: ${SIZE.never} events one after another (always: ${SIZE.always}), then ` +
        'sent; median (min–max) of the means. `interval` syncs in the thread pool before a sending and every 10 s, so its caller waits for nothing. ' +
        'What `always` costs is the disk: on network and consumer disks it is milliseconds.',
      targets: [],
    };
  },
};

/** Mean time of an emit, microseconds. */
function emitMany(exporter: UsageExporter, count: number): number {
  const begun = performance.now();
  for (let n = 0; n < count; n++) {
    const id = `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
    exporter.emit({
      id,
      timeUnixNano: BigInt(Date.now()) * 1_000_000n,
      attributes: {
        'usage.id': id,
        'usage.version': 1,
        'client.id': 'northside-plumbing',
        'usage.service': 'openai',
        'usage.operation': 'chat_completion',
        'gen_ai.request.model': 'gpt-4o-mini',
        'gen_ai.usage.input_tokens': 374,
        'gen_ai.usage.output_tokens': 44,
        'cost.amount': '0.0000825',
        'cost.currency': 'USD',
      },
    });
  }
  return ((performance.now() - begun) * 1000) / count;
}
