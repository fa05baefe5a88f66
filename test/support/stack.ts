import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type FoundCollector,
  findCollector,
  type Stack,
  type StackOptions,
  startStack,
} from '../../clickhouse/dist/stack/index.js';

const collectorDir = join(import.meta.dirname, '..', '..', 'collector');

/** The real Collector, when this machine has one. */
export const collector: FoundCollector | undefined = findCollector(undefined, collectorDir);

/**
 * What to give to `describe.skipIf`: without a Collector a person's machine skips, with a word about it; in CI (`CI=true`)
 * nothing is skipped, and `startTestStack` fails.
 */
export const skipWithoutCollector = collector === undefined && process.env.CI !== 'true';
if (skipWithoutCollector) {
  console.warn('SKIPPED: no OpenTelemetry Collector here. Build it once with "npm run collector:build" (needs Go).');
}

export interface TestStack {
  readonly stack: Stack;
  readonly dataDir: string;
  /** Rows of a query, as objects; decimals come as strings, whole numbers as numbers. */
  query<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  /** Stops everything and removes the data directory. */
  stop(): Promise<void>;
}

/** Rows of a query through the HTTP interface. Throws ClickHouse's own message on an error. */
export async function queryRows<T>(clickhouse: Stack['clickhouse'], sql: string): Promise<T[]> {
  const settings = new URLSearchParams({
    database: clickhouse.database,
    default_format: 'JSONEachRow',
    output_format_json_quote_64bit_integers: '0',
    output_format_json_quote_decimals: '1',
  });
  const response = await fetch(`${clickhouse.url}/?${settings}`, {
    method: 'POST',
    headers: { 'x-clickhouse-user': clickhouse.user, 'x-clickhouse-key': clickhouse.password },
    body: sql,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`ClickHouse answered ${response.status}: ${text}\n${sql}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** A stack of its own on free ports, in a fresh directory (or `dataDir`), with short waits in the Collector. */
export async function startTestStack(options: Partial<StackOptions> = {}): Promise<TestStack> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'client-cost-test-'));
  const said: string[] = [];
  const stack = await startStack({
    collector: 'required',
    collectorEnv: { BATCH_FLUSH_TIMEOUT: '50ms', RETRY_MAX_INTERVAL: '1s' },
    log: (line) => said.push(line),
    ...options,
    dataDir,
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${said.join('\n')}`);
  });
  return {
    stack,
    dataDir,
    query: (sql) => queryRows(stack.clickhouse, sql),
    async stop() {
      await stack.stop();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

export type Signal = 'logs' | 'metrics' | 'traces';

/** Sends one OTLP/JSON export request and expects the Collector's full acknowledgement. */
export async function sendOtlp(httpUrl: string, signal: Signal, body: unknown): Promise<void> {
  const response = await fetch(`${httpUrl}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`The Collector answered ${response.status}: ${text}`);
  const { partialSuccess } = JSON.parse(text) as { partialSuccess?: Record<string, unknown> };
  if (partialSuccess !== undefined && Object.keys(partialSuccess).length > 0) {
    throw new Error(`The Collector refused a part: ${text}`);
  }
}

/** Sum of one of the Collector's own metrics over all its series; 0 when it has none yet. */
export async function collectorMetric(metricsUrl: string, name: string): Promise<number> {
  const page = await (await fetch(metricsUrl)).text();
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Waits until `check` gives a value; fails with what `check` threw or gave last. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined>, seconds = 30): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown = 'nothing';
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s. Last: ${String(last)}`);
    await sleep(50);
  }
}

/** Waits until the Collector's queues are empty and everything it accepted is written. */
export async function drained(metricsUrl: string, seconds = 60): Promise<void> {
  let state = '';
  await eventually(
    'the Collector has written everything',
    async () => {
      const metric = (name: string) => collectorMetric(metricsUrl, `otelcol_${name}`);
      const queued = await metric('exporter_queue_size');
      const kinds = ['log_records', 'spans', 'metric_points'];
      const counts = await Promise.all(
        kinds.map(async (kind) => [await metric(`receiver_accepted_${kind}`), await metric(`exporter_sent_${kind}`)]),
      );
      state = JSON.stringify({ queued, counts });
      return queued === 0 && counts.every(([accepted, sent]) => sent! >= accepted!) ? true : undefined;
    },
    seconds,
  ).catch((error: Error) => {
    throw new Error(`${error.message} ${state}`);
  });
}
