import type { ClickHouseClient } from '@clickhouse/client';
import type { Connection } from '../client.ts';
import { appliedMigrations, loadMigrations } from '../migrate/index.ts';
import { identifier } from '../migrate/render.ts';
import { count, type Row, select, text } from '../queries/run.ts';
import type { Finding } from './doctor-local.ts';

/** Oldest ClickHouse that has all that the migrations use and reads a table that a query names twice as of one moment. */
const MIN_VERSION = [25, 12] as const;

/** Checks ClickHouse and the ledger in it, one finding after the other; rejects when ClickHouse does not answer. */
export async function* ledgerChecks(
  client: ClickHouseClient,
  connection: Connection,
  now: Date,
): AsyncGenerator<Finding, void> {
  const version = text((await select(client, 'SELECT version() AS v'))[0] ?? {}, 'v');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const recent = major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]);
  yield recent
    ? { hop: 'ClickHouse', state: 'ok', says: `version ${version}` }
    : { hop: 'ClickHouse', state: 'fail', says: `version ${version}: needs ${MIN_VERSION.join('.')} or newer` };

  if (recent) yield* await checkSnapshots(client);

  const migrations = await checkMigrations(client, connection.database);
  yield migrations;
  if (migrations.state === 'fail') return;

  const db = identifier(connection.database);
  yield await checkRefreshes(client, connection.database, now);
  yield* await checkArrivals(client, db, now);
  yield* await checkEvents(client, db);
  yield await checkUpdates(client, db);
  yield await checkClocks(client, db);
}

/**
 * `usage_daily_current` reads the rollup twice: its rows, and which generation of each day is the newest. As of two moments a refresh written
 * in between makes days 0. The default since 25.12; a profile with an older `compatibility` takes it back.
 */
async function checkSnapshots(client: ClickHouseClient): Promise<Finding[]> {
  const name = 'enable_shared_storage_snapshot_in_query';
  const [row] = await select(client, 'SELECT toString(getSetting({name:String})) AS value', { name });
  if (['1', 'true'].includes(text(row ?? {}, 'value'))) return [];
  const says = `${name} is off (an older "compatibility"?): a report may show a day as 0 while its rollup is written; set it to 1 for the users`;
  return [{ hop: 'ClickHouse', state: 'fail', says }];
}

async function checkMigrations(client: ClickHouseClient, database: string): Promise<Finding> {
  const hop = 'migrations';
  const files = loadMigrations();
  const applied = new Map((await appliedMigrations(client, database)).map((row) => [row.version, row.checksum]));
  const missing = files.filter(({ version }) => !applied.has(version)).length;
  const changed = files.filter(({ version, checksum }) => applied.has(version) && applied.get(version) !== checksum);
  if (applied.size === 0)
    return { hop, state: 'fail', says: `database ${database} has no tables: run "client-cost migrate"` };
  if (missing > 0) return { hop, state: 'fail', says: `${missing} not applied: run "client-cost migrate"` };
  if (changed.length > 0) {
    return {
      hop,
      state: 'fail',
      says: `${changed.map(({ name }) => name).join(', ')}: the file changed after it was applied`,
    };
  }
  if (applied.size > files.length) {
    return { hop, state: 'fail', says: 'the database is newer than this client-cost: update client-cost' };
  }
  return { hop, state: 'ok', says: `up to date, version ${files.length}` };
}

async function checkRefreshes(client: ClickHouseClient, database: string, now: Date): Promise<Finding> {
  const hop = 'rollups';
  const rows = await select(
    client,
    `SELECT view, status, exception, toUnixTimestamp(last_success_time) AS succeeded FROM system.view_refreshes
     WHERE database = {database:String} AND (view LIKE 'usage_daily%' OR view LIKE 'usage_updates%' OR view LIKE 'usage_strays%') ORDER BY view`,
    { database },
  );
  if (rows.length < 4)
    return { hop, state: 'fail', says: 'the refreshing views are missing: run "client-cost migrate"' };
  for (const row of rows) {
    const view = text(row, 'view');
    if (text(row, 'exception') !== '') {
      return { hop, state: 'fail', says: `${view} fails: ${text(row, 'exception').split('\n')[0]!.slice(0, 300)}` };
    }
    if (text(row, 'status') === 'Disabled') {
      return { hop, state: 'fail', says: `${view} is stopped: SYSTEM START VIEW ${database}.${view}` };
    }
  }
  const minutes = Math.round((now.getTime() / 1000 - Math.max(...rows.map((row) => count(row, 'succeeded')))) / 60);
  if (minutes > 30)
    return {
      hop,
      state: 'warn',
      says: `last refreshed ${minutes} minutes ago; reports read more of the ledger meanwhile`,
    };
  return { hop, state: 'ok', says: 'refreshing' };
}

