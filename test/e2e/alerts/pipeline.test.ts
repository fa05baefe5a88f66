import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { getPipelineAlertStates, type PipelineAlertState } from '../../../clickhouse/src/alerts/index.ts';
import {
  freshLedger,
  send,
  startTestEngine,
  type TestEngine,
  usage,
  uuidv7,
} from '../../../clickhouse/src/queries/testing/ledger.ts';
import { calls, daysBefore, minutesBefore, times } from './support.ts';

let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'pipes');
});
afterAll(() => engine?.stop());
beforeEach(async () => {
  for (const table of ['usage_events', 'usage_events_rejected', 'otel_metrics_sum', 'usage_alerts', 'otel_logs']) {
    await client.command({ query: `TRUNCATE TABLE ${table}` });
  }
});

// A Wednesday at noon.
const AT = new Date('2026-03-18T12:00:00Z');

async function state(alertType: string, at = AT): Promise<PipelineAlertState> {
  const found = (await getPipelineAlertStates(client, { at })).find((one) => one.alertType === alertType);
  if (found === undefined) throw new Error(`no row of ${alertType}`);
  return found;
}

test('an empty ledger: every rule has its row, none fires', async () => {
  expect(
    (await getPipelineAlertStates(client, { at: AT })).map(({ alertType, severity, firing }) => [
      alertType,
      severity,
      firing,
    ]),
  ).toEqual([
    ['pipeline_silent', 'critical', false],
    ['pipeline_rejected', 'warning', false],
    ['pipeline_unpriced', 'warning', false],
    ['pipeline_counters', 'warning', false],
    ['sms_undelivered', 'critical', false],
  ]);
});

describe('pipeline_silent', () => {
  /** From 8 to 18 h, a call each two minutes, on the days before AT that are said. */
  const officeDay = (daysAgo: number, until = 18): Date[] =>
    times(new Date(daysBefore(AT, daysAgo).getTime() - 4 * 3_600_000), (until - 8) * 30, 2);

  test('a ledger that knows two weeks: fires when ten events are an hour late, in the middle of the day only', async () => {
    for (const daysAgo of [16, 14, 7, 6, 5, 2, 1]) await calls(client, officeDay(daysAgo));
    // Until 11:00 (the last one at 10:58) today.
    await calls(client, officeDay(0, 11));
    // Between 10:58 and 11:00 there was 1 in that time, between 10:58 and 11:18 there were 10.
    expect(await state('pipeline_silent')).toMatchObject({ firing: false, value: 62, threshold: 60 });
    expect(await state('pipeline_silent', minutesBefore(AT, -18))).toMatchObject({
      firing: true,
      value: 80,
      message: expect.stringMatching(/^No usage events for 80 minutes; 10 usually came in that time\. Check/),
    });
    // One event, and all is well again.
    await calls(client, [minutesBefore(AT, -20)]);
    expect(await state('pipeline_silent', minutesBefore(AT, -21))).toMatchObject({
      firing: false,
      message: 'The last usage event is 1 minutes old',
    });
  });

  test('silent as usual: nights, and a weekend after a week of work', async () => {
    for (const daysAgo of [16, 15, 14, 9, 8, 7, 2, 1, 0]) await calls(client, officeDay(daysAgo));
    // Three in the morning after a day of work, and the whole night.
    for (const hours of [7, 9, 12, 15, 19]) {
      const night = minutesBefore(AT, -60 * hours);
      expect([hours, (await state('pipeline_silent', night)).firing]).toEqual([hours, false]);
    }
    // The next day is a day off, as it was one and two weeks before.
    expect((await state('pipeline_silent', daysBefore(AT, -1))).firing).toBe(false);
  });

  test('one week that was unusual is not what is usual', async () => {
    for (const daysAgo of [16, 7, 1]) await calls(client, officeDay(daysAgo));
    expect((await state('pipeline_silent')).firing).toBe(false);
  });

  test('a ledger of one week looks at one week and one day ago, a younger one at two days', async () => {
    for (const daysAgo of [9, 7, 1]) await calls(client, officeDay(daysAgo));
    expect(await state('pipeline_silent', minutesBefore(AT, -60))).toMatchObject({ firing: true, value: 1142 });
    await client.command({ query: 'TRUNCATE TABLE usage_events' });
    await calls(client, officeDay(1));
    expect((await state('pipeline_silent')).firing).toBe(false);
    await calls(client, officeDay(2));
    expect((await state('pipeline_silent')).firing).toBe(true);
  });

  test('a charge counts once, however many versions it has', async () => {
    await client.command({ query: 'SYSTEM STOP MERGES usage_events' });
    const made = [16, 14, 7].flatMap((daysAgo) => times(minutesBefore(daysBefore(AT, daysAgo), 90), 9, 1));
    const ids = made.map((time) => uuidv7(time.getTime()));
    for (const version of ['1', '100', '1000']) {
      await send(
        client,
        made.map((time, index) => ({
          time: time.toISOString(),
          attributes: usage({ 'usage.id': ids[index]!, 'usage.version': version }),
        })),
      );
    }
    await calls(client, [minutesBefore(AT, 100)]);
    expect(await state('pipeline_silent')).toMatchObject({ firing: false, value: 100 });
    for (const daysAgo of [14, 7]) await calls(client, [minutesBefore(daysBefore(AT, daysAgo), 75)]);
    expect(await state('pipeline_silent')).toMatchObject({
      firing: true,
      message: expect.stringMatching(/; 10 usually came in that time\./),
    });
    await client.command({ query: 'SYSTEM START MERGES usage_events' });
  });

  test('what a nightly measurement dates to midnight is not late before it runs, nor a sign of life', async () => {
    const midnight = new Date('2026-03-18T00:00:00Z');
    const measured = { 'usage.service': 'cloudflare_r2', 'usage.operation': 'storage', 'usage.unit': 'gb_month' };
    for (const daysAgo of [16, 15, 14, 8, 7, 2, 1]) {
      await calls(client, officeDay(daysAgo));
      await calls(client, Array<Date>(12).fill(daysBefore(midnight, daysAgo)), measured);
    }
    // At half past one, before the measurement of the day.
    const night = minutesBefore(midnight, -90);
    expect(await state('pipeline_silent', night)).toMatchObject({ firing: false, value: 452 });
    await calls(client, Array<Date>(12).fill(midnight), measured);
    expect(await state('pipeline_silent', night)).toMatchObject({ firing: false, value: 452 });
  });

  test('after a week of silence, silence is what is usual', async () => {
    for (let daysAgo = 30; daysAgo >= 9; daysAgo--) await calls(client, officeDay(daysAgo));
    expect((await state('pipeline_silent', daysBefore(AT, 5))).firing).toBe(true);
    expect((await state('pipeline_silent', daysBefore(AT, 3))).firing).toBe(true);
    expect((await state('pipeline_silent')).firing).toBe(false);
  });
});

