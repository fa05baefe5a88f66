import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { COLOR, steps } from '../kit/colors.ts';
import { stat } from '../kit/stat.ts';
import { AT, RANGE } from './range.ts';

/** A status: green, and from the two values on orange and red. */
const status = (parts: Parameters<typeof stat>[0], warning: number, critical?: number): PanelBuilder =>
  stat(parts).thresholds(
    steps(
      COLOR.calm,
      [warning, COLOR.warning],
      ...(critical === undefined ? [] : [[critical, COLOR.critical] as const]),
    ),
  );

export const lastEvent = () =>
  status(
    {
      title: 'Last event',
      description:
        'How long ago the ledger took the last usage event. A quiet night is no trouble: whether events are overdue says the check “Events arrive”.',
      sql: `SELECT last_arrival_age AS "Age" FROM pipeline_freshness(${AT})`,
      unit: 's',
      noValue: 'No events yet',
    },
    3600,
    86_400,
  );

export const delay = () =>
  status(
    {
      title: 'Delay to the ledger',
      description:
        'From the end of a call to its row in the ledger: 95 of 100 calls of the time range took at most this long. Events wait in spools and queues while something is away; then this is long, and nothing is lost.',
      sql: `SELECT delay_p95 AS "95 %" FROM pipeline_summary(${RANGE})`,
      unit: 's',
      noValue: 'No events',
    },
    60,
    600,
  );

export const rejected = () =>
  status(
    {
      title: 'Rejected',
      description: 'Events of the time range that could not be read and are in no sum. The table below says why.',
      sql: `SELECT sum(rejected) AS "Events" FROM pipeline_rejections(${RANGE})`,
      unit: 'short',
    },
    1,
    100,
  );

export const unpriced = () =>
  status(
    {
      title: 'Without a price',
      description:
        'Share of the requests of the time range whose cost is unknown, and so in no sum. The check “Prices are known” looks at the last 24 hours.',
      sql: `SELECT unpriced_percent AS "Share" FROM pipeline_summary(${RANGE})`,
      unit: 'percent',
      noValue: 'No events',
    },
    5,
    25,
  );

export const queue = () =>
  status(
    {
      title: 'Collector queue',
      description:
        'Usage events that the Collector has acknowledged and ClickHouse has not taken yet. They are on disk; a queue that grows says that ClickHouse takes nothing.',
      sql: `SELECT usage_waiting AS "Events" FROM collector_queue_now(${AT})`,
      unit: 'short',
      noValue: 'No Collector',
    },
    10_000,
    1_000_000,
  );

export const texts = () =>
  status(
    {
      title: 'Texts not delivered',
      description:
        'Texts of alerts of the time range that Twilio could not deliver, or of which nobody knows whether they left (“maybe sent”).',
      sql: `SELECT not_delivered + maybe_sent AS "Texts" FROM sms_summary(${RANGE})`,
      unit: 'short',
    },
    1,
    3,
  );

export const freshness = () =>
  stat({
    title: 'Freshness',
    description:
      'Daily rollups: since they were last recomputed, every minute when all is well; reports read what is newer from the ledger. Updates: later reports (a call that ended, a webhook) that have not found their charge. Ahead: events whose service has a clock that is more than 5 s fast. Texts: from the moment an alert fired to its first delivered text (median).',
    sql: `SELECT
  f.rollup_age AS "Daily rollups",
  toNullable(f.updates_waiting) AS "Updates waiting",
  toNullable(s.ahead_of_time) AS "Ahead of the clock",
  t.seconds_to_delivery AS "Text delivered after"
FROM pipeline_freshness(${AT}) AS f, pipeline_summary(${RANGE}) AS s, sms_summary(${RANGE}) AS t`,
    unit: 's',
    units: { 'Updates waiting': 'short', 'Ahead of the clock': 'short', 'Text delivered after': 's' },
  }).overrideByName('Daily rollups', [
    { id: 'thresholds', value: steps(COLOR.calm, [300, COLOR.warning], [3600, COLOR.critical]).build() },
  ]);