/** Whether anything arrives: records in the Collector's tables, and usage events in the ledger. */
async function checkArrivals(client: ClickHouseClient, db: string, now: Date): Promise<Finding[]> {
  const rows = await select(
    client,
    `SELECT 'otel_logs' AS name, count() AS n, toUnixTimestamp(max(Timestamp)) AS last FROM ${db}.otel_logs
     UNION ALL SELECT 'otel_traces', count(), toUnixTimestamp(max(Timestamp)) FROM ${db}.otel_traces
     UNION ALL SELECT 'otel_metrics_sum', count(), toUnixTimestamp(max(TimeUnix)) FROM ${db}.otel_metrics_sum
     UNION ALL SELECT 'usage_events', count(), toUnixTimestamp(max(ingested_at)) FROM ${db}.usage_events`,
  );
  const by = new Map(rows.map((row) => [text(row, 'name'), row]));
  const says = (name: string): string => {
    const row: Row = by.get(name) ?? {};
    if (count(row, 'n') === 0) return `${name} empty`;
    return `${name} ${text(row, 'n')} rows, last ${ago(now.getTime() / 1000 - count(row, 'last'))}`;
  };
  const events = count(by.get('usage_events') ?? {}, 'n');
  const logs = count(by.get('otel_logs') ?? {}, 'n');
  return [
    {
      hop: 'telemetry',
      state: logs === 0 ? 'warn' : 'ok',
      says: ['otel_logs', 'otel_traces', 'otel_metrics_sum'].map(says).join(' · '),
    },
    {
      hop: 'ledger',
      state: events === 0 ? 'warn' : 'ok',
      says:
        events === 0
          ? 'no usage event yet: is a service running with --require @client-cost/instrumentation/register?'
          : says('usage_events'),
    },
  ];
}

async function checkEvents(client: ClickHouseClient, db: string): Promise<Finding[]> {
  const rejected = await select(
    client,
    `SELECT count() AS n, topK(1)(reason)[1] AS reason FROM ${db}.usage_events_rejected WHERE received_at > now() - INTERVAL 1 DAY`,
  );
  const recent = await select(
    client,
    `SELECT sum(requests) AS total, sum(unpriced_requests) AS unpriced, sumIf(requests, client_id = 'unattributed') AS unattributed
     FROM ${db}.usage_daily_current WHERE day >= toDate(now(), 'UTC') - 7`,
  );
  const row = recent[0] ?? {};
  const [requests, unpriced, unattributed] = [
    count(row, 'requests'),
    count(row, 'unpriced'),
    count(row, 'unattributed'),
  ];
  const bad = count(rejected[0] ?? {}, 'n');
  const percent = (part: number): string =>
    `${((part / Math.max(1, requests)) * 100).toFixed(1)} % of ${requests} requests in 8 days`;
  return [
    bad === 0
      ? { hop: 'rejected', state: 'ok', says: 'none in 24 hours' }
      : {
          hop: 'rejected',
          state: 'fail',
          says: `${bad} events in 24 hours, mostly: ${text(rejected[0] ?? {}, 'reason')}; they are on no bill. See usage_events_rejected`,
        },
    {
      hop: 'prices',
      state: unpriced === 0 ? 'ok' : 'warn',
      says:
        unpriced === 0
          ? 'every request has one'
          : `missing for ${percent(unpriced)}: see "client-cost coverage", set CLIENT_COST_PRICES`,
    },
    {
      hop: 'attribution',
      state: unattributed === 0 ? 'ok' : 'warn',
      says:
        unattributed === 0
          ? 'every request has a client'
          : `no client on ${percent(unattributed)}: withClient() or CLIENT_COST_CLIENT_HEADER`,
    },
  ];
}

