import { GraphDrawStyle, StackingMode } from '@grafana/grafana-foundation-sdk/common';
import { stackedBars } from '../kit/charts.ts';
import { COLOR, fixed } from '../kit/colors.ts';
import { seriesQuery } from '../kit/query.ts';
import { RANGE_BY_STEP } from './range.ts';
import { lines } from './series.ts';

export const events = () =>
  lines(
    {
      title: 'Events per minute',
      description:
        'Charges by the time of their call, each once, however often it was sent or corrected. What a spool holds back is missing on the right, and comes in later at its own time.',
      sql: `SELECT point AS time, events_per_minute AS "Events" FROM pipeline_flow(${RANGE_BY_STEP})`,
      unit: 'short',
      noValue: 'No events',
    },
    { Events: COLOR.spent },
    '5m',
  );

export const delays = () =>
  lines(
    {
      title: 'Delay from call to ledger',
      description: 'By the time of the call. Corrections and settlements, which come days later, do not count.',
      sql: `SELECT point AS time, delay_median AS "Median", delay_p95 AS "95 %", delay_max AS "Longest" FROM pipeline_flow(${RANGE_BY_STEP})`,
      unit: 's',
      noValue: 'No events',
    },
    { Median: COLOR.spent, '95 %': COLOR.warning, Longest: 'purple' },
    '5m',
  );

export const counters = () =>
  stackedBars(
    {
      title: 'Ledger against counters',
      description:
        'Requests of the last 14 days (UTC) by both witnesses. The ledger is the truth. Counters count again what is corrected or reported twice, and lie an export interval behind around midnight; the check “Counters agree” allows for both.',
      sql: `SELECT formatDateTime(day, '%d %b') AS day, ledger_requests AS "Ledger", counter_requests AS "Counters"
FROM pipeline_counters(first_day = toDate($__toTime, 'UTC') - 13, last_day = toDate($__toTime, 'UTC'))`,
      unit: 'short',
      noValue: 'No requests',
    },
    { Ledger: COLOR.spent, Counters: 'purple' },
  ).stacking(StackingMode.None);

/** Label of a series: Grafana would put the column's name before it. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
const LABEL = '${__field.labels.series}';

export const collector = () =>
  lines(
    {
      title: 'Collector: queues and refusals',
      description:
        'Lines: what waits in the queues on disk. Bars: “refused” was not taken (the sender keeps it and tries again), “failed” could not be queued or written; of log records, which usage events are, nothing may fail.',
      sql: `SELECT point AS time, concat('queue: ', queue) AS series, waiting AS "Value" FROM collector_queues(${RANGE_BY_STEP})`,
      unit: 'short',
      noValue: 'No Collector',
    },
    {},
    '1m',
  )
    .withTarget(
      seriesQuery(
        `SELECT point AS time, what AS series, assumeNotNull(items) AS "Value" FROM collector_refusals(${RANGE_BY_STEP})`,
        'B',
      ),
    )
    .displayName(LABEL)
    .overrideByRegexp('/^refused/', [
      { id: 'custom.drawStyle', value: GraphDrawStyle.Bars },
      { id: 'color', value: fixed(COLOR.warning).build() },
    ])
    .overrideByRegexp('/^failed/', [
      { id: 'custom.drawStyle', value: GraphDrawStyle.Bars },
      { id: 'color', value: fixed(COLOR.critical).build() },
    ]);
