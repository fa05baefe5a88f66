import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPriceBook } from '@client-cost/instrumentation/ledger';
import { afterEach, describe, expect, test } from 'vitest';
import { openaiClient, stripeClient, twilioClient } from '../provider-api/index.ts';
import { type TestServer, testServer } from '../provider-api/testing/server.ts';
import { beyond, compare, type LedgerFigures, openaiBill, stripeBill, twilioBill } from './index.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
const SUB = `AC${'2'.repeat(32)}`;
const ENV = {
  TWILIO_ACCOUNT_SID: ACCOUNT,
  TWILIO_AUTH_TOKEN: 't',
  STRIPE_API_KEY: 'sk_test_1',
  OPENAI_ADMIN_KEY: 'sk-admin-1',
};
const MONTH = { from: '2026-02-01', to: '2026-02-28' };

let server: TestServer;
afterEach(() => server?.close());

async function serve(answer: Parameters<typeof testServer>[0]) {
  server = await testServer(answer);
  return { env: ENV, apiUrl: server.url, backoffMs: 1, perSecond: 1_000 };
}

describe("Twilio's categories", () => {
  const bill = async (prices: Record<string, string>, accounts?: string[]) => {
    const usage_records = Object.entries(prices).map(([category, price]) => ({ category, price, price_unit: 'usd' }));
    const settings = await serve(() => ({ body: { usage_records, next_page_uri: null } }));
    return twilioBill(twilioClient(settings), MONTH, accounts, ACCOUNT);
  };
  const figures = async (prices: Record<string, string>) =>
    (await bill(prices)).lines.map(({ service, item, amount }) => `${service} ${item} ${amount}`);

  test('overlap, and count once', async () => {
    expect(
      await figures({
        sms: '3',
        'sms-inbound': '1',
        'sms-outbound': '2',
        'sms-outbound-longcode': '2',
        'sms-messages-carrierfees': '0.5',
        mms: '0.4',
        'mms-outbound': '0.4',
        'failed-message-processing-fee': '0.003',
        calls: '10',
        'calls-inbound': '4',
        'calls-outbound': '6',
        recordings: '0.2',
        recordingstorage: '0.1',
        phonenumbers: '2.3',
        'phonenumbers-local': '2.3',
        lookups: '0.08',
        totalprice: '16.583',
      }),
    ).toEqual([
      'twilio_sms sms 3',
      'twilio_sms sms-messages-carrierfees 0.5',
      'twilio_sms mms 0.4',
      'twilio_sms failed-message-processing-fee 0.003',
      'twilio_voice calls 10',
      'twilio_voice recordings 0.2',
      'twilio_phone phonenumbers 2.3',
      'twilio_other everything else in totalprice 0.18',
    ]);
  });

  test('carrier fees within their top count once too', async () => {
    const prices = {
      sms: '3.5',
      'sms-inbound': '1',
      'sms-outbound': '2',
      'sms-messages-carrierfees': '0.5',
      totalprice: '3.5',
    };
    expect(await figures(prices)).toEqual(['twilio_sms sms 3.5']);
  });

  test('parts without their whole; a total that is too small is said', async () => {
    expect(await figures({ 'sms-inbound': '1', 'sms-outbound': '2' })).toEqual(['twilio_sms sms 3']);
    expect((await bill({ sms: '3', totalprice: '2' })).notes).toEqual([
      expect.stringContaining('1 USD more than its totalprice'),
    ]);
  });

  test('subaccounts: within the whole account, or each by itself', async () => {
    await bill({ sms: '1' });
    expect(server.asked[0]).toContain(
      `Accounts/${ACCOUNT}/Usage/Records.json?PageSize=1000&StartDate=2026-02-01&EndDate=2026-02-28&IncludeSubaccounts=true`,
    );
    await server.close();
    const { lines } = await bill({ sms: '1' }, [ACCOUNT, SUB]);
    expect(lines[0]!.amount).toBe('2');
    expect(server.asked.map((path) => path.includes('IncludeSubaccounts=false'))).toEqual([true, true]);
  });
});

test("OpenAI's costs are summed by line item without float dust", async () => {
  const result = (value: unknown, item = 'gpt-4o, input') => ({ amount: { value, currency: 'usd' }, line_item: item });
  const settings = await serve((_, nth) => ({
    body: {
      data: [{ results: [result(0.1), result(0.2), result('0.05', 'web search'), result({})] }, { results: [] }],
      has_more: nth === 1,
      next_page: 'p2',
    },
  }));
  const { lines, notes } = await openaiBill(openaiClient(settings, 'costs'), MONTH);
  expect(lines).toEqual([
    { service: 'openai', item: 'gpt-4o, input', amount: '0.6', currency: 'USD' },
    { service: 'openai', item: 'web search', amount: '0.1', currency: 'USD' },
  ]);
  expect(notes).toEqual(['2 results hold no readable amount']);
  const start = Date.parse('2026-02-01') / 1000;
  expect(server.asked[0]).toContain(`start_time=${start}&end_time=${start + 28 * 86_400}&bucket_width=1d`);
});

