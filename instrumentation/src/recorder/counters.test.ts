import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemorySdk } from '../testing/otel.ts';
import type { Finished } from './attributes.ts';
import { UsageCounters } from './counters.ts';

let sdk: MemorySdk;
let counters: UsageCounters;

beforeEach(() => {
  sdk = new MemorySdk();
  counters = new UsageCounters('test', '1');
});
afterEach(() => sdk.stop());

function add(more: Partial<Finished>): void {
  counters.add({
    id: 'id',
    scope: { clientId: 'acme' },
    service: 'twilio_sms',
    operation: 'send_sms',
    end: { outcome: 'ok' },
    quantity: '1',
    unit: 'segment',
    cost: { amount: '0.0083', source: 'price_book', version: 'v' },
    problem: undefined,
    ...more,
  });
}

const points = async (attributes: object) =>
  (await sdk.counters())
    .map(({ name, value, attributes: own }) => [name, value, own])
    .filter(([, , own]) =>
      Object.entries(attributes).every(([key, wanted]) => (own as Record<string, unknown>)[key] === wanted),
    );

it('adds up the cost and the calls of an operation that is billed in several units', async () => {
  add({ quantity: '2', cost: { amount: '0.0166', source: 'price_book', version: 'v' } });
  // A text that failed is billed by the message.
  add({ unit: 'message', cost: { amount: '0.001', source: 'price_book', version: 'v' } });
  add({});
  const base = { 'client.id': 'acme', 'usage.service': 'twilio_sms', 'usage.operation': 'send_sms' };
  expect(await points(base)).toEqual([
    ['client_cost.cost', 0.0259, base],
    ['client_cost.requests', 3, base],
    ['client_cost.units', 3, { ...base, 'usage.unit': 'segment' }],
    ['client_cost.units', 1, { ...base, 'usage.unit': 'message' }],
  ]);
});

it('folds what is beyond its bound into one series, units included', async () => {
  for (let i = 0; i < 50_000; i++) add({ scope: { clientId: `client-${i}` }, quantity: undefined });
  add({ scope: { clientId: 'late' }, quantity: '2' });
  add({ scope: { clientId: 'later' }, quantity: '3', unit: 'message' });
  const folded = { 'otel.metric.overflow': true };
  expect(await points({ ...folded, 'usage.unit': undefined })).toContainEqual(['client_cost.units', 5, folded]);
});
