import type { World } from '../../../support/world.ts';
import { dayOf, type SentEvent } from './model.ts';

/** `2026-02-01T10:00:00.123456789Z` */
const iso = (nanos: bigint): string =>
  `${new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19)}.${String(nanos % 1_000_000_000n).padStart(9, '0')}Z`;

const row = ({ nanos, serviceName, attributes }: SentEvent) =>
  JSON.stringify({
    Timestamp: iso(nanos),
    ServiceName: serviceName,
    ResourceAttributes: { 'service.name': serviceName },
    ScopeName: '@client-cost/instrumentation',
    LogAttributes: attributes,
    EventName: 'client_cost.usage',
  });

/** Inserts a batch as the direct sender does. Throws ClickHouse's answer: then nothing is promised of the batch. */
export async function insert(world: World, events: readonly SentEvent[]): Promise<void> {
  const { url, user, password, database } = world.clickhouse;
  const settings = new URLSearchParams({
    query: `INSERT INTO ${database}.otel_logs (Timestamp, ServiceName, ResourceAttributes, ScopeName, LogAttributes, EventName) FORMAT JSONEachRow`,
    async_insert: '0',
    throw_on_max_partitions_per_insert_block: '0',
    wait_end_of_query: '1',
    date_time_input_format: 'best_effort',
  });
  const response = await fetch(`${url}/?${settings}`, {
    method: 'POST',
    headers: { 'x-clickhouse-user': user, 'x-clickhouse-key': password },
    body: events.map(row).join('\n'),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`ClickHouse answered ${response.status}: ${text}`);
}

/** As OTLP/JSON log records. */
export const records = (events: readonly SentEvent[]) =>
  events.map(({ nanos, attributes }) => ({
    timeUnixNano: String(nanos),
    eventName: 'client_cost.usage',
    attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: value } })),
  }));

/** Sends a batch again and again until ClickHouse has taken it; resolves with the number of refusals. */
export async function insertUntilTaken(world: World, events: readonly SentEvent[], seconds = 60): Promise<number> {
  const deadline = Date.now() + seconds * 1000;
  for (let refused = 0; ; refused++) {
    try {
      await insert(world, events);
      return refused;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Waits for a running refresh and starts another one, to its end. */
export async function refresh(world: World, view = 'usage_daily_refresh'): Promise<void> {
  await world.query(`SYSTEM START VIEW ${view}`);
  await world.query(`SYSTEM REFRESH VIEW ${view}`);
  await world.query(`SYSTEM WAIT VIEW ${view}`);
}

const REFRESHING = [
  'usage_daily_refresh',
  'usage_daily_wide_refresh',
  'usage_updates_apply',
  'usage_updates_wide_apply',
];

/** No refresh by itself from now on: the run says when. */
export async function stopRefreshes(world: World): Promise<void> {
  for (const view of REFRESHING) await world.query(`SYSTEM STOP VIEW ${view}`);
  for (const view of REFRESHING) await world.query(`SYSTEM WAIT VIEW ${view}`).catch(() => {});
}

/**
 * As if this time had passed since: whatever arrived, and whatever was refreshed, was so much earlier. Without it everything of a short test would be
 * read from the ledger, as newer than its rollup, and a wrong rollup would show nothing.
 */
export async function later(world: World, seconds: number): Promise<void> {
  // A refresh in between would see the ledger of before and the rollup of after, or the other way round, as no clock makes it.
  const running = await world.query<{ view: string }>(
    "SELECT view FROM system.view_refreshes WHERE database = currentDatabase() AND status != 'Disabled'",
  );
  await stopRefreshes(world);
  // A mutation is a kind of merge: it would wait for ever where these are stopped.
  await world.query('SYSTEM START MERGES');
  const shift = `INTERVAL ${seconds} SECOND`;
  await world.query('DROP TABLE IF EXISTS moved');
  await world.query(
    `CREATE TABLE moved ENGINE = Memory AS SELECT * REPLACE (refreshed_at - ${shift} AS refreshed_at) FROM usage_daily`,
  );
  await world.query(
    `ALTER TABLE usage_events UPDATE ingested_at = ingested_at - ${shift} WHERE 1 SETTINGS mutations_sync = 2`,
  );
  await world.query('TRUNCATE TABLE usage_daily');
  await world.query('INSERT INTO usage_daily SELECT * FROM moved');
  await world.query('DROP TABLE moved');
  for (const { view } of running) await world.query(`SYSTEM START VIEW ${view}`);
}

/** Days that events touch, for questions about them. */
export const daysOf = (events: readonly SentEvent[]): string[] => [...new Set(events.map(({ nanos }) => dayOf(nanos)))];