test('the moment is the same in every time zone', async () => {
  const at = Math.floor(Date.now() / 1000);
  await calls(client, [new Date((at - 300) * 1000)]);
  for (const moment of ["now('UTC')", `toTimeZone(fromUnixTimestamp(${at}), 'UTC')`]) {
    for (const zone of ['UTC', 'America/Edmonton', 'Asia/Kolkata']) {
      const result = await client.query({
        query: `SELECT value FROM pipeline_alert_states(at = ${moment}) WHERE alert_type = 'pipeline_silent'`,
        format: 'JSONEachRow',
        clickhouse_settings: { session_timezone: zone },
      });
      const [row] = await result.json<{ value: number }>();
      expect([zone, moment, row!.value >= 5 && row!.value <= 7]).toEqual([zone, moment, true]);
    }
  }
});

test('pipeline_rejected: rows of the last hour, and why', async () => {
  const now = new Date();
  await calls(client, [now, now], { 'usage.id': 'no-uuid' });
  await calls(client, [now], { 'usage.service': '' });
  expect(await state('pipeline_rejected', minutesBefore(now, -1))).toMatchObject({
    firing: true,
    value: 3,
    message: expect.stringMatching(
      /^3 usage events rejected in the last hour and not billed \(usage\.id is not a UUID\)/,
    ),
  });
  expect(await state('pipeline_rejected', minutesBefore(now, -62))).toMatchObject({ firing: false, value: 0 });
});

test('pipeline_unpriced: above 5 % of the last 24 hours, of ten requests at least', async () => {
  const unpriced = { 'cost.amount': '', 'cost.source': 'unpriced' };
  await calls(client, times(minutesBefore(AT, 600), 8, 1));
  await calls(client, [minutesBefore(AT, 10)], unpriced);
  // 1 of 9 is 11 %, and few.
  expect(await state('pipeline_unpriced')).toMatchObject({ firing: false });
  await calls(client, times(minutesBefore(AT, 500), 11, 1));
  // 1 of 20 is 5 %: not above.
  expect(await state('pipeline_unpriced')).toMatchObject({ firing: false, value: 5, threshold: 5 });
  await calls(client, [minutesBefore(AT, 9)], unpriced);
  // 2 of 21, rounded for people.
  expect(await state('pipeline_unpriced')).toMatchObject({
    firing: true,
    message: expect.stringMatching(/^9\.5 % of the 21 requests of the last 24 hours have no price: /),
  });
  // A day later all are too old.
  expect(await state('pipeline_unpriced', daysBefore(AT, -1))).toMatchObject({ firing: false, value: 0 });
});

