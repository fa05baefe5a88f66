import type { Bench, BenchContext, BenchResult, Target } from '../lib/bench.ts';
import { cleanEnvironment, distFile, registerFile, runForJson, serve, serveSink } from '../lib/processes.ts';
import { range, summarize } from '../lib/stats.ts';
import { PROVIDER_CALLS } from './calls.ts';

const LIMIT_PERCENT = 10;

interface Pair {
  readonly bare: number;
  readonly ours: number;
}

/** CPU that `register` adds to one typical call of each provider, in one run. */
export const providersBench: Bench = {
  name: 'providers',
  title: 'CPU of one call, per provider (Node 24)',
  async run(context: BenchContext): Promise<BenchResult> {
    const rounds = context.quick ? 1 : 5;
    const calls = context.quick ? 100 : 2000;
    const warmup = context.quick ? 20 : 1500;
    const server = await serve([distFile('providers/server.js')]);
    const sink = await serveSink();
    const pairs = new Map<string, Pair[]>(Object.keys(PROVIDER_CALLS).map((name) => [name, []]));
    try {
      for (let round = 0; round < rounds; round += 1) {
        for (const [name, series] of pairs) {
          const measure = (ours: boolean) => cpuOf(name, ours, { calls, warmup, url: server.url, sink: sink.url });
          // Paired: both within seconds of each other, the first one by turns.
          const first = await measure(round % 2 === 0);
          const second = await measure(round % 2 !== 0);
          const [ours, bare] = round % 2 === 0 ? [first, second] : [second, first];
          series.push({ bare, ours });
          context.log(`  round ${round + 1}/${rounds} ${name}: ${bare.toFixed(0)} → ${ours.toFixed(0)} µs a call`);
        }
      }
    } finally {
      await Promise.all([server.stop(), sink.stop()]);
    }
    return report(pairs, rounds, calls);
  },
};

interface Where {
  readonly calls: number;
  readonly warmup: number;
  readonly url: string;
  readonly sink: string;
}

async function cpuOf(provider: string, ours: boolean, { calls, warmup, url, sink }: Where): Promise<number> {
  const { host } = PROVIDER_CALLS[provider]!;
  const options = { provider, url, calls: String(calls), warmup: String(warmup) };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const env = cleanEnvironment({
    OTEL_EXPORTER_OTLP_ENDPOINT: sink,
    OTEL_BSP_SCHEDULE_DELAY: '500',
    OTEL_SERVICE_NAME: 'bench',
    ...(host === undefined ? {} : { CLIENT_COST_PROVIDER_HOSTS: `${new URL(url).host}=${host}` }),
  });
  const register = ours ? ['--require', registerFile()] : [];
  const { cpuMicros } = await runForJson<{ cpuMicros: number }>(
    [...register, distFile('providers/client.js'), ...args],
    env,
  );
  const { counts } = (await (await fetch(`${sink}/count`)).json()) as { counts: Record<string, number> };
  const events = counts['/v1/logs'] ?? 0;
  const expected = ours ? calls + warmup : 0;
  if (events !== expected) throw new Error(`${provider}: ${events} usage events arrived, ${expected} were expected`);
  return cpuMicros;
}

function report(pairs: ReadonlyMap<string, readonly Pair[]>, rounds: number, calls: number): BenchResult {
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const [name, series] of pairs) {
    const { label } = PROVIDER_CALLS[name]!;
    const added = summarize(series.map(({ bare, ours }) => ours - bare));
    const share = summarize(series.map(({ bare, ours }) => (ours / bare - 1) * 100));
    rows.push([label, range(summarize(series.map(({ bare }) => bare)), 0), range(added, 0), range(share)]);
    targets.push({
      name: `${name}: at most ${LIMIT_PERCENT} % over the bare call`,
      measured: `${range(share)} %`,
      met: share.median <= LIMIT_PERCENT,
    });
  }
  return {
    table: { columns: ['call', 'bare, µs of CPU', 'added, µs', 'added, %'], rows },
    method:
      `${rounds} rounds, each provider bare and with \`--require …/register\` one after the other in fresh processes (by turns), ${calls} calls one after another after a warm-up; ` +
      '`process.cpuUsage()` of the calling process until it exits, sending of spans, counters and usage events included; median (min–max), "added" paired within a round. ' +
      'The provider (fixed answers) and the OTLP receiver run in other processes; every run checks that each call arrived as one usage event.',
    targets,
  };
}
