import { describe, expect, test } from 'vitest';
import type { AlertRule } from '../files.ts';
import type { Result } from './evaluate.ts';
import { duration, RuleLife } from './state.ts';

// The simulator itself, by what Grafana's source says (pkg/services/ngalert/state), so that the life of the rules is tried on the real thing.

const RULE: AlertRule = {
  uid: 'r',
  title: 'Rule',
  condition: 'fires',
  data: [],
  noDataState: 'NoData',
  execErrState: 'Error',
  for: '0s',
  annotations: {},
  labels: { severity: 'warning' },
  isPaused: false,
};

const MINUTE = 60_000;

/** Evaluates every minute: `.` normal, `!` alerting, `x` error, `o` no data, `-` another series only. Gives the states of series a. */
function live(rule: Partial<AlertRule>, evaluations: string) {
  const life = new RuleLife({ ...RULE, ...rule }, { folder: 'f', interval: '1m' });
  const sent: string[] = [];
  const states = [...evaluations].map((mark, index) => {
    const now = index * MINUTE;
    for (const { labels, endsAt } of life.next(resultsOf(mark), now)) {
      if (labels.series === 'b') continue;
      sent.push(`${index}:${labels.alertname}${endsAt > now ? '' : ' resolved'}`);
    }
    const state = life.states().find(({ labels }) => labels.series === 'a')?.state;
    return { Normal: 'N', Pending: 'P', Alerting: 'A', Recovering: 'R', NoData: 'D', Error: 'E', none: '_' }[
      state ?? 'none'
    ];
  });
  return { states: states.join(''), sent };
}

function resultsOf(mark: string): Result[] {
  if (mark === 'x') return [{ labels: {}, state: 'Error', values: {} }];
  if (mark === 'o') return [{ labels: {}, state: 'NoData', values: {} }];
  const b: Result = { labels: { series: 'b' }, state: 'Normal', values: {} };
  return mark === '-' ? [b] : [{ labels: { series: 'a' }, state: mark === '!' ? 'Alerting' : 'Normal', values: {} }, b];
}

describe('states', () => {
  const cases: readonly [what: string, rule: Partial<AlertRule>, evaluations: string, states: string][] = [
    ['fires at once without for', {}, '.!!.', 'NAAN'],
    ['waits as long as for says', { for: '2m' }, '.!!!.', 'NPPAN'],
    ['starts to wait anew', { for: '2m' }, '!!.!!!', 'PPNPPA'],
    ['keeps firing', { keepFiringFor: '2m' }, '!...', 'ARRN'],
    ['fires again out of recovering without waiting', { keepFiringFor: '2m', for: '1m' }, '!!.!', 'PARA'],
    ['keeps a missing series for two evaluations', {}, '!-.', 'AAN'],
    ['and forgets it then', {}, '!--', 'AA_'],
    ['or for as many as the rule says', { missing_series_evals_to_resolve: 3 }, '!---', 'AAA_'],
    ['keeps the last state on errors', { execErrState: 'KeepLast' }, '!xxxxx.', 'AAAAAAN'],
    ['keeps the last state on no data', { noDataState: 'KeepLast' }, '!ooooo!', 'AAAAAAA'],
    ['an error of its own makes series go missing', {}, '!xx', 'AA_'],
    ['no data that is OK resolves', { noDataState: 'OK' }, '!o', 'AN'],
    ['waits on through errors that keep', { for: '2m', execErrState: 'KeepLast' }, '!xx', 'PPA'],
  ];
  test.each(cases)('%s', (_what, rule, evaluations, states) => {
    expect(live(rule, evaluations).states).toBe(states);
  });
});

describe('what is sent', () => {
  test('firing at each evaluation, the end, and its repetition for a quarter of an hour', () => {
    const { sent } = live({}, `!!${'.'.repeat(20)}`);
    expect(sent.slice(0, 3)).toEqual(['0:Rule', '1:Rule', '2:Rule resolved']);
    expect(sent.at(-1)).toBe('17:Rule resolved');
    expect(sent).toHaveLength(2 + 16);
  });

  test('nothing while pending', () => {
    expect(live({ for: '5m' }, '!!!..').sent).toEqual([]);
  });

  test('an error by a name of its own, with the labels of the rule', () => {
    const life = new RuleLife(RULE, { folder: 'f', interval: '1m' });
    expect(life.next(resultsOf('x'), 0).map(({ labels }) => labels)).toEqual([
      expect.objectContaining({ alertname: 'DatasourceError', rulename: 'Rule', severity: 'warning' }),
    ]);
    const ended = life.next(resultsOf('.'), MINUTE);
    expect(ended.map(({ labels, endsAt }) => `${labels.alertname} ${endsAt}`)).toEqual([`DatasourceError ${MINUTE}`]);
  });
});

test('durations', () => {
  expect(['0s', '30s', '5m', '25h', '1d', '1h30m'].map(duration)).toEqual([
    0, 30_000, 300_000, 90_000_000, 86_400_000, 5_400_000,
  ]);
});
