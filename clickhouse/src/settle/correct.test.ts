import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPriceBook } from '@client-cost/instrumentation/ledger';
import { describe, expect, test } from 'vitest';
import { type LedgerRow, newCharge } from '../corrections/index.ts';
import { type Correction, correct } from './correct.ts';
import { amountOf, feeOf, fromMinorUnits } from './stripe-money.ts';

const dir = mkdtempSync(join(tmpdir(), 'client-cost-settle-'));
const file = join(dir, 'prices.json');
writeFileSync(
  file,
  JSON.stringify({
    prices: [],
    exchange_rates: [{ currency: 'EUR', usd: '1.1', from: '2026-01-01', to: '2026-06-01' }],
  }),
);
const book = loadPriceBook({ userFile: file });
rmSync(dir, { recursive: true });

const sms = (over: Partial<LedgerRow> = {}): LedgerRow =>
  newCharge({
    usage_id: '019a0000-0000-7000-8000-000000000001',
    time: '2026-02-03T04:05:06.000000000Z',
    service: 'twilio_sms',
    operation: 'send_sms',
    client_id: 'acme',
    unit: 'segment',
    sku: 'us_ca',
    cost: '0.0079',
    cost_source: 'price_book',
    price_version: 'v1',
    external_id: 'SM1',
    ...over,
  });

function changed(correction: Correction): LedgerRow {
  if (correction.kind !== 'changed') throw new Error(JSON.stringify(correction));
  return correction.row;
}

describe('a correction', () => {
  test("carries the provider's figures and keeps the charge", () => {
    const row = sms({ version: '100' });
    const end = { outcome: 'ok', cost: '0.0166', costCurrency: 'usd', quantity: 2, unit: 'segment' } as const;
    expect(changed(correct(row, end, book))).toEqual({
      ...row,
      version: '1000',
      cost: '0.0166',
      cost_source: 'provider',
      price_version: '',
      quantity: '2',
      estimated_cost: '0.0079',
    });
  });

  test('the same figure settles too: the source is what changes', () => {
    const row = changed(correct(sms(), { outcome: 'ok', cost: '0.0079' }, book));
    expect(row).toMatchObject({ version: '1000', cost: '0.0079', cost_source: 'provider', estimated_cost: '0.0079' });
    expect(correct(row, { outcome: 'ok', cost: '0.00790' }, book)).toEqual({ kind: 'unchanged' });
  });

  test('a second one is a version higher and keeps the first estimate', () => {
    const first = changed(correct(sms(), { outcome: 'ok', cost: '0.0083' }, book));
    const second = changed(correct(first, { outcome: 'ok', cost: '0.009' }, book));
    expect(second).toMatchObject({ version: '1001', cost: '0.009', estimated_cost: '0.0079' });
  });

  test('what was unpriced has no estimate, now and later', () => {
    const first = changed(correct(sms({ cost: null, cost_source: 'unpriced' }), { outcome: 'ok', cost: '0.05' }, book));
    expect(first).toMatchObject({ cost: '0.05', estimated_cost: null });
    expect(changed(correct(first, { outcome: 'ok', cost: '0.06' }, book)).estimated_cost).toBeNull();
  });

  test("what is not billed costs 0 by the provider's word", () => {
    const end = { outcome: 'aborted', quantity: 0, billed: false } as const;
    expect(changed(correct(sms(), end, book))).toMatchObject({ cost: '0', cost_source: 'provider', quantity: '0' });
  });

  test("a failed message has the fee of the book, where Twilio names none, and the error's code", () => {
    const end = { outcome: 'error', errorType: '30003', sku: 'failed', unit: 'message', quantity: 1 } as const;
    const row = changed(correct(sms(), end, book));
    expect(row).toMatchObject({ cost: '0.001', cost_source: 'price_book', outcome: 'error', error_type: '30003' });
    expect(correct(row, end, book)).toEqual({ kind: 'unchanged' });
    expect(correct({ ...row, price_version: 'older' }, end, book)).toEqual({ kind: 'unchanged' });
  });
});