describe('pipeline_counters', () => {
  const DAY = new Date('2026-03-17T00:00:00Z');

  /** Cumulative points of one series, as the Collector writes them: value at minutes after the day's beginning. */
  async function points(
    metric: string,
    values: readonly (readonly [minute: number, value: number])[],
    service = 'checkout',
    operation = 'chat_completion',
  ) {
    const seconds = (minute: number): number => DAY.getTime() / 1000 + minute * 60;
    await client.insert({
      table: 'otel_metrics_sum',
      format: 'JSONEachRow',
      values: values.map(([minute, value]) => ({
        ServiceName: service,
        MetricName: metric,
        Attributes: { 'client.id': 'calls', 'usage.service': 'openai', 'usage.operation': operation },
        ResourceAttributes: { 'service.name': service },
        StartTimeUnix: seconds(-3_000),
        TimeUnix: seconds(minute),
        Value: value,
        AggregationTemporality: 2,
        IsMonotonic: true,
      })),
    });
  }

  const noon = (count: number): Date[] => times(minutesBefore(DAY, -720), count, 1);

  test('agree, and are apart from 1 % on', async () => {
    await calls(client, noon(200), { 'cost.amount': '0.01' });
    // A process older than the day: 1,000 before it, 200 in it.
    await points('client_cost.requests', [
      [-60, 1_000],
      [-1, 1_000],
      [800, 1_100],
      [1_000, 1_200],
    ]);
    await points('client_cost.cost', [
      [-60, 10],
      [-1, 10],
      [800, 11],
      [1_000, 12],
    ]);
    expect(await state('pipeline_counters')).toMatchObject({
      firing: false,
      value: 0,
      message: 'Ledger and counters of 2026-03-17 agree',
    });
    // 1 more of 201 is 0.4975 %, 3 more of 203 are 1.4778 %.
    await calls(client, noon(1), { 'cost.amount': '0.01' });
    expect((await state('pipeline_counters')).firing).toBe(false);
    await calls(client, noon(2), { 'cost.amount': '0.01' });
    expect(await state('pipeline_counters')).toMatchObject({
      firing: true,
      value: expect.closeTo(300 / 203, 9),
      threshold: 1,
      message: expect.stringContaining('(ledger 203 requests, counters 200)'),
    });
  });

  test('the cost alone may be apart', async () => {
    await calls(client, noon(10), { 'cost.amount': '0.01' });
    await points('client_cost.requests', [
      [-60, 0],
      [1_000, 10],
    ]);
    await points('client_cost.cost', [
      [-60, 0],
      [1_000, 0.2],
    ]);
    expect(await state('pipeline_counters')).toMatchObject({ firing: true, value: expect.closeTo(50, 9) });
  });

  test('nothing to compare: no counters, a service without them, charges reported twice, the minutes around midnight', async () => {
    await calls(client, noon(50), {}, 'silent-service');
    expect(await state('pipeline_counters')).toMatchObject({
      firing: false,
      message: 'No counters arrived to compare the ledger with',
    });
    await calls(client, noon(10));
    await points('client_cost.requests', [
      [-60, 0],
      [1_000, 10],
    ]);
    await points('client_cost.cost', [
      [-60, 0],
      [1_000, 0.00027],
    ]);
    expect((await state('pipeline_counters')).firing).toBe(false);
    // A call with a callback: two in the counters, one in the ledger.
    await calls(client, noon(5), { 'usage.operation': 'send_sms', 'usage.version': '2' });
    await points(
      'client_cost.requests',
      [
        [-60, 0],
        [1_000, 10],
      ],
      'checkout',
      'send_sms',
    );
    expect((await state('pipeline_counters')).firing).toBe(false);
    // Counted after midnight.
    await calls(client, times(new Date(DAY.getTime() + 86_400_000 - 60_000), 1, 1));
    expect((await state('pipeline_counters')).firing).toBe(false);
  });

  test('the day is looked at when it has been over for an hour', async () => {
    await calls(client, noon(10));
    await points('client_cost.requests', [
      [-60, 0],
      [1_000, 100],
    ]);
    const midnight = new Date(DAY.getTime() + 86_400_000);
    expect((await state('pipeline_counters', minutesBefore(midnight, -59))).firing).toBe(false);
    expect((await state('pipeline_counters', minutesBefore(midnight, -60))).firing).toBe(true);
    expect((await state('pipeline_counters', minutesBefore(midnight, -60 * 25))).firing).toBe(false);
  });
});

