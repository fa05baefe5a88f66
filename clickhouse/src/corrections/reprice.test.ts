import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPriceBook } from '@client-cost/instrumentation/ledger';
import { describe, expect, test } from 'vitest';
import { type LedgerRow, newCharge, repriceCharge } from './index.ts';

const file = join(mkdtempSync(join(tmpdir(), 'client-cost-reprice-')), 'prices.json');
writeFileSync(
  file,
  JSON.stringify({
    prices: [
      { service: 'acme', operation: 'lookup', unit: 'request', usd_per_unit: '0.004', to: '2026-03-01' },
      { service: 'acme', operation: 'lookup', unit: 'request', usd_per_unit: '0.005', from: '2026-03-01' },
      { provider: 'openai', model: 'gpt-4o-mini', usd_per_million: { input: '1', output: '2' } },
    ],
    exchange_rates: [{ currency: 'EUR', usd: '1.1', from: '2026-02-01' }],
  }),
);
const book = loadPriceBook({ userFile: file });

const charge = (over: Partial<LedgerRow>): LedgerRow =>
  newCharge({
    usage_id: '019c0000-0000-7000-8000-000000000001',
    time: '2026-02-03T10:00:00Z',
    service: 'acme',
    operation: 'lookup',
    cost: '0.001',
    cost_source: 'price_book',
    price_version: 'old',
    ...over,
  });

describe('repriceCharge', () => {
  test('the price of the time of the call, as the next version; the rest stays', () => {
    const row = charge({ quantity: '3', version: '100', lead_id: 'l' });
    expect(repriceCharge(row, book)).toEqual({
      state: 'changed',
      row: { ...row, version: '101', cost: '0.012', price_version: book.version },
    });
    const later = repriceCharge(charge({ time: '2026-03-01T00:00:00Z' }), book);
    expect(later).toMatchObject({ state: 'changed', row: { cost: '0.005' } });
  });

  test('tokens by model, as a call is priced; estimated stays estimated', () => {
    const row = charge({
      service: 'openai',
      operation: 'chat_completion',
      provider: 'openai',
      request_model: 'gpt-4o-mini',
      response_model: 'gpt-4o-mini-2024-07-18',
      input_tokens: '100',
      output_tokens: '20',
      cost_source: 'estimated',
    });
    expect(repriceCharge(row, book)).toMatchObject({ row: { cost: '0.00014', cost_source: 'estimated' } });
  });

  test('what had no price gets one, also by a rate of the day', () => {
    const unpriced = { cost: null, cost_source: 'unpriced' };
    expect(
      repriceCharge(charge({ ...unpriced, unpriced_reason: 'no price is known for acme lookup per request' }), book),
    ).toMatchObject({ state: 'changed', row: { cost: '0.004', cost_source: 'price_book', unpriced_reason: '' } });
    expect(repriceCharge(charge({ ...unpriced, original_cost: '2', original_currency: 'EUR' }), book)).toMatchObject({
      state: 'changed',
      row: { cost: '2.2', cost_source: 'provider' },
    });
    expect(repriceCharge(charge({ ...unpriced, original_cost: '2', original_currency: 'CAD' }), book)).toEqual({
      state: 'unpriced',
    });
    expect(repriceCharge(charge({ ...unpriced, operation: 'other' }), book)).toEqual({ state: 'unpriced' });
  });

  test('the same price is no change, whatever its version is called', () => {
    expect(repriceCharge(charge({ cost: '0.004000' }), book)).toEqual({ state: 'same' });
  });

  test.each<[string, Partial<LedgerRow>]>([
    ['usage that is not known', { cost: null, cost_source: 'unpriced', unpriced_reason: 'the call has not ended' }],
    ['a failed call without a cost', { cost: null, cost_source: 'unpriced', outcome: 'error' }],
    ['a call recorded as not billed', { cost: '0' }],
    ['another currency', { currency: 'EUR' }],
    ['unreadable token counts', { unreadable: ['gen_ai.usage.input_tokens'] }],
    ['a price that is gone', { operation: 'gone' }],
  ])('%s is left as it is', (_, over) => {
    expect(repriceCharge(charge(over), book)).toMatchObject({ state: 'left' });
  });
});
