import type { Bench, BenchContext, BenchResult } from '../lib/bench.ts';
import { cleanEnvironment, distFile, registerFile, runForJson } from '../lib/processes.ts';
import { range, type Summary, summarize } from '../lib/stats.ts';

interface Loaded {
  readonly wallMillis: number;
  readonly cpuMillis: number;
  readonly rssMiB: number;
}

const VARIANTS: readonly { name: string; label: string; args: () => readonly string[] }[] = [
  { name: 'bare', label: 'bare node', args: () => [] },
  {
    name: 'register',
    label: '--require @client-cost/instrumentation/register',
    args: () => ['--require', registerFile()],
  },
  {
    name: 'sdk-node',
    label: '@opentelemetry/sdk-node, started',
    args: () => ['--require', distFile('cpu/load-peer.js')],
  },
];

/** From the start of a process to the application's first line, with nothing loaded, with us, with OpenTelemetry's NodeSDK. */
export const loadBench: Bench = {
  name: 'load',
  title: 'Load time',
  async run(context: BenchContext): Promise<BenchResult> {
    const rounds = context.quick ? 2 : 15;
    const series = new Map<string, Loaded[]>(VARIANTS.map(({ name }) => [name, []]));
    const env = cleanEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SERVICE_NAME: 'bench' });
    for (let round = 0; round <= rounds; round += 1) {
      for (const { name, args } of VARIANTS) {
        const loaded = await runForJson<Loaded>([...args(), distFile('load/application.js')], env);
        if (round > 0) series.get(name)!.push(loaded); // the first one fills the file cache
      }
    }
    const of = (name: string, what: (loaded: Loaded) => number): Summary => summarize(series.get(name)!.map(what));
    const rows = VARIANTS.map(({ name, label }) => [
      label,
      range(
        of(name, (loaded) => loaded.wallMillis),
        0,
      ),
      range(
        of(name, (loaded) => loaded.cpuMillis),
        0,
      ),
      range(
        of(name, (loaded) => loaded.rssMiB),
        0,
      ),
    ]);
    const ours = of('register', (loaded) => loaded.wallMillis).median;
    const theirs = of('sdk-node', (loaded) => loaded.wallMillis).median;
    return {
      table: { columns: ['loaded', 'ms to the first line', 'ms of CPU', 'MiB resident'], rows },
      method: `${rounds} interleaved rounds in fresh processes, file cache warm; median (min–max). The sdk-node line loads no instrumentation at all.`,
      targets: [
        {
          name: 'less than @opentelemetry/sdk-node',
          measured: `${ours.toFixed(0)} ms against ${theirs.toFixed(0)} ms`,
          met: ours < theirs,
        },
      ],
    };
  },
};
