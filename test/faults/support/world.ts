import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EngineProcess,
  loadPasswords,
  type RunningCollector,
  startCollector,
  startEngineProcess,
  startStack,
} from '../../../clickhouse/dist/stack/index.js';
import { collectorMetric, eventually, collector as foundCollector, queryRows } from '../../support/stack.ts';
import { type Gateway, startGateway } from './gateway.ts';

const config = join(import.meta.dirname, '..', '..', '..', 'otel-collector.yaml');

export interface WorldOptions {
  /** Of the run: everything lies in it. */
  readonly dir: string;
  /** With the real Collector in front of the engine. */
  readonly collector?: boolean;
  /** With gateways in front of the Collector and of ClickHouse; else `toCollector` and `toClickHouse` throw. */
  readonly proxies?: boolean;
  /** More environment for otel-collector.yaml; waits are short by default so that the tests are. */
  readonly collectorEnv?: Readonly<Record<string, string>>;
  /** A program that is run instead of the Collector and becomes it (`exec`). */
  readonly collectorPath?: string;
  readonly log?: (line: string) => void;
}

export interface Address {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A migrated engine and, when asked, the real Collector, which can be stopped, killed and started again on the same ports. */
export interface World {
  /** Where services send to: the gateway when there is one, else the Collector itself. */
  readonly otlpUrl: string;
  /** ClickHouse itself, not through a gateway. */
  readonly clickhouse: Address;
  /** Where the Collector sends to: the gateway when there is one. */
  readonly clickhouseUrl: string;
  readonly toCollector: Gateway;
  readonly toClickHouse: Gateway;
  /** The Collector's own metrics page. */
  readonly metricsUrl: string;
  readonly queueDir: string;
  readonly engineDir: string;
  /** Process ids of what runs now. */
  pids(): { readonly engine: number | undefined; readonly collector: number | undefined };
  /** Rows as objects; decimals come as strings, whole numbers as numbers. */
  query<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  stopEngine(how?: 'stop' | 'kill'): Promise<void>;
  /** On the same port, with the same data. */
  startEngine(): Promise<void>;
  stopCollector(how?: 'stop' | 'kill'): Promise<void>;
  /** On the same ports. `lost`: with an empty queue directory; the old one is moved aside. */
  startCollector(options?: { readonly queue?: 'kept' | 'lost' }): Promise<void>;
  /** What a measured service must have in its environment to send here. */
  serviceEnv(): Record<string, string>;
  /** Waits until the Collector's queues are empty. */
  settle(seconds?: number): Promise<void>;
  close(): Promise<void>;
}

let template: Promise<string> | undefined;

/** A migrated data directory with its passwords; made once per process. */
async function migrated(): Promise<string> {
  template ??= (async () => {
    const dir = mkdtempSync(join(tmpdir(), 'client-cost-world-'));
    process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
    const stack = await startStack({ dataDir: dir, collector: 'none' });
    await stack.stop();
    return dir;
  })();
  return template;
}

/** Starts it; everything ends with `close()`, and with this process. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { dir, log = () => {} } = options;
  const dataDir = join(dir, 'world');
  const queueDir = join(dataDir, 'collector', 'queue');
  mkdirSync(dir, { recursive: true });
  cpSync(await migrated(), dataDir, { recursive: true });
  const passwords = loadPasswords(dataDir);
  const engineDir = join(dataDir, 'clickhouse');

  let engine: EngineProcess | undefined = await startEngineProcess({ dataDir: engineDir, port: 0, passwords, log });
  const { url, port } = engine;
  // What writes does so with the rights that it has in production.
  const writer = { user: 'client_cost_writer', password: passwords.client_cost_writer };
  const clickhouse: Address = { url, user: 'client_cost', password: passwords.client_cost, database: 'client_cost' };
  const toClickHouse = options.proxies ? await startGateway(url) : undefined;
  let collector: RunningCollector | undefined;
  let ports = { http: 0, grpc: 0 };
  const runCollector = async () => {
    if (foundCollector === undefined) throw new Error('There is no Collector: npm run collector:build');
    collector = await startCollector({
      path: options.collectorPath ?? foundCollector.path,
      config,
      queueDir,
      clickhouse: { ...clickhouse, ...writer, url: toClickHouse?.url ?? url },
      otlpPort: ports.http,
      otlpGrpcPort: ports.grpc,
      env: { BATCH_FLUSH_TIMEOUT: '50ms', RETRY_MAX_INTERVAL: '1s', ...options.collectorEnv },
      log,
    });
    ports = { http: Number(new URL(collector.httpUrl).port), grpc: Number(new URL(collector.grpcUrl).port) };
    return collector;
  };
  let toCollector: Gateway | undefined;
  if (options.collector) {
    const { httpUrl } = await runCollector();
    if (options.proxies) toCollector = await startGateway(httpUrl);
  }
  const need = <T>(part: T | undefined, what: string): T => {
    if (part === undefined) throw new Error(`this world has no ${what}`);
    return part;
  };

  const world: World = {
    get otlpUrl() {
      return toCollector?.url ?? `http://127.0.0.1:${need(ports.http || undefined, 'Collector')}`;
    },
    clickhouse,
    clickhouseUrl: toClickHouse?.url ?? url,
    get toCollector() {
      return need(toCollector, 'gateway to a Collector');
    },
    get toClickHouse() {
      return need(toClickHouse, 'gateway to ClickHouse');
    },
    get metricsUrl() {
      return need(collector, 'running Collector').metricsUrl;
    },
    queueDir,
    engineDir,
    pids: () => ({ engine: engine?.pid, collector: collector?.pid() }),
    query: (sql) => queryRows(clickhouse, sql),
    async stopEngine(how = 'stop') {
      const running = need(engine, 'running engine');
      engine = undefined;
      if (how === 'stop') return running.close();
      process.kill(running.pid, 'SIGKILL');
      await running.exited;
    },
    async startEngine() {
      engine = await startEngineProcess({ dataDir: engineDir, port, passwords, log });
    },
    async stopCollector(how = 'stop') {
      const running = need(collector, 'running Collector');
      collector = undefined;
      const pid = running.pid();
      if (how === 'kill' && pid !== undefined) process.kill(pid, 'SIGKILL');
      await running.stop();
    },
    async startCollector({ queue = 'kept' } = {}) {
      if (queue === 'lost') renameSync(queueDir, `${queueDir}.lost-${Date.now()}`);
      await runCollector();
    },
    serviceEnv: () =>
      options.collector
        ? {
            CLIENT_COST_EXPORTER: 'otlp',
            OTEL_EXPORTER_OTLP_ENDPOINT: world.otlpUrl,
            OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
          }
        : {
            CLIENT_COST_EXPORTER: 'clickhouse',
            CLIENT_COST_CLICKHOUSE_URL: world.clickhouseUrl,
            CLIENT_COST_CLICKHOUSE_USER: writer.user,
            CLIENT_COST_CLICKHOUSE_PASSWORD: writer.password,
            CLIENT_COST_CLICKHOUSE_DATABASE: clickhouse.database,
            OTEL_TRACES_EXPORTER: 'none',
            OTEL_METRICS_EXPORTER: 'none',
            OTEL_LOGS_EXPORTER: 'none',
          },
    async settle(seconds = 60) {
      if (collector === undefined) return;
      const { metricsUrl } = collector;
      const empty = async () =>
        (await collectorMetric(metricsUrl, 'otelcol_exporter_queue_size')) === 0 ? true : undefined;
      await eventually('the Collector’s queues are empty', empty, seconds);
    },
    async close() {
      await collector?.stop();
      await engine?.close();
      await toCollector?.close();
      await toClickHouse?.close();
    },
  };
  return world;
}
