import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { UsageEvent } from '@client-cost/exporter';
import type { Bench, BenchContext, BenchResult } from '../lib/bench.ts';
import { cleanEnvironment, serveSink } from '../lib/processes.ts';
import { range, type Summary, summarize } from '../lib/stats.ts';

const require = createRequire(import.meta.url);
/** The built folder of a workspace: these are inner parts that no package exports. */
const inside = (workspace: string, path: string) =>
  require(join(dirname(require.resolve(`@client-cost/${workspace}/package.json`)), 'dist', path));

/** The two costs that a caller pays inside a call: what a price and what an event on disk take. */
export const microBench: Bench = {
  name: 'micro',
  title: 'Parts of a recorded call',
  async run(context: BenchContext): Promise<BenchResult> {
    const batches = context.quick ? 3 : 15;
    const size = context.quick ? 500 : 2000;
    const rows: string[][] = [];
    const add = (name: string, summary: Summary) => {
      rows.push([name, range(summary, 1)]);
      context.log(`  micro ${name}: ${range(summary, 1)} µs`);
    };

    const { loadPriceBook } = inside('instrumentation', 'prices/index.js');
    const book = loadPriceBook();
    book.warm();
    const chat = {
      service: 'openai',
      operation: 'chat_completion',
      provider: 'openai',
      model: 'gpt-4o-mini',
      responseModel: 'gpt-4o-mini-2024-07-18',
      serviceTier: 'default',
      quantity: '1',
      unit: 'request',
    };
    add(
      'price of a chat completion',
      time(batches, size, (n) => book.price({ ...chat, tokens: { input: 374 + (n % 7), output: 44 }, at: new Date() })),
    );

    const { uuidv7 } = inside('instrumentation', 'recorder/uuid.js');
    add(
      'usage.id (UUIDv7)',
      time(batches, size, () => uuidv7()),
    );

    const spool = mkdtempSync(join(tmpdir(), 'client-cost-micro-'));
    const sink = await serveSink();
    const { createUsageExporter } = require('@client-cost/exporter') as typeof import('@client-cost/exporter');
    const env = cleanEnvironment({ CLIENT_COST_SPOOL_DIR: spool, OTEL_EXPORTER_OTLP_ENDPOINT: sink.url });
    const exporter = createUsageExporter({}, env);
    try {
      const emit = time(batches, size, () => {
        const id = uuidv7();
        exporter.emit({
          id,
          timeUnixNano: BigInt(Date.now()) * 1_000_000n,
          attributes: { ...ATTRIBUTES, 'usage.id': id },
        } satisfies UsageEvent);
      });
      add('emit: event on disk', emit);
      if (!(await exporter.flush(60_000))) throw new Error('The exporter could not deliver its events to the sink');
    } finally {
      await exporter.shutdown(10_000);
      await sink.stop();
      rmSync(spool, { recursive: true, force: true });
    }
    return {
      table: { columns: ['part', 'µs (wall, one at a time)'], rows },
      method: `${batches} batches of ${size} in one process after a warm-up batch; median (min–max) of the batches' means.`,
      targets: [],
    };
  },
};

const ATTRIBUTES = {
  'usage.version': 1,
  'client.id': 'northside-plumbing',
  'usage.service': 'openai',
  'usage.operation': 'chat_completion',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o-mini',
  'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
  'gen_ai.usage.input_tokens': 374,
  'gen_ai.usage.output_tokens': 44,
  'openai.response.service_tier': 'default',
  'usage.quantity': '1',
  'usage.unit': 'request',
  'cost.amount': '0.0000825',
  'cost.currency': 'USD',
  'cost.source': 'price_book',
  'cost.price_version': 'genai-prices@0.1.8',
  'usage.external_id': 'chatcmpl-0123456789',
  'usage.outcome': 'ok',
};

function time(batches: number, size: number, work: (n: number) => void): Summary {
  const means: number[] = [];
  for (let batch = 0; batch <= batches; batch += 1) {
    const begun = performance.now();
    for (let n = 0; n < size; n += 1) work(n);
    if (batch > 0) means.push(((performance.now() - begun) * 1000) / size);
  }
  return summarize(means);
}
