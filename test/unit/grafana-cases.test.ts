import { describe, expect, it } from 'vitest';
import { type Answer, difference, printed } from '../support/grafana-compare.ts';
import { timesFrom } from '../support/grafana-times.ts';

// A leap day, a quarter past one.
const times = timesFrom(Date.parse('2024-02-29T01:15:30.900Z'));
const iso = (text: string): string => new Date(times.at(text)).toISOString();

describe('times of a case', () => {
  it.each([
    ['now', '2024-02-29T01:15:30.000Z'],
    ['now-90m', '2024-02-28T23:45:30.000Z'],
    ['hour', '2024-02-29T01:00:00.000Z'],
    ['hour-2 +5m', '2024-02-28T23:05:00.000Z'],
    ['day-1 +12h', '2024-02-28T12:00:00.000Z'],
    ['day+1', '2024-03-01T00:00:00.000Z'],
    ['month-1 +2d +10h', '2024-01-03T10:00:00.000Z'],
    ['month-0', '2024-02-01T00:00:00.000Z'],
    ['month-2 -1d', '2023-11-30T00:00:00.000Z'],
    ['day +1h5m30s', '2024-02-29T01:05:30.000Z'],
    ['2026-02-03T10:00:00Z', '2026-02-03T10:00:00.000Z'],
    ['2026-02-03', '2026-02-03T00:00:00.000Z'],
  ])('%s', (text, expected) => {
    expect(iso(text)).toBe(expected);
  });

  it.each(['yesterday', 'now-90', 'hour-2h', 'month-1 2d', '12:00', ''])('%j is refused', (text) => {
    expect(() => times.at(text)).toThrow(`"${text}"`);
  });

  it('are filled into texts; other braces stay', () => {
    expect(times.fill('{month-1} {month+1} {day-1} {day-29}')).toBe('2024-01 2024-03 2024-02-28 2024-01-31');
    expect(times.fill('{month-1:name}, {day-29:short}')).toBe('January 2024, 31 Jan');
    expect(times.fill('at {day-1 +12h}')).toBe('at 2024-02-28T12:00:00.000Z');
    expect(times.fill('{client} {"a":1} {}')).toBe('{client} {"a":1} {}');
  });

  it('formulas', () => {
    expect(times.formula('= 2 * days_in_month - (1 + day_of_month) / 3')).toBe(48);
    expect(times.formula('= max(1, day_of_month - 28) * -min(2, 3)')).toBe(-2);
    expect(() => times.formula('= days')).toThrow('is no formula at "days"');
    expect(() => times.formula('= 2 +')).toThrow('at "its end"');
    expect(() => times.formula('= 2 2')).toThrow('at "2"');
  });

  it('what is printed can be read again', () => {
    for (const text of ['hour-2 +5m', 'hour', 'day-1', 'hour-30 +5m30s', '2023-01-01T10:00:00.000Z']) {
      expect(times.at(times.describe(times.at(text)))).toBe(times.at(text));
    }
  });
});

describe('comparison of rows', () => {
  const answer: Answer = {
    meta: [
      { name: 'day', type: 'Date' },
      { name: 'name', type: 'String' },
      { name: 'cost', type: 'Nullable(Decimal(38, 12))' },
    ],
    data: [
      ['2024-02-28', 'a', 0.1],
      ['2024-02-29', 'b', null],
    ],
  };
  const columns = ['day', 'name', 'cost'];
  const compare = (rows: Parameters<typeof difference>[1]['rows'], more = {}): string | undefined =>
    difference(answer, { columns, rows, ...more }, times);

  it('equal rows', () => {
    expect(
      compare([
        ['day-1', 'a', 0.1],
        ['2024-02-29', 'b', null],
      ]),
    ).toBeUndefined();
    expect(
      compare(
        [
          ['day', 'b', null],
          ['day-1', 'a', 0.1],
        ],
        { unordered: true },
      ),
    ).toBeUndefined();
    expect(
      compare([
        [{ from: 'day-1', to: 'now' }, { like: '^[a-c]$' }, { near: '= 1 / 10', by: 1e-6 }],
        ['day', { any: true }, null],
      ]),
    ).toBeUndefined();
  });

  it.each([
    [
      'another number',
      [
        ['day-1', 'a', 0.100001],
        ['day', 'b', null],
      ],
    ],
    [
      'zero for NULL',
      [
        ['day-1', 'a', 0.1],
        ['day', 'b', 0],
      ],
    ],
    [
      'any for NULL',
      [
        ['day-1', 'a', 0.1],
        ['day', 'b', { any: true }],
      ],
    ],
    [
      'a number as text',
      [
        ['day-1', 'a', '0.1'],
        ['day', 'b', null],
      ],
    ],
    [
      'another order',
      [
        ['day', 'b', null],
        ['day-1', 'a', 0.1],
      ],
    ],
    ['a row too few', [['day-1', 'a', 0.1]]],
    [
      'a row too many',
      [
        ['day-1', 'a', 0.1],
        ['day', 'b', null],
        ['day', 'b', null],
      ],
    ],
    [
      'another day',
      [
        ['day-2', 'a', 0.1],
        ['day', 'b', null],
      ],
    ],
  ] as const)('%s differs', (_, rows) => {
    expect(compare(rows)).toMatch(/expected, but not there|there, but not expected/);
  });

  it('says which columns came', () => {
    expect(difference(answer, { columns: ['day'], rows: [] }, times)).toContain(
      'columns ["day","name","cost"], expected ["day"]',
    );
  });

  it('prints what came in the form of expected.json', () => {
    const read = JSON.parse(printed(answer, times)) as { columns: string[]; rows: never[] };
    expect(difference(answer, read, times)).toBeUndefined();
    expect(read.rows).toEqual([
      ['day-1', 'a', 0.1],
      ['day', 'b', null],
    ]);
  });
});
