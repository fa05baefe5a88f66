import { expect, it } from 'vitest';
import { validatePriceFile } from './index.ts';

const problemsOf = (content: object) =>
  validatePriceFile(JSON.stringify({ prices: [], ...content })).map(({ path, message }) => `${path}: ${message}`);

it('takes dated rates of currencies', () => {
  const rate = { currency: 'cad', usd: '0.7215', from: '2026-11-01', to: '2026-12-01', source: 'Bank of Canada' };
  expect(problemsOf({ exchange_rates: [rate, { currency: 'EUR', usd: 1.08 }] })).toEqual([]);
});

it.each([
  [{ exchange_rates: {} }, 'exchange_rates: expected a list, got {}'],
  [{ exchange_rates: ['CAD'] }, 'exchange_rates[0]: expected an object, got "CAD"'],
  [
    { exchange_rates: [{ currency: 'US', usd: '1' }] },
    'exchange_rates[0].currency: expected a currency of ISO 4217 other than USD, got "US"',
  ],
  [
    { exchange_rates: [{ currency: 'USD', usd: '1' }] },
    'exchange_rates[0].currency: expected a currency of ISO 4217 other than USD, got "USD"',
  ],
  [{ exchange_rates: [{ currency: 'EUR', usd: '0' }] }, 'exchange_rates[0].usd: is zero'],
  [{ exchange_rates: [{ currency: 'EUR', usd: '-1' }] }, 'exchange_rates[0].usd: "-1" is negative'],
  [
    { exchange_rates: [{ currency: 'EUR', usd: '1', from: '2026-02-30' }] },
    'exchange_rates[0].from: expected a UTC date such as "2026-07-30" or "2026-07-30T12:00:00Z", got "2026-02-30"',
  ],
  [
    { exchange_rates: [{ currency: 'EUR', usd: '1', from: '2026-02-01', to: '2026-02-01' }] },
    'exchange_rates[0].to: "2026-02-01" is not after "from" ("2026-02-01")',
  ],
])('%j is refused with its place', (content, problem) => {
  expect(problemsOf(content)).toContain(problem);
});

it('names a misspelt field and what is known', () => {
  expect(problemsOf({ exchange_rates: [{ currency: 'EUR', rate: '1' }] })[0]).toMatch(
    /\.rate: is not known; known are/,
  );
});

it.each([
  [
    { sku: 'a', sku_prefix: 'b' },
    'prices[0].sku: cannot stand beside "sku_prefix", "model" or "model_prefix"; give one of them',
  ],
  [
    { sku: 'a', model: 'b' },
    'prices[0].sku: cannot stand beside "sku_prefix", "model" or "model_prefix"; give one of them',
  ],
])('%j is refused: one name of what is priced', (more, problem) => {
  const entry = { service: 's', unit: 'request', usd_per_unit: '1', ...more };
  expect(problemsOf({ prices: [entry] })).toContain(problem);
});

it('a fixed price needs a price per unit beside it', () => {
  const entry = { service: 's', model: 'm', usd_per_million: { input: '1' }, usd_fixed: '0.3' };
  expect(problemsOf({ prices: [entry] })[0]).toMatch(/usd_fixed: needs "usd_per_unit"/);
});
