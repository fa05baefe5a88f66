import type { Bench, BenchContext, BenchResult, Target } from '../lib/bench.ts';
import { cleanEnvironment, distFile, registerFile, runForJson, serveSink, serveStandIn } from '../lib/processes.ts';
import { range, type Summary, summarize } from '../lib/stats.ts';

interface Variant {
  readonly name: string;
  readonly label: string;
  readonly nodeArguments: () => readonly string[];
  readonly env?: Record<string, string>;
  /** Where the sink must have seen every call; none for the bare one. */
  readonly witness?: readonly string[];
}

const peer = (name: string, label: string): Variant => ({
  name,
  label,
  nodeArguments: () => ['--import', distFile('cpu/load-peer.js')],
  env: { BENCH_PEER: name },
  witness: ['/v1/traces'],
});

const VARIANTS: readonly Variant[] = [
  { name: 'bare', label: 'bare openai', nodeArguments: () => [] },
  {
    name: 'client-cost',
    label: '@client-cost/instrumentation/register',
    nodeArguments: () => ['--require', registerFile()],
    witness: ['/v1/traces', '/v1/logs'],
  },
  peer('opentelemetry', '@opentelemetry/instrumentation-openai 0.22.0'),
  peer('traceloop', '@traceloop/instrumentation-openai 0.27.0'),
  peer('openinference', '@arizeai/openinference-instrumentation-openai 4.2.7'),
];

interface Measured {
  readonly cpuMicros: number;
  readonly wallMicros: number;
}

/** CPU that telemetry adds to one `chat.completions.create`, interleaved rounds in fresh processes. */
export const cpuBench: Bench = {
  name: 'cpu',
  title: 'CPU of one chat.completions.create (openai 6.49, Node 24)',
  async run(context: BenchContext): Promise<BenchResult> {
    const rounds = context.quick ? 2 : 5;
    const calls = context.quick ? 200 : 3000;
    const warmup = context.quick ? 50 : 2000;
    const standIn = await serveStandIn();
    const sink = await serveSink();
    const series = new Map<string, Measured[]>(VARIANTS.map(({ name }) => [name, []]));
    try {
      for (let round = 0; round < rounds; round += 1) {
        // Another order each round, so that no variant always follows the same one.
        const order = VARIANTS.map((_, i) => VARIANTS[(i + round) % VARIANTS.length]!);
        for (const variant of order) {
          const result = await measure(variant, { calls, warmup, standIn: standIn.url, sink: sink.url });
          series.get(variant.name)!.push(result);
          context.log(`  cpu round ${round + 1}/${rounds} ${variant.name}: ${result.cpuMicros.toFixed(0)} µs a call`);
        }
      }
    } finally {
      await Promise.all([standIn.stop(), sink.stop()]);
    }
    return report(series, rounds, calls);
  },
};

async function measure(
  variant: Variant,
  where: { calls: number; warmup: number; standIn: string; sink: string },
): Promise<Measured> {
  const args = [
    ...variant.nodeArguments(),
    distFile('cpu/client.js'),
    '--calls',
    String(where.calls),
    '--warmup',
    String(where.warmup),
  ];
  const env = cleanEnvironment({
    OPENAI_API_KEY: 'sk-bench',
    OPENAI_BASE_URL: where.standIn,
    OTEL_EXPORTER_OTLP_ENDPOINT: where.sink,
    OTEL_BSP_SCHEDULE_DELAY: '500',
    OTEL_SERVICE_NAME: 'bench',
    CLIENT_COST_PROVIDER_HOSTS: `${new URL(where.standIn).host}=openai`,
    ...variant.env,
  });
  const result = await runForJson<Measured>(args, env);
  const seen = (await (await fetch(`${where.sink}/count`)).json()) as { counts: Record<string, number> };
  for (const path of variant.witness ?? []) {
    const expected = where.calls + where.warmup;
    const count = seen.counts[path] ?? 0;
    if (count < expected) throw new Error(`${variant.name}: the sink saw ${count} of ${expected} calls at ${path}`);
  }
  return result;
}

function report(series: Map<string, Measured[]>, rounds: number, calls: number): BenchResult {
  const bare = series.get('bare')!;
  const added = new Map<string, Summary>();
  const share = new Map<string, Summary>();
  for (const { name } of VARIANTS) {
    // Paired within a round: both ran within seconds of each other.
    const own = series.get(name)!;
    added.set(name, summarize(own.map((value, i) => value.cpuMicros - bare[i]!.cpuMicros)));
    share.set(name, summarize(own.map((value, i) => (value.cpuMicros / bare[i]!.cpuMicros - 1) * 100)));
  }
  const rows = VARIANTS.map(({ name, label }) => [
    label,
    range(summarize(series.get(name)!.map((value) => value.cpuMicros)), 0),
    name === 'bare' ? '' : range(added.get(name)!, 0),
    name === 'bare' ? '' : range(share.get(name)!, 1),
  ]);
  const ours = share.get('client-cost')!;
  const targets: Target[] = [
    { name: 'at most 10 % over a bare call', measured: `${range(ours)} %`, met: ours.median <= 10 },
    ...['opentelemetry', 'traceloop', 'openinference'].map((name) => ({
      name: `less than ${VARIANTS.find((variant) => variant.name === name)!.label}`,
      measured: `${ours.median.toFixed(1)} % against ${share.get(name)!.median.toFixed(1)} %`,
      met: ours.median < share.get(name)!.median,
    })),
  ];
  return {
    table: { columns: ['loaded', 'µs of CPU a call', 'added, µs', 'added, %'], rows },
    method:
      `${rounds} interleaved rounds, each variant in a fresh process, ${calls} plain calls one after another after a warm-up; ` +
      '`process.cpuUsage()` of the calling process until it exits, sending included; median (min–max); "added" is paired with the bare run of the same round. ' +
      'The provider (a local stand-in) and the OTLP receiver (acknowledges, keeps nothing) run in other processes. Peers: OpenTelemetry NodeSDK, batch processor, ' +
      'OTLP/HTTP, as their documentation loads them; they write spans (one of them metrics too), client-cost a span, counters, a price and a usage event that is on disk first.',
    targets,
  };
}
