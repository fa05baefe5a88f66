import { expect, it } from 'vitest';
import type { StandInExchange } from '../stand-ins/index.ts';
import { expectedBills, formatPico, parsePico, priceOf } from './expected.ts';

const exchange = (requestId: string, model: string, usage?: StandInExchange['usage']): StandInExchange => ({
  method: 'POST',
  path: '/v1/chat/completions',
  query: '',
  headers: {},
  body: { model },
  attempt: 0,
  status: usage ? 200 : 429,
  requestId,
  usage,
});

it('prices an answer to the last digit', () => {
  expect(formatPico(priceOf('gpt-4o-mini', { input: 100, output: 20 }))).toBe('0.000027');
  expect(formatPico(priceOf('gpt-4o', { input: 1000, output: 1, cached: 400 }))).toBe('0.00201');
  expect(formatPico(priceOf('text-embedding-3-small', { input: 1 }))).toBe('0.00000002');
  expect(() => priceOf('gpt-9', { input: 1 })).toThrow('gpt-9');
});

it("joins the provider's record with who asked, and leaves errors out", () => {
  const traffic = [
    { clientId: 'a', route: 'reply', status: 200, requestId: 'req_1' },
    { clientId: 'b', route: 'reply', status: 200, requestId: 'req_2' },
    { clientId: 'a', route: 'reply', status: 200, requestId: 'req_3' },
  ];
  const bills = expectedBills(traffic, [
    exchange('req_1', 'gpt-4o-mini', { input: 10, output: 0 }),
    exchange('req_2', 'gpt-4o', { input: 1, output: 1 }),
    exchange('req_x', 'gpt-4o'),
    exchange('req_3', 'gpt-4o-mini', { input: 0, output: 5 }),
  ]);
  expect(bills.get('a')).toEqual({ calls: 2, amount: 4_500_000n });
  expect(bills.get('b')).toEqual({ calls: 1, amount: 12_500_000n });
  expect(() => expectedBills([], [exchange('req_1', 'gpt-4o', { input: 1 })])).toThrow('req_1');
});

it('reads and writes amounts', () => {
  for (const text of ['0', '5.8074795', '0.000000000001', '120']) expect(formatPico(parsePico(text))).toBe(text);
  expect(() => parsePico('1e-7')).toThrow();
  expect(() => parsePico('0.0000000000001')).toThrow();
});
