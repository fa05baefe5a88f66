import { describe, expect, test } from 'vitest';
import { differences, FEW, reports } from './compare.ts';
import { nanosOf } from './history.ts';
import { changePercent, dayOf, daysIn, Model, monthAfter, ONE, type SentEvent, units } from './model.ts';

const ID = '0190a1b2-c3d4-7abc-8def-000000000001';
const event = (over: Record<string, string> = {}, time = '2026-02-28T23:59:59.999999999Z'): SentEvent => ({
  nanos: nanosOf(time),
  serviceName: 'checkout',
  attributes: { 'usage.id': ID, 'usage.service': 'openai', 'client.id': 'acme', 'cost.amount': '0.1', ...over },
});
const NOW = Date.parse('2026-03-01T12:00:00Z');

describe('the model', () => {
  test('the highest version counts, whatever came last; of two the same, the later one', () => {
    const model = new Model();
    for (const [version, client] of [
      ['2', 'b'],
      ['1', 'a'],
      ['2', 'c'],
    ] as const) {
      model.arrived(event({ 'usage.version': version, 'client.id': client }), NOW);
    }
    expect(model.charges().map(({ client }) => client)).toEqual(['c']);
    model.arrived(event({ 'usage.version': '9', 'usage.deleted': 'true' }), NOW);
    expect(model.charges()).toEqual([]);
    expect(model.ids).toBe(1);
  });

  test('what is unreadable is rejected, as often as it comes', () => {
    const model = new Model();
    const bad = [{ 'usage.id': 'x' }, { 'usage.version': '0' }, { 'cost.amount': '1e3' }, { 'usage.quantity': '-1' }];
    for (const over of bad) model.arrived(event(over), NOW);
    model.arrived(event({}, '2026-03-02T12:00:01Z'), NOW);
    expect([model.rejected, model.ids]).toEqual([5, 0]);
  });

  test('calendar and decimals', () => {
    expect(dayOf(nanosOf('2024-02-29T23:59:59.999999999Z'))).toBe('2024-02-29');
    expect([daysIn('2024-02'), daysIn('2025-02'), daysIn('2028-02'), daysIn('2100-02')]).toEqual([29n, 28n, 29n, 28n]);
    expect([monthAfter('2026-01', -1), monthAfter('2025-12', 1)]).toEqual(['2025-12', '2026-01']);
    expect([units('0.000000000001', 6), units('0.0000000000001', 6), units('1.', 6)]).toEqual([
      1n,
      undefined,
      undefined,
    ]);
    expect([changePercent(3n * ONE, 2n * ONE), changePercent(0n, ONE), changePercent(ONE, 0n)]).toEqual([
      50n,
      -100n,
      undefined,
    ]);
  });
});

test('a report that lacks a charge, or has one twice, is a difference', async () => {
  const model = new Model();
  model.arrived(event(), NOW);
  const right = Object.fromEntries(reports(model, FEW).map(({ sql, expected }) => [sql, expected]));
  const answer = (copies: number) => async (sql: string) =>
    sql.includes('usage_events_rejected')
      ? [{ n: 0 }]
      : Array.from({ length: copies }, () =>
          right[sql]!.map((row) => Object.fromEntries(row.map((cell, i) => [`c${i}`, cell ?? '']))),
        ).flat();
  expect(await differences(answer(1) as never, model, FEW)).toEqual([]);
  expect(await differences(answer(0) as never, model, FEW)).toHaveLength(2);
  expect((await differences(answer(2) as never, model, FEW))[0]).toMatch(/0 of 1 rows missing, 1 too many/);
});
