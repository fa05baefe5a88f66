import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child.ts';
import { freePort, freePorts } from './ports.ts';

export interface CollectorOptions {
  /** The Collector's binary. */
  readonly path: string;
  /** otel-collector.yaml. */
  readonly config: string;
  /** Where the persistent queue is kept; made when missing. */
  readonly queueDir: string;
  readonly clickhouse: {
    readonly url: string;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  /** Port of OTLP over HTTP; 0 for any. */
  readonly otlpPort: number;
  /** Port of OTLP over gRPC; 0 for any. */
  readonly otlpGrpcPort: number;
  /** More environment for otel-collector.yaml. */
  readonly env?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
}

export interface RunningCollector {
  readonly httpUrl: string;
  readonly grpcUrl: string;
  readonly healthUrl: string;
  readonly metricsUrl: string;
  /** Process id of the running Collector; undefined between two attempts. */
  pid(): number | undefined;
  /** Ends it with SIGTERM: what is in the queue stays on disk. */
  stop(): Promise<void>;
}

/** After a long outage it reads its queue first: a minute for half a million events on a busy machine. */
const START_DEADLINE_MS = 300_000;
const MAX_DELAY_MS = 30_000;
/** A Collector that ran this long counts as healthy: the next restart is quick again. */
const STEADY_MS = 60_000;

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Short form of the Collector's JSON log line, for warnings and errors; undefined for the rest. */
export function collectorComplaint(line: string): string | undefined {
  if (!line.startsWith('{')) return line.trim() === '' ? undefined : line;
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    if (entry.level !== 'warn' && entry.level !== 'error' && entry.level !== 'fatal') return undefined;
    const component = entry['otelcol.component.id'];
    return [component, entry.msg, entry.error].filter((part) => part !== undefined).join(': ');
  } catch {
    return line;
  }
}

/** One run of the Collector under its guard (guard.ts). */
class GuardedCollector extends Child {
  collectorPid: number | undefined;

  constructor(options: CollectorOptions, env: Record<string, string>, quiet: () => boolean) {
    super({
      command: process.execPath,
      args: [join(import.meta.dirname, 'guard.js'), options.path, '--config', options.config],
      env,
      onLine: (line) => this.#read(line, options, quiet),
    });
  }

  #read(line: string, options: CollectorOptions, quiet: () => boolean): void {
    const guarded = /^\{"guarded":(\d+)\}$/.exec(line)?.[1];
    if (guarded !== undefined) {
      this.collectorPid = Number(guarded);
      return;
    }
    const complaint = collectorComplaint(line);
    // On its way out it complains that it cannot send any more; what it could not send is in the queue.
    if (complaint !== undefined && !quiet()) options.log?.(`collector: ${complaint}`);
  }
}

async function waitHealthy(child: Child, healthUrl: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await isHealthy(healthUrl))) {
    if (!child.running) throw new Error(`The Collector ended while starting. It said last:\n${child.tail()}`);
    if (Date.now() > deadline) {
      // Not killed: the guard ends the Collector, which would outlive it.
      await child.stop();
      throw new Error(
        `The Collector was not healthy after ${START_DEADLINE_MS / 1000} s. It said last:\n${child.tail()}`,
      );
    }
    await sleep(50);
  }
}

/**
 * Runs the Collector until `stop()`: waits until it is healthy, starts it again when it dies (1 s, then twice as long
 * each time, at most 30 s), and leaves none behind when this process goes away.
 */
export async function startCollector(options: CollectorOptions): Promise<RunningCollector> {
  const log = options.log ?? (() => {});
  if (!existsSync(options.config)) throw new Error(`The Collector's configuration is missing: ${options.config}`);
  mkdirSync(options.queueDir, { recursive: true, mode: 0o700 });
  const [anyHttp, anyGrpc, health, metrics] = (await freePorts(4)) as [number, number, number, number];
  const http = options.otlpPort === 0 ? anyHttp : await freePort(options.otlpPort, 'OTLP over HTTP', '--otlp-port');
  const grpc =
    options.otlpGrpcPort === 0 ? anyGrpc : await freePort(options.otlpGrpcPort, 'OTLP over gRPC', '--otlp-grpc-port');
  const env: Record<string, string> = {
    OTLP_HOST: '127.0.0.1',
    OTLP_HTTP_PORT: String(http),
    OTLP_GRPC_PORT: String(grpc),
    HEALTH_HOST: '127.0.0.1',
    HEALTH_PORT: String(health),
    COLLECTOR_METRICS_HOST: '127.0.0.1',
    COLLECTOR_METRICS_PORT: String(metrics),
    QUEUE_DIR: options.queueDir,
    CLICKHOUSE_URL: options.clickhouse.url,
    CLICKHOUSE_DATABASE: options.clickhouse.database,
    CLICKHOUSE_USER: options.clickhouse.user,
    CLICKHOUSE_PASSWORD: options.clickhouse.password,
    ...options.env,
  };
  const healthUrl = `http://127.0.0.1:${health}/`;

  let stopping = false;
  const start = () => new GuardedCollector(options, env, () => stopping);
  let child: GuardedCollector | undefined = start();
  await waitHealthy(child, healthUrl);

  const wake = new AbortController();
  const supervise = async () => {
    let delay = 1_000;
    let started = Date.now();
    while (!stopping) {
      const exit = await child?.exited;
      if (stopping) return;
      if (Date.now() - started > STEADY_MS) delay = 1_000;
      log(
        `collector: ended (${exit?.signal ?? exit?.code}); starting it again in ${delay / 1000} s. It said last: ${child?.tail(1)}`,
      );
      child = undefined;
      await sleep(delay, undefined, { signal: wake.signal }).catch(() => {});
      if (stopping) return;
      delay = Math.min(delay * 2, MAX_DELAY_MS);
      started = Date.now();
      child = start();
    }
  };
  const supervision = supervise();

  return {
    httpUrl: `http://127.0.0.1:${http}`,
    grpcUrl: `http://127.0.0.1:${grpc}`,
    healthUrl,
    metricsUrl: `http://127.0.0.1:${metrics}/metrics`,
    pid: () => (child?.running === true ? child.collectorPid : undefined),
    async stop() {
      stopping = true;
      wake.abort();
      await child?.stop();
      await supervision;
    },
  };
}