describe('sms_undelivered', () => {
  const KEY = 'threshold:critical:2026-03:acme';

  /** Events as [minutes before AT, event, recipient]. */
  async function life(events: readonly (readonly [number, string, string?])[], key = KEY): Promise<void> {
    const [alert_type = '', severity = '', month = '', client_id = ''] = key.split(':');
    await client.insert({
      table: 'usage_alerts',
      format: 'JSONEachRow',
      values: events.map(([minutes, event, recipient = '']) => ({
        event_id: crypto.randomUUID(),
        time: minutesBefore(AT, minutes).toISOString().replace('T', ' ').replace('Z', ''),
        alert_key: key,
        event,
        recipient,
        alert_type,
        severity,
        month,
        client_id,
      })),
    });
  }

  test.each<[string, boolean, (readonly [number, string, string?])[]]>([
    [
      'delivered',
      false,
      [
        [60, 'fired'],
        [60, 'queued', 'ada'],
        [59, 'sent', 'ada'],
        [58, 'delivered', 'ada'],
      ],
    ],
    [
      'undelivered',
      true,
      [
        [60, 'fired'],
        [60, 'queued', 'ada'],
        [59, 'sent', 'ada'],
        [58, 'undelivered', 'ada'],
      ],
    ],
    [
      'maybe sent',
      true,
      [
        [60, 'fired'],
        [60, 'queued', 'ada'],
        [59, 'maybe_sent', 'ada'],
      ],
    ],
    [
      'maybe sent, and then found',
      false,
      [
        [60, 'fired'],
        [59, 'maybe_sent', 'ada'],
        [50, 'sent', 'ada'],
        [49, 'delivered', 'ada'],
      ],
    ],
    [
      'undelivered, then delivered',
      false,
      [
        [60, 'fired'],
        [58, 'undelivered', 'ada'],
        [30, 'sent', 'ada'],
        [29, 'delivered', 'ada'],
      ],
    ],
    [
      'to one of two',
      false,
      [
        [60, 'fired'],
        [58, 'undelivered', 'ada'],
        [59, 'delivered', 'bob'],
      ],
    ],
    [
      'to one of two, and lost to the one it was escalated to',
      true,
      [
        [60, 'fired'],
        [59, 'delivered', 'bob'],
        [40, 'escalated'],
        [40, 'queued', 'carol'],
        [39, 'undelivered', 'carol'],
      ],
    ],
    [
      'delivered, and a day later no more',
      true,
      [
        [1500, 'delivered', 'ada'],
        [30, 'queued', 'ada'],
        [29, 'undelivered', 'ada'],
      ],
    ],
    [
      'undelivered, and acknowledged on the dashboard',
      false,
      [
        [60, 'fired'],
        [58, 'undelivered', 'ada'],
        [50, 'acknowledged'],
      ],
    ],
    ['undelivered two days ago', false, [[2900, 'undelivered', 'ada']]],
    ['undelivered more than a day ago', false, [[1500, 'undelivered', 'ada']]],
    [
      'waiting for nine minutes',
      false,
      [
        [9, 'fired'],
        [9, 'queued', 'ada'],
      ],
    ],
    [
      'waiting for ten minutes',
      true,
      [
        [10, 'fired'],
        [10, 'queued', 'ada'],
      ],
    ],
    [
      'waiting, and acknowledged',
      false,
      [
        [30, 'fired'],
        [30, 'queued', 'ada'],
        [20, 'acknowledged'],
      ],
    ],
    [
      'waiting, and over',
      false,
      [
        [30, 'fired'],
        [30, 'queued', 'ada'],
        [20, 'resolved'],
      ],
    ],
    [
      'sent once, waiting again',
      true,
      [
        [300, 'queued', 'ada'],
        [299, 'sent', 'ada'],
        [298, 'delivered', 'ada'],
        [30, 'queued', 'ada'],
      ],
    ],
  ])('%s: fires %s', async (_, fires, events) => {
    await life(events);
    expect(await state('sms_undelivered')).toMatchObject({ firing: fires, value: fires ? 1 : 0 });
  });

  test('a warning may wait, and a text about this very alert does not keep it alive', async () => {
    await life(
      [
        [300, 'fired'],
        [300, 'queued', 'ada'],
      ],
      'threshold:warning:2026-03:acme',
    );
    await life(
      [
        [60, 'fired'],
        [58, 'undelivered', 'ada'],
      ],
      'sms_undelivered:critical::',
    );
    expect(await state('sms_undelivered')).toMatchObject({ firing: false });
    await life([[58, 'undelivered', 'ada']], 'spike:warning:2026-03:acme');
    await life([[58, 'undelivered', 'ada']], 'anomaly:warning:2026-03:acme');
    expect(await state('sms_undelivered')).toMatchObject({
      firing: true,
      value: 2,
      message: expect.stringContaining('(anomaly:warning:2026-03:acme, spike:warning:2026-03:acme)'),
    });
  });
});
