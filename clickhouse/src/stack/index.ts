import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createLedgerClient } from '../client.ts';
import { migrate } from '../migrate/index.ts';
import { besideUs } from './beside.ts';
import { type RunningCollector, startCollector } from './collector.ts';
import { type FoundCollector, findCollector } from './collector-path.ts';
import { startEngineProcess } from './engine.ts';
import { type GrafanaChoice, grafanaOfStack } from './grafana-choice.ts';
import { loadPasswords, type Passwords } from './secrets.ts';

export { type CollectorOptions, type RunningCollector, startCollector } from './collector.ts';
export { type FoundCollector, findCachedCollector, findCollector } from './collector-path.ts';
export { type EngineProcess, startEngineProcess } from './engine.ts';
export type { GrafanaChoice } from './grafana-choice.ts';
export { freePorts } from './ports.ts';
export { loadPasswords, type Passwords, passwordFile } from './secrets.ts';

/** `auto`: the real Collector when there is one. `required`: an error without it. `none`: never. */
export type CollectorChoice = 'auto' | 'required' | 'none';

export interface StackOptions {
  /** Where everything is kept: the engine's tables, the Collector's queue, the passwords. Made when missing. */
  readonly dataDir: string;
  /** ClickHouse HTTP port; 0 (default) for any. */
  readonly clickhousePort?: number;
  /** OTLP/HTTP port; 0 (default) for any. */
  readonly otlpPort?: number;
  /** OTLP/gRPC port; 0 (default) for any. */
  readonly otlpGrpcPort?: number;
  /** Default `auto`. */
  readonly collector?: CollectorChoice;
  /** The Collector's binary; searched when absent (CLIENT_COST_COLLECTOR, PATH, build cache). */
  readonly collectorPath?: string;
  /** More environment for otel-collector.yaml. */
  readonly collectorEnv?: Readonly<Record<string, string>>;
  /** Default `none`. A Grafana that `auto` finds and cannot start is told in the log; only `required` makes it an error. */
  readonly grafana?: GrafanaChoice;
  /** Grafana's port; 0 (default) for any. */
  readonly grafanaPort?: number;
  /** Default: made at random on the first start and kept in the data directory. */
  readonly passwords?: Passwords;
  /** Default `client_cost`. */
  readonly database?: string;
  /** One line at a time: what is being done, and what went wrong. */
  readonly log?: (line: string) => void;
}

export interface ClickHouseAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Stack {
  readonly clickhouse: ClickHouseAddress;
  /** A user who can only read, for Grafana. */
  readonly reader: ClickHouseAddress;
  /** A user who can only insert telemetry: the Collector's, or the services' when there is none. */
  readonly writer: ClickHouseAddress;
  /** Absent in mode `direct`. */
  readonly otlp?: {
    readonly httpUrl: string;
    readonly grpcUrl: string;
    readonly healthUrl: string;
    /** The Collector's own metrics, as a Prometheus page. */
    readonly metricsUrl: string;
  };
  /** Absent when none was asked for or found. */
  readonly grafana?: {
    readonly url: string;
    readonly user: string;
    readonly password: string;
    /** The SMS service that its alerts are sent to, whether or not one runs there. */
    readonly alertsTo: string;
    /** What that service must have in its environment, besides a Twilio account and `clientEnv`. */
    readonly smsEnv: Readonly<Record<string, string>>;
  };
  /** Why there is no Grafana although `auto` was asked for, with how to get one. */
  readonly grafanaMissing?: string;
  /** `collector`: usage events go through the real Collector. `direct`: services write to ClickHouse themselves. */
  readonly mode: 'collector' | 'direct';
  /** What a measured service must have in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What the `client-cost` command must have in its environment to read this stack. */
  readonly clientEnv: Readonly<Record<string, string>>;
  /** Rejects when the engine ends without being asked to; never resolves otherwise. */
  readonly failed: Promise<never>;
  /** Process ids, for tests and messages. */
  pids(): {
    readonly engine: number | undefined;
    readonly collector: number | undefined;
    readonly grafana?: number | undefined;
  };
  /** Ends Grafana, the Collector, then the engine. Undelivered data stays in the data directory. Safe to call twice. */
  stop(): Promise<void>;
}

/** The Collector to run with its configuration, or why there is none. */
function chooseCollector(options: StackOptions): { found: FoundCollector; config: string } | string {
  const choice = options.collector ?? 'auto';
  if (choice === 'none') return 'no Collector, as asked';
  const found = findCollector(options.collectorPath, besideUs('collector'));
  const config = process.env.CLIENT_COST_COLLECTOR_CONFIG || besideUs('otel-collector.yaml');
  if (found !== undefined && config !== undefined) return { found, config };
  const missing =
    found === undefined
      ? 'no OpenTelemetry Collector here (looked at CLIENT_COST_COLLECTOR, PATH and the build cache); ' +
        '"npm run collector:build" makes one with Go'
      : `a Collector (${found.path}) but no otel-collector.yaml; name it with CLIENT_COST_COLLECTOR_CONFIG`;
  if (choice === 'required')
    throw new Error(`The Collector is required: ${missing}. Or start without it: --collector none.`);
  return missing;
}

