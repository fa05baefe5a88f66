import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, startStack } from '@client-cost/clickhouse/stack';
import type { Bench, BenchContext, BenchResult, Target } from '../lib/bench.ts';
import {
  cleanEnvironment,
  cpuSecondsOf,
  distFile,
  memoryOf,
  registerFile,
  runForJson,
  serveStandIn,
} from '../lib/processes.ts';
import { scalar } from '../lib/sql.ts';
import type { PipelineRun } from './client.ts';

const RATE = 1000;
const WAIT_SECONDS = 60;
/** `bare` is the same client without us: what the openai package itself manages in one process here. */
const MODES = ['record', 'openai', 'bare'] as const;
type Mode = (typeof MODES)[number];

const LABELS: Readonly<Record<Mode, string>> = {
  record: 'recordUsage()',
  openai: 'openai chat.completions.create',
  bare: 'the same openai calls, not instrumented',
};

interface Measured extends PipelineRun {
  readonly mode: Mode;
  readonly stored: number;
  /** From the client's end until the last event was in the ledger. */
  readonly drainSeconds: number;
  readonly stackCpuSeconds: number;
}

/** 1,000 calls a second from one process through the Collector (or the direct sender) into the engine: how many arrive. */
export const pipelineBench: Bench = {
  name: 'pipeline',
  title: `Pipeline: ${RATE} calls a second from one process`,
  async run(context: BenchContext): Promise<BenchResult> {
    const seconds = context.quick ? 3 : 25;
    const dataDir = mkdtempSync(join(tmpdir(), 'client-cost-bench-'));
    const standIn = await serveStandIn();
    const stack = await startStack({ dataDir, clickhousePort: 0, otlpPort: 0, collector: 'auto' });
    try {
      const runs: Measured[] = [];
      for (const mode of MODES) {
        const run = await measure(stack, mode, seconds, standIn.url, join(dataDir, `spool-${mode}`));
        context.log(
          `  pipeline ${mode}: ${(run.calls / run.wallSeconds).toFixed(0)} calls/s, ${run.stored}/${run.calls} stored`,
        );
        runs.push(run);
      }
      const memory = memoryOf(stack.pids().engine ?? -1);
      return report(runs, seconds, stack.mode, memory?.peak);
    } finally {
      await stack.stop();
      await standIn.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};

async function measure(stack: Stack, mode: Mode, seconds: number, standIn: string, spool: string): Promise<Measured> {
  const service = mode === 'openai' ? 'openai' : 'twilio_sms';
  const stored = async () =>
    Number(await scalar(stack.clickhouse, `SELECT count() FROM usage_events_current WHERE service = '${service}'`));
  const stackCpu = () =>
    [stack.pids().engine, stack.pids().collector].reduce<number>((sum, pid) => sum + (cpuSecondsOf(pid ?? -1) ?? 0), 0);
  const cpuBefore = stackCpu();
  const load = mode === 'bare' ? [] : ['--require', registerFile()];
  const args = [...load, distFile('pipeline/client.js'), '--mode', mode === 'bare' ? 'openai' : mode];
  const run = await runForJson<PipelineRun>(
    [...args, '--rate', String(RATE), '--seconds', String(seconds)],
    cleanEnvironment({
      ...(mode === 'bare' ? {} : stack.env),
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: standIn,
      OTEL_SERVICE_NAME: 'bench',
      CLIENT_COST_PROVIDER_HOSTS: `${new URL(standIn).host}=openai`,
      CLIENT_COST_SPOOL_DIR: spool,
    }),
  );
  const ended = performance.now();
  if (mode === 'bare') return { ...run, mode, stored: 0, drainSeconds: 0, stackCpuSeconds: 0 };
  let count = await stored();
  while (count < run.calls + run.warmup && performance.now() - ended < WAIT_SECONDS * 1000) {
    await sleep(200);
    count = await stored();
  }
  const drainSeconds = (performance.now() - ended) / 1000;
  return { ...run, mode, stored: count - run.warmup, drainSeconds, stackCpuSeconds: stackCpu() - cpuBefore };
}

function report(runs: readonly Measured[], seconds: number, through: string, peak: number | undefined): BenchResult {
  const rate = (run: Measured) => run.calls / run.wallSeconds;
  const rows = runs.map((run) => [
    LABELS[run.mode],
    rate(run).toFixed(0),
    run.mode === 'bare' ? '' : String(run.calls - run.stored),
    ((run.cpuSeconds / run.wallSeconds) * 100).toFixed(0),
    ((run.cpuSeconds / run.calls) * 1e6).toFixed(0),
    run.mode === 'bare' ? '' : ((run.stackCpuSeconds / run.calls) * 1e6).toFixed(0),
    String(run.mostInFlight),
    run.mode === 'bare' ? '' : run.drainSeconds.toFixed(1),
  ]);
  const targets: Target[] = runs
    .filter(({ mode }) => mode !== 'bare')
    .flatMap((run) => [
      {
        name: `${run.mode}: ${RATE} calls a second`,
        measured: `${rate(run).toFixed(0)} (${run.failed} failed)`,
        met: Math.round(rate(run)) >= RATE && run.failed === 0,
      },
      {
        name: `${run.mode}: nothing lost`,
        measured: `${run.calls - run.stored} of ${run.calls}`,
        met: run.stored === run.calls,
      },
    ]);
  const path =
    through === 'collector'
      ? 'the real OpenTelemetry Collector (queue on disk)'
      : 'the direct sender (no Collector here)';
  return {
    table: {
      columns: [
        'calls',
        'a second',
        'lost',
        'client CPU, % of a core',
        'client CPU, µs a call',
        'stack CPU, µs a call',
        'most in flight',
        's to the last row',
      ],
      rows,
    },
    method:
      `${seconds} s each, over 100 clients, started on schedule; through ${path} into the embedded engine; client, provider's stand-in, Collector and engine share the machine. ` +
      `Lost: calls without a row in the ledger ${WAIT_SECONDS} s after the client's end.` +
      (peak === undefined ? '' : ` The engine's memory peaked at ${peak.toFixed(0)} MiB.`),
    targets,
  };
}
