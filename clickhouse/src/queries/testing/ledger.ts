import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ClickHouseClient } from '@clickhouse/client';
import { createLedgerClient } from '../../client.ts';
import { migrate } from '../../migrate/index.ts';

export interface TestEngine {
  readonly url: string;
  /** Connected to the database `default`. */
  readonly admin: ClickHouseClient;
  client(database: string): ClickHouseClient;
  stop(): Promise<void>;
}

/** The real engine as a child process over a new data directory; needs `tsc -b clickhouse` before. */
export async function startTestEngine(): Promise<TestEngine> {
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-ledger-'));
  const main = fileURLToPath(new URL('../../../dist/engine/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, '--data-dir', dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await ready(child);
  const clients: ClickHouseClient[] = [];
  const client = (database: string): ClickHouseClient => {
    const made = createLedgerClient({ url, user: 'default', password: '', database }, database);
    clients.push(made);
    return made;
  };
  return {
    url,
    admin: client('default'),
    client,
    async stop() {
      await Promise.all(clients.map((made) => made.close()));
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exit;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function ready(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    return (JSON.parse(line) as { url: string }).url;
  }
  throw new Error(`the engine ended with ${String(child.exitCode)}`);
}

const REFRESHING = [
  'usage_daily_refresh',
  'usage_daily_wide_refresh',
  'usage_updates_apply',
  'usage_updates_wide_apply',
  'usage_strays_refresh',
];

/** A migrated database of its own with the automatic refreshes stopped, so that a test says when they happen. */
export async function freshLedger(engine: TestEngine, database: string): Promise<ClickHouseClient> {
  await migrate({ client: engine.admin, database, retentionDays: 0 });
  for (const view of REFRESHING) {
    await engine.admin.command({ query: `SYSTEM STOP VIEW ${database}.${view}` });
    // A refresh that began before the stop would still write.
    await engine.admin.command({ query: `SYSTEM WAIT VIEW ${database}.${view}` }).catch(() => {});
  }
  return engine.client(database);
}

/** Runs the refresh of the recent days to its end. */
export async function refresh(client: ClickHouseClient, view = 'usage_daily_refresh'): Promise<void> {
  await client.command({ query: `SYSTEM START VIEW ${view}` });
  await client.command({ query: `SYSTEM REFRESH VIEW ${view}` });
  await client.command({ query: `SYSTEM WAIT VIEW ${view}` });
  await client.command({ query: `SYSTEM STOP VIEW ${view}` });
}

export interface TestEvent {
  /** ISO time. */
  readonly time: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly eventName?: string;
  readonly service?: string;
}

/** A log record as the Collector's exporter inserts it: all attributes as text. */
export function logRow({ time, attributes, eventName = 'client_cost.usage', service = 'checkout' }: TestEvent) {
  return {
    Timestamp: time.replace('T', ' ').replace('Z', ''),
    TraceId: '0af7651916cd43dd8448eb211c80319c',
    SpanId: 'b7ad6b7169203331',
    TraceFlags: 1,
    SeverityText: 'INFO',
    SeverityNumber: 9,
    ServiceName: service,
    Body: '',
    ResourceAttributes: { 'service.name': service, 'deployment.environment.name': 'test' },
    ScopeName: '@client-cost/instrumentation',
    LogAttributes: attributes,
    EventName: eventName,
  };
}

export async function send(client: ClickHouseClient, events: readonly TestEvent[]): Promise<void> {
  await client.insert({ table: 'otel_logs', values: events.map(logRow), format: 'JSONEachRow' });
}

let counter = 0;

/** A UUIDv7 of the given time. */
export function uuidv7(time: string | number = Date.now()): string {
  const millis = (typeof time === 'number' ? time : Date.parse(time)).toString(16).padStart(12, '0');
  const tail = (++counter).toString(16).padStart(12, '0');
  return `${millis.slice(0, 8)}-${millis.slice(8)}-7abc-8def-${tail}`;
}

/** The attributes of one priced model call; `over` replaces, an empty text removes. */
export function usage(over: Readonly<Record<string, string>> = {}): Record<string, string> {
  const attributes: Record<string, string> = {
    'usage.id': uuidv7(),
    'usage.version': '1',
    'client.id': 'acme',
    'usage.service': 'openai',
    'usage.operation': 'chat_completion',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o-mini',
    'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
    'gen_ai.usage.input_tokens': '100',
    'gen_ai.usage.output_tokens': '20',
    'usage.quantity': '1',
    'usage.unit': 'request',
    'cost.amount': '0.000027',
    'cost.currency': 'USD',
    'cost.source': 'price_book',
    'cost.price_version': 'test',
    'usage.outcome': 'ok',
    ...over,
  };
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
}

export async function rows<T>(client: ClickHouseClient, query: string): Promise<T[]> {
  return (await client.query({ query, format: 'JSONEachRow' })).json<T>();
}