/** Later reports whose charge has not arrived: after an hour somebody's events are missing, or a callback names what was never recorded. */
async function checkUpdates(client: ClickHouseClient, db: string): Promise<Finding> {
  const rows = await select(
    client,
    `SELECT count() AS n, topK(1)(service)[1] AS service FROM ${db}.usage_events_current
     WHERE is_standalone = 1 AND time > now() - INTERVAL 8 DAY AND ingested_at < now() - INTERVAL 1 HOUR`,
  );
  const waiting = await select(
    client,
    `SELECT count() AS n FROM ${db}.usage_updates AS u FINAL
     WHERE u.is_deleted = 0 AND u.ingested_at < now() - INTERVAL 1 HOUR AND u.ingested_at > now() - INTERVAL 8 DAY
       AND (u.service, u.external_id) NOT IN (
         SELECT service, external_id FROM ${db}.usage_events
         WHERE external_id != '' AND service IN (SELECT DISTINCT service FROM ${db}.usage_updates)
       )`,
  );
  const [alone, lost] = [count(rows[0] ?? {}, 'n'), count(waiting[0] ?? {}, 'n')];
  const hop = 'updates';
  if (lost > 0) {
    return {
      hop,
      state: 'fail',
      says: `${lost} wait for more than an hour and became no charge: is the view usage_updates_apply running?`,
    };
  }
  if (alone === 0) return { hop, state: 'ok', says: 'every later report found its charge' };
  return {
    hop,
    state: 'warn',
    says: `${alone} charges in 8 days are known from callbacks alone, mostly ${text(rows[0] ?? {}, 'service')}: is every process that makes calls measured?`,
  };
}

/** Charges dated after their arrival, or ClickHouse's own clock behind its last refresh: whose clock is wrong, and what it does to bills. */
async function checkClocks(client: ClickHouseClient, db: string): Promise<Finding> {
  const hop = 'clocks';
  const behind = await select(
    client,
    `SELECT dateDiff('second', now64(3), max(refreshed_at)) AS seconds FROM ${db}.usage_daily WHERE client_id = '' AND service = 'refresh'`,
  );
  const back = count(behind[0] ?? {}, 'seconds');
  if (back > 60) {
    return {
      hop,
      state: 'warn',
      says: `ClickHouse's clock is ${span(back)} behind its last refresh: it was set back. Reports stay right and read more of the ledger until it has caught up`,
    };
  }
  const rows = await select(
    client,
    `SELECT sum(events) AS events, sum(ahead) AS ahead, max(max_ahead_seconds) AS furthest, argMax(service_name, max_ahead_seconds) AS who,
       sum(next_month) AS next_month, toString(sum(next_month_cost)) AS next_cost,
       sum(late) AS late, max(max_late_seconds) AS oldest, sum(earlier_month) AS earlier_month, toString(sum(earlier_month_cost)) AS earlier_cost
     FROM ${db}.usage_clock_skew WHERE arrival_day >= toDate(now(), 'UTC') - 1`,
  );
  const row = rows[0] ?? {};
  const [ahead, late] = [count(row, 'ahead'), count(row, 'late')];
  const months = (n: number, cost: string, which: string): string =>
    n === 0 ? '' : `, ${n} (${cost} USD) on the bill of ${which} month`;
  const lateSays =
    late === 0
      ? ''
      : `${late} of the charges since yesterday were over a day old when they arrived, up to ${span(count(row, 'oldest'))}${months(count(row, 'earlier_month'), text(row, 'earlier_cost'), 'an earlier')}`;
  if (ahead === 0)
    return {
      hop,
      state: 'ok',
      says: lateSays === '' ? 'every charge since yesterday arrived after its call' : lateSays,
    };
  return {
    hop,
    state: 'warn',
    says: `${ahead} of ${text(row, 'events')} charges since yesterday are dated after their arrival, up to ${span(count(row, 'furthest'))} (${text(row, 'who') || 'no service.name'})${months(count(row, 'next_month'), text(row, 'next_cost'), 'a later')}: set that host's clock; see usage_clock_skew${lateSays === '' ? '' : `. ${lateSays}`}`,
  };
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
}

function ago(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3_600)} h ago`;
}
