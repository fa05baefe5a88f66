import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UsageEvent, UsageExporter } from '@client-cost/exporter';
import { afterAll, expect, it } from 'vitest';
import { loadPriceBook, type PriceBook } from '../prices/index.ts';
import type { CallEnd } from '../types.ts';
import { UsageRecorder } from './recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'client-cost-corrections-'));
afterAll(() => rmSync(folder, { recursive: true }));

function bookOf(content: unknown): PriceBook {
  const path = join(folder, 'prices.json');
  writeFileSync(path, JSON.stringify(content));
  return loadPriceBook({ userFile: path });
}

function record(end: CallEnd, book = loadPriceBook({ userFile: '' })): UsageEvent['attributes'] {
  const events: UsageEvent[] = [];
  const exporter = { emit: (event: UsageEvent) => events.push(event) } as unknown as UsageExporter;
  const recorder = new UsageRecorder({ version: '0.0.0', priceBook: () => book, exporter: () => exporter });
  recorder.start({ service: 'acme', operation: 'send', spanName: 'acme send' }).end(end);
  return events[0]!.attributes;
}

const RATES = {
  prices: [],
  exchange_rates: [
    { currency: 'cad', usd: '0.72', from: '2026-01-01', to: '2026-12-01' },
    { currency: 'CAD', usd: '0.75', from: '2026-11-01' },
  ],
};
const AT = new Date('2026-11-22T12:00:00Z');

it('writes a later version of a charge under the id of the charge', () => {
  const usageId = '0199aabb-0000-7000-8000-000000000001';
  const said = record({ outcome: 'ok', usageId, version: 100, cost: '0.014', externalId: 'CA1' });
  expect(said).toMatchObject({ 'usage.id': usageId, 'usage.version': 100, 'cost.amount': '0.014' });
  expect(said).not.toHaveProperty('usage.update');
});

it('marks what has to find its charge, and what takes it back', () => {
  expect(record({ outcome: 'ok', update: true, version: 100 })).toMatchObject({
    'usage.update': true,
    'usage.version': 100,
  });
  expect(record({ outcome: 'ok', deleted: true, version: 2 })).toMatchObject({ 'usage.deleted': true });
  expect(record({ outcome: 'ok' })).toMatchObject({ 'usage.version': 1 });
});

it('converts another currency by the rate of the day, and keeps what was said', () => {
  const end: CallEnd = { outcome: 'ok', cost: '10.10', costCurrency: 'cad', endTime: AT };
  expect(record(end, bookOf(RATES))).toMatchObject({
    'cost.amount': '7.575',
    'cost.currency': 'USD',
    'cost.original_amount': '10.1',
    'cost.original_currency': 'CAD',
    'cost.source': 'provider',
  });
  const earlier = record({ ...end, endTime: new Date('2026-10-31T23:59:59Z') }, bookOf(RATES));
  expect(earlier['cost.amount']).toBe('7.272');
});

it.each(['EUR', 'CAD'])('without a rate for %s the call is unpriced, never 0 and never USD', (currency) => {
  const end: CallEnd = { outcome: 'ok', cost: '5', costCurrency: currency, endTime: new Date('2025-06-01') };
  const said = record(end, bookOf(RATES));
  expect(said).toMatchObject({
    'cost.source': 'unpriced',
    'cost.unpriced_reason': `no exchange rate is known for ${currency} on that day`,
    'cost.original_amount': '5',
    'cost.original_currency': currency,
  });
  expect(said).not.toHaveProperty('cost.amount');
});

it('what is no currency is unpriced', () => {
  expect(record({ outcome: 'ok', cost: '5', costCurrency: 'dollars' })).toMatchObject({ 'cost.source': 'unpriced' });
});

it('prices by sku: the exact one, then the longest prefix, else unpriced with its name', () => {
  const entry = (more: object) => ({ service: 'acme', operation: 'send', unit: 'segment', ...more });
  const book = bookOf({
    prices: [
      entry({ sku_prefix: '+44', usd_per_unit: '0.04' }),
      entry({ sku_prefix: '+4479', usd_per_unit: '0.05' }),
      entry({ sku_prefix: '+4', usd_per_unit: '0.01' }),
      entry({ sku: 'us_ca', usd_per_unit: '0.0083', usd_fixed: '0.001' }),
    ],
  });
  const cost = (sku: string, quantity = '3') =>
    record({ outcome: 'ok', sku, unit: 'segment', quantity }, book)['cost.amount'];
  expect(cost('+447911')).toBe('0.15');
  expect(cost('+4420')).toBe('0.12');
  expect(cost('+49')).toBe('0.03');
  expect(cost('us_ca')).toBe('0.0259');
  expect(record({ outcome: 'ok', sku: '+81', unit: 'segment' }, book)).toMatchObject({
    'usage.sku': '+81',
    'cost.source': 'unpriced',
    'cost.unpriced_reason': 'no price is known for acme send per segment (+81)',
  });
});