describe('currencies', () => {
  const end = { outcome: 'ok', cost: '0.07', costCurrency: 'EUR' } as const;

  test("the user's rate of the day of the charge", () => {
    expect(changed(correct(sms(), end, book))).toMatchObject({
      cost: '0.077',
      currency: 'USD',
      cost_source: 'provider',
      original_cost: '0.07',
      original_currency: 'EUR',
      estimated_cost: '0.0079',
    });
  });

  test('without a rate: kept in its own currency, unpriced, and settled as soon as there is one', () => {
    const late = sms({ time: '2026-07-01T00:00:00Z' });
    const row = changed(correct(late, end, book));
    expect(row).toMatchObject({ cost: null, cost_source: 'unpriced', original_cost: '0.07', original_currency: 'EUR' });
    expect(row.estimated_cost).toBe('0.0079');
    expect(correct(row, end, book)).toEqual({ kind: 'unchanged' });
    const rated = changed(correct({ ...row, time: '2026-02-01T00:00:00Z' }, end, book));
    expect(rated).toMatchObject({ version: '1001', cost: '0.077', cost_source: 'provider', estimated_cost: '0.0079' });
  });
});

test.each([
  [{ outcome: 'ok', cost: '-0.30' }, 'gives -0.30 back'],
  [{ outcome: 'ok', cost: '1000000' }, '1000000 USD is no amount'],
  [{ outcome: 'ok', cost: 'free' }, 'free USD is no amount'],
  [{ outcome: 'ok', cost: '1', quantity: '-2' }, '-2 is no quantity'],
  [{ outcome: 'ok', cost: '1', quantity: 'many' }, 'many is no quantity'],
  [{ outcome: 'ok', tokens: { input: Number.NaN, output: 1 } }, 'input'],
  [{ outcome: 'ok', tokens: { input: 1, output: 1, cacheRead: 2 } }, 'cache'],
] as const)('%o cannot be used', (end, reason) => {
  expect(correct(sms(), end, book)).toEqual({ kind: 'unusable', reason: expect.stringContaining(reason) });
});

test('token counts are replaced as a whole and priced by the book', () => {
  const row = sms({
    service: 'openai',
    operation: 'chat_completion',
    provider: 'openai',
    request_model: 'gpt-4o-mini',
    unit: 'request',
    sku: '',
    input_tokens: '90',
    output_tokens: '7',
    reasoning_tokens: '3',
    cost: '0.00002',
    cost_source: 'estimated',
    outcome: 'aborted',
  });
  const end = {
    outcome: 'aborted',
    tokens: { input: 100, output: 20 },
    responseModel: 'gpt-4o-mini-2024-07-18',
  } as const;
  expect(changed(correct(row, end, book))).toMatchObject({
    version: '1000',
    cost: '0.000027',
    cost_source: 'price_book',
    estimated_cost: '0.00002',
    input_tokens: '100',
    output_tokens: '20',
    reasoning_tokens: null,
    outcome: 'aborted',
  });
});

describe("Stripe's money", () => {
  test.each([
    [5, 'usd', '0.05'],
    [1234567, 'USD', '12345.67'],
    [-1500, 'eur', '-15'],
    [59, 'jpy', '59'],
    [1234, 'kwd', '1.234'],
    [0, 'usd', '0'],
  ])('%d %s is %s', (minor, currency, amount) => expect(fromMinorUnits(minor, currency)).toBe(amount));

  test('fees of all transactions of one thing, without what a platform takes', () => {
    const fee = (amount: number, details: object[] = []) => ({
      currency: 'usd',
      amount: -1000,
      fee: amount,
      fee_details: details,
    });
    expect(feeOf([fee(1500), fee(-500)])).toEqual({ amount: '10', currency: 'USD' });
    const application = { type: 'application_fee', amount: 123 };
    expect(feeOf([fee(443, [application, { type: 'stripe_fee', amount: 320 }])])).toEqual({
      amount: '3.2',
      currency: 'USD',
    });
    expect(amountOf([fee(0), fee(0)])).toBe('20');
  });

  test.each([
    [[]],
    [[{ currency: 'usd', fee: 1.5 }]],
    [
      [
        { currency: 'usd', fee: 1 },
        { currency: 'eur', fee: 1 },
      ],
    ],
    [[{ fee: 1 }]],
  ])('%j has no fee', (transactions) => expect(feeOf(transactions)).toBeUndefined());
});