test("Stripe's fees by kind; its own fees are nobody's charge; a platform's share is not Stripe's", async () => {
  const data = [
    { type: 'charge', currency: 'usd', amount: 1000, fee: 59 },
    {
      type: 'charge',
      currency: 'usd',
      amount: 1000,
      fee: 159,
      fee_details: [{ type: 'application_fee', amount: 100 }],
    },
    { type: 'adjustment', currency: 'usd', amount: -1000, fee: 1500 },
    { type: 'refund', currency: 'usd', amount: -1000, fee: 0 },
    { type: 'payout', currency: 'usd', amount: -5000, fee: 0 },
    { type: 'stripe_fee', currency: 'usd', amount: -200, fee: 0 },
    { type: 'charge', currency: 'jpy', amount: 1000, fee: 36 },
    { type: 'charge', currency: 'usd', amount: 1000, fee: null },
  ];
  const settings = await serve(() => ({ body: { data, has_more: false } }));
  const { lines, notes } = await stripeBill(stripeClient(settings), MONTH);
  expect(lines.map(({ service, item, amount, currency }) => `${service} ${item} ${amount} ${currency}`)).toEqual([
    'stripe charge 1.18 USD',
    'stripe adjustment 15 USD',
    'stripe_other stripe_fee 2 USD',
    'stripe charge 36 JPY',
  ]);
  expect(notes).toEqual(['1 balance transactions have no readable fee']);
});

describe('the comparison', () => {
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-reconcile-'));
  const file = join(dir, 'prices.json');
  writeFileSync(
    file,
    JSON.stringify({ prices: [], exchange_rates: [{ currency: 'EUR', usd: '1.1', from: '2026-01-01' }] }),
  );
  const book = loadPriceBook({ userFile: file });
  rmSync(dir, { recursive: true });
  const row = (over: Partial<LedgerFigures> = {}): LedgerFigures => ({
    service: 'stripe',
    charges: 10,
    cost: '9',
    unpriced: 0,
    unsettled: 0,
    unattributed: 0,
    estimated: 0,
    ...over,
  });
  const one = (ledger: LedgerFigures[], amount: string, currency = 'USD') =>
    compare({
      services: ['stripe'],
      ledger,
      bill: { lines: amount === '' ? [] : [{ service: 'stripe', item: 'charge', amount, currency }], notes: [] },
      book,
      at: new Date('2026-02-28'),
    })[0]!;

  test('residual of what is billed', () => {
    expect(one([row()], '10')).toMatchObject({ billed: '10', residual: '1', residualPercent: 10 });
    expect(one([row({ cost: '12.5' })], '10')).toMatchObject({ residual: '-2.5', residualPercent: -25 });
    expect(one([row({ cost: '0' })], '')).toMatchObject({ billed: '0', residual: '0', residualPercent: null });
    expect(one([], '10')).toMatchObject({ charges: 0, residual: '10', residualPercent: 100 });
  });

  test.each([
    [row({ unpriced: 2 }), '10', '2 charges have no price'],
    [row({ unsettled: 3 }), '10', '3 charges are not settled: "client-cost settle stripe"'],
    [row({ unattributed: 4 }), '9', '4 charges name no client'],
    [row({ estimated: 5 }), '10', '5 charges are of estimated usage'],
    [row(), '10', 'calls of services that are not measured'],
    [row({ charges: 0, cost: '0' }), '10', '--require @client-cost/instrumentation/register'],
    [row({ cost: '12' }), '10', 'more is recorded than billed'],
  ])('%j of %s: %s', (ledger, billed, hint) => {
    expect(one([ledger], billed).hints.join('\n')).toContain(hint);
  });

  test('nothing to explain, nothing said', () => expect(one([row({ unsettled: 3 })], '9').hints).toEqual([]));

  test('other currencies: converted, or left out and said', () => {
    expect(one([row({ cost: '11' })], '10', 'EUR')).toMatchObject({ billed: '11', residual: '0' });
    expect(one([row()], '10', 'JPY')).toMatchObject({
      billed: '0',
      hints: [expect.stringContaining('10 JPY are not compared'), expect.anything()],
    });
  });

  test('beyond a limit', () => {
    expect([1, 9.9, 10, 11].map((limit) => beyond(one([row()], '10'), limit))).toEqual([true, true, false, false]);
    expect(beyond(one([row()], ''), 1_000)).toBe(true);
    expect(beyond(one([row({ cost: '0' })], ''), 0)).toBe(false);
  });
});