/** The four connection variables: `CLICKHOUSE_*` for the client-cost command, `CLIENT_COST_CLICKHOUSE_*` for a service. */
function clickhouseEnv(prefix: '' | 'CLIENT_COST_', address: ClickHouseAddress): Record<string, string> {
  return {
    [`${prefix}CLICKHOUSE_URL`]: address.url,
    [`${prefix}CLICKHOUSE_USER`]: address.user,
    [`${prefix}CLICKHOUSE_PASSWORD`]: address.password,
    [`${prefix}CLICKHOUSE_DATABASE`]: address.database,
  };
}

function serviceEnv(writer: ClickHouseAddress, collector: RunningCollector | undefined): Record<string, string> {
  if (collector !== undefined) {
    return {
      CLIENT_COST_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    };
  }
  // Nobody takes spans and metrics here: without these the SDK would try in vain.
  return {
    CLIENT_COST_EXPORTER: 'clickhouse',
    ...clickhouseEnv('CLIENT_COST_', writer),
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  };
}

async function runMigrations(clickhouse: ClickHouseAddress): Promise<void> {
  // The database itself is made by the first migration.
  const client = createLedgerClient(clickhouse, 'default');
  try {
    await migrate({ client, database: clickhouse.database });
  } finally {
    await client.close();
  }
}

/**
 * Starts the embedded ClickHouse engine, brings its tables up to date and, when there is one, runs the real Collector
 * in front of it. Resolves when everything answers; when any part cannot start, the others are ended and the error
 * says what to do.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const log = options.log ?? (() => {});
  const dataDir = resolve(options.dataDir);
  const database = options.database ?? 'client_cost';
  const chosen = chooseCollector(options);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const passwords = options.passwords ?? loadPasswords(dataDir);

  log('starting the embedded ClickHouse engine');
  const engine = await startEngineProcess({
    dataDir: join(dataDir, 'clickhouse'),
    port: options.clickhousePort ?? 0,
    passwords,
    database,
    log,
  });
  const clickhouse = { url: engine.url, user: 'client_cost', password: passwords.client_cost, database };
  const reader = { ...clickhouse, user: 'grafana', password: passwords.grafana };
  // What arrives needs to insert telemetry and nothing else: neither the Collector nor a service gets the owner's password.
  const writer = { ...clickhouse, user: 'client_cost_writer', password: passwords.client_cost_writer };

  let collector: RunningCollector | undefined;
  let grafana: Awaited<ReturnType<typeof grafanaOfStack>>;
  try {
    log('running the migrations');
    await runMigrations(clickhouse);
    if (typeof chosen === 'string') {
      log(`${chosen}: services write to ClickHouse directly`);
    } else {
      log(`starting the OpenTelemetry Collector (${chosen.found.path}, found by ${chosen.found.from})`);
      collector = await startCollector({
        path: chosen.found.path,
        config: chosen.config,
        queueDir: join(dataDir, 'collector', 'queue'),
        clickhouse: writer,
        otlpPort: options.otlpPort ?? 0,
        otlpGrpcPort: options.otlpGrpcPort ?? 0,
        ...(options.collectorEnv === undefined ? {} : { env: options.collectorEnv }),
        log,
      });
    }
    grafana = await grafanaOfStack({
      choice: options.grafana ?? 'none',
      port: options.grafanaPort ?? 0,
      dataDir,
      reader,
      log,
    });
  } catch (error) {
    await collector?.stop();
    await engine.close();
    throw error;
  }

  let stopped: Promise<void> | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    void engine.exited.then(() => {
      if (stopped === undefined) reject(new Error('The embedded ClickHouse engine ended unexpectedly.'));
    });
  });
  failed.catch(() => {});
  const running = collector;
  const dashboards = typeof grafana === 'object' ? grafana : undefined;
  return {
    clickhouse,
    reader,
    writer,
    ...(running === undefined
      ? {}
      : {
          otlp: {
            httpUrl: running.httpUrl,
            grpcUrl: running.grpcUrl,
            healthUrl: running.healthUrl,
            metricsUrl: running.metricsUrl,
          },
        }),
    ...(dashboards === undefined ? {} : { grafana: dashboards.address }),
    ...(typeof grafana === 'string' ? { grafanaMissing: grafana } : {}),
    mode: running === undefined ? 'direct' : 'collector',
    env: serviceEnv(writer, running),
    clientEnv: clickhouseEnv('', clickhouse),
    failed,
    pids: () => ({ engine: engine.pid, collector: running?.pid(), grafana: dashboards?.running.pid() }),
    stop() {
      stopped ??= (async () => {
        await dashboards?.running.stop();
        await running?.stop();
        await engine.close();
      })();
      return stopped;
    },
  };
}
