import { expect, it } from 'vitest';
import type { StandInExchange } from '../stand-ins/index.ts';
import { monthBefore, planLastMonth } from './history.ts';

it('knows the month before, January included', () => {
  expect(monthBefore('2026-11')).toBe('2026-10');
  expect(monthBefore('2026-01')).toBe('2025-12');
});

it("repeats a client's own calls within last month's days and adds them up", () => {
  const clients = [
    { id: 'a', name: 'A', requests: 2, lastMonth: 1.5 },
    { id: 'b', name: 'B', requests: 1, lastMonth: null },
  ];
  const traffic = ['1', '2'].map((requestId) => ({ clientId: 'a', route: 'reply', status: 200, requestId }));
  const usage = { input: 1000, output: 10, cached: 0 };
  const exchanges = traffic.map(({ requestId }) => ({
    requestId,
    path: '/v1/chat/completions',
    body: { model: 'gpt-4o-mini' },
    usage,
  })) as unknown as StandInExchange[];
  const text = { service: 'twilio_sms', operation: 'send_sms', unit: 'segment', sku: 'us_ca', quantity: '2' };
  const charges = ['a', 'a', 'b'].map((clientId) => ({ clientId, ...text, amount: 7n }));
  const history = planLastMonth(clients, traffic, exchanges, charges, new Date('2026-03-15T12:00:00Z'));
  expect(history.events).toBe(6);
  expect(history.months.map(({ clientId }) => clientId)).toEqual(['a']);
  expect(history.bills.get('a')).toEqual({ calls: 6, amount: 3n * 156_000_000n + 3n * 7n });
  expect(history.months[0]!.purchases).toHaveLength(3);
  expect(history.months[0]!.purchases[0]).toMatchObject(text);
  for (const { timestamp } of history.months[0]!.purchases) expect(timestamp).toMatch(/^2026-02-/);
  for (const { timestamp } of history.months[0]!.calls) expect(timestamp).toMatch(/^2026-02-/);
});
