import { describe, expect, it } from 'vitest';
import { fieldType, ruleFrameProblems, toFrame } from './frame.ts';

const column = (name: string, type: string) => ({ name, type });

describe('types of columns', () => {
  it.each([
    ['UInt8', 'number'],
    ['Nullable(Float64)', 'number'],
    ['Decimal(38, 12)', 'number'],
    ['Nullable(Decimal(18, 12))', 'number'],
    ['String', 'string'],
    ['LowCardinality(String)', 'string'],
    ['LowCardinality(Nullable(String))', 'string'],
    ['Nullable(String)', 'string'],
    ['Bool', 'boolean'],
    ['Date', 'time'],
    ["DateTime('UTC')", 'time'],
    ["Nullable(DateTime64(3, 'UTC'))", 'time'],
    ['Array(Float64)', 'other'],
    ['Map(String, String)', 'other'],
  ])('%s is %s', (type, expected) => {
    expect(fieldType(column('c', type))).toBe(expected);
  });

  it.each(['UUID', 'LowCardinality(UInt8)', 'UInt128', 'IntervalDay'])('%s must be cast', (type) => {
    expect(() => fieldType(column('c', type))).toThrow(`Column "c" is ${type}`);
  });
});

describe('tables', () => {
  it('have numbers, texts and times in milliseconds', () => {
    const [frame] = toFrame(
      [
        column('day', 'Date'),
        column('at', "DateTime64(3, 'UTC')"),
        column('cost', 'Decimal(38, 12)'),
        column('name', 'String'),
      ],
      [['2026-02-03', '2026-02-03 10:00:00.250', '0.1', 'Acme']],
      1,
    );
    expect(frame?.fields.map(({ name, type, values }) => [name, type, values[0]])).toEqual([
      ['day', 'time', Date.UTC(2026, 1, 3)],
      ['at', 'time', Date.UTC(2026, 1, 3, 10, 0, 0, 250)],
      ['cost', 'number', 0.1],
      ['name', 'string', 'Acme'],
    ]);
  });

  it('without rows are frames without values', () => {
    expect(toFrame([column('x', 'UInt8')], [], 1)).toEqual([{ fields: [{ name: 'x', type: 'number', values: [] }] }]);
  });

  it('a number that is none is refused, NULL is not', () => {
    expect(() => toFrame([column('x', 'Float64')], [[null]], 1)).toThrow('Column "x": a value is nan or infinite');
    expect(toFrame([column('x', 'Nullable(Float64)')], [[null]], 1)[0]?.fields[0]?.values).toEqual([null]);
  });

  it('a name counts once', () => {
    expect(() => toFrame([column('x', 'UInt8'), column('x', 'UInt8')], [], 1)).toThrow('Two columns are called "x"');
  });
});

describe('time series', () => {
  const columns = [column('time', 'DateTime'), column('service', 'String'), column('cost', 'Decimal(38, 12)')];

  it('become a field per series, null where one has no point', () => {
    const rows = [
      ['2026-02-03 10:00:00', 'twilio', '1'],
      ['2026-02-03 10:00:00', 'openai', '2'],
      ['2026-02-03 10:01:00', 'openai', '3'],
    ];
    const [frame] = toFrame(columns, rows, 0);
    expect(frame?.fields.map(({ name, labels, values }) => [name, labels?.service, values])).toEqual([
      ['time', undefined, [Date.UTC(2026, 1, 3, 10), Date.UTC(2026, 1, 3, 10, 1)]],
      ['cost', 'openai', [2, 3]],
      ['cost', 'twilio', [1, null]],
    ]);
  });

  it('must be sorted', () => {
    const rows = [
      ['2026-02-03 10:01:00', 'openai', '3'],
      ['2026-02-03 10:00:00', 'openai', '2'],
    ];
    expect(() => toFrame(columns, rows, 0)).toThrow('sorted by time');
  });

  it('without texts stay as they are; without rows there is no frame; without a time there is an error', () => {
    const wide = [column('time', 'DateTime'), column('a', 'UInt8'), column('b', 'UInt8')];
    expect(toFrame(wide, [['2026-02-03 10:00:00', 1, 2]], 0)[0]?.fields.map(({ name }) => name)).toEqual([
      'time',
      'a',
      'b',
    ]);
    expect(toFrame(wide, [], 0)).toEqual([]);
    expect(() => toFrame([column('a', 'UInt8')], [[1]], 0)).toThrow('needs a time column');
  });
});

describe('queries of alert rules', () => {
  const good = [column('client_id', 'String'), column('state', 'UInt8')];

  it('one number, texts for labels', () => {
    expect(
      ruleFrameProblems(good, [
        ['a', 1],
        ['b', 0],
      ]),
    ).toEqual([]);
  });

  it('says what is wrong', () => {
    expect(ruleFrameProblems([...good, column('cost', 'Float64')], [])).toEqual([
      'one column must be a number; state, cost are',
    ]);
    expect(ruleFrameProblems([column('client_id', 'String')], [])).toEqual(['one column must be a number; none is']);
    expect(ruleFrameProblems([...good, column('at', 'DateTime')], [])).toEqual([
      '"at" is a time; a label must be a String',
    ]);
    expect(
      ruleFrameProblems(good, [
        ['a', 1],
        ['a', 0],
      ]),
    ).toEqual(['two rows have the labels ["a"]']);
    expect(ruleFrameProblems([column('c', 'Nullable(String)'), column('n', 'UInt8')], [[null, 1]])).toEqual([
      '"c" is NULL in a row; a label must be a text',
    ]);
  });
});
