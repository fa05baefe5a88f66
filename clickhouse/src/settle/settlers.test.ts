import { afterEach, describe, expect, test } from 'vitest';
import { type LedgerRow, newCharge } from '../corrections/index.ts';
import { openaiClient, stripeClient, twilioClient } from '../provider-api/index.ts';
import { type Answer as HttpAnswer, type TestServer, testServer } from '../provider-api/testing/server.ts';
import { openaiSettler, stripeSettler, twilioSettler } from './index.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
const SUB = `AC${'2'.repeat(32)}`;
const ENV = {
  TWILIO_ACCOUNT_SID: ACCOUNT,
  TWILIO_AUTH_TOKEN: 't',
  STRIPE_API_KEY: 'sk_test_1',
  OPENAI_API_KEY: 'sk-1',
};

let server: TestServer;
afterEach(() => server?.close());

async function serve(answer: (url: URL) => HttpAnswer) {
  server = await testServer(answer);
  return { env: ENV, apiUrl: server.url, backoffMs: 1, perSecond: 10_000 };
}

const sid = (prefix: string, n: number): string => prefix + String(n).padStart(32, '0');
let counter = 0;
const row = (external_id: string, over: Partial<LedgerRow> = {}): LedgerRow =>
  newCharge({
    usage_id: `019a0000-0000-7000-8000-${String(++counter).padStart(12, '0')}`,
    time: '2026-02-03T04:05:06.000000000Z',
    service: 'twilio_sms',
    operation: 'send_sms',
    unit: 'segment',
    sku: 'us_ca',
    external_id,
    ...over,
  });

const message = (n: number, over: object = {}) => ({
  sid: sid('SM', n),
  status: 'delivered',
  price: '-0.00830',
  price_unit: 'USD',
  num_segments: '1',
  num_media: '0',
  error_code: null,
  ...over,
});

describe('Twilio', () => {
  const settler = (settings: Awaited<ReturnType<typeof serve>>, accounts = [ACCOUNT]) =>
    twilioSettler(twilioClient(settings), accounts);

  test('what can be asked for', async () => {
    const { canAsk } = settler(await serve(() => ({})));
    expect([sid('SM', 1), sid('MM', 1), sid('CA', 1), sid('RE', 1)].map((id) => canAsk(row(id)))).not.toContain(false);
    expect([sid('PN', 1), '', 'SM1', `SM${'/'.repeat(32)}`].map((id) => canAsk(row(id)))).not.toContain(true);
  });

  // What Twilio says of one message, and what that makes of the charge.
  test.each([
    ['priced', message(1), { cost: '0.00830', costCurrency: 'USD', quantity: 1, outcome: 'ok' }],
    [
      'more segments than estimated',
      message(1, { num_segments: '3', price: '-0.02490' }),
      { cost: '0.02490', quantity: 3 },
    ],
    [
      'undelivered is billed',
      message(1, { status: 'undelivered', error_code: 30005 }),
      { cost: '0.00830', outcome: 'ok' },
    ],
    [
      'failed, with a fee',
      message(1, { status: 'failed', price: null, error_code: 30003 }),
      { outcome: 'error', sku: 'failed', errorType: '30003' },
    ],
    [
      'failed by Twilio itself',
      message(1, { status: 'failed', price: null, error_code: 30500 }),
      { outcome: 'error', billed: false },
    ],
    [
      'canceled',
      message(1, { status: 'canceled', price: null, num_segments: '0' }),
      { outcome: 'aborted', billed: false, quantity: 0 },
    ],
    ['delivered, no price yet', message(1, { price: null }), undefined],
    ['still queued', message(1, { status: 'queued', price: null, num_segments: '0' }), undefined],
    ['a status nobody knows', message(1, { status: 'levitating', price: null }), undefined],
  ])('a message: %s', async (_, said, end) => {
    const charge = row(sid('SM', 1));
    const answers = await settler(await serve(() => ({ body: said }))).ask([charge]);
    const expected = end === undefined ? { kind: 'open' } : { kind: 'final', end: expect.objectContaining(end) };
    expect(answers.get(charge.usage_id)).toEqual(expected);
  });

  const voice = { service: 'twilio_voice', operation: 'outbound_call', unit: 'minute' };
  test.each([
    [
      '61 seconds are 2 minutes',
      { status: 'completed', duration: '61', price: '-0.02800' },
      { cost: '0.02800', quantity: 2 },
    ],
    ['60 are 1', { status: 'completed', duration: '60', price: '-0.01400' }, { quantity: 1 }],
    ['0 are 0', { status: 'completed', duration: '0', price: '-0.00000' }, { quantity: 0, cost: '0.00000' }],
    ['nobody answered', { status: 'no-answer', duration: '0', price: null }, { billed: false, quantity: 0 }],
    ['completed, no price yet', { status: 'completed', duration: '61', price: null }, undefined],
    ['in progress', { status: 'in-progress', duration: null, price: null }, undefined],
  ])('a call: %s', async (_, said, end) => {
    const charge = row(sid('CA', 1), voice);
    const body = { sid: sid('CA', 1), price_unit: 'USD', ...said };
    const answers = await settler(await serve(() => ({ body }))).ask([charge]);
    const expected = end === undefined ? { kind: 'open' } : { kind: 'final', end: expect.objectContaining(end) };
    expect(answers.get(charge.usage_id)).toEqual(expected);
    expect(server.asked).toEqual([`/2010-04-01/Accounts/${ACCOUNT}/Calls/${sid('CA', 1)}.json`]);
  });

  test('many: lists of the time around, the rest one by one', async () => {
    const settings = await serve(({ pathname, searchParams }) => {
      if (pathname.endsWith('/Messages.json')) {
        const first = searchParams.get('Page') === null;
        const messages = Array.from({ length: 20 }, (_, n) => message(first ? n : n + 20));
        return { body: { messages, next_page_uri: first ? `${pathname}?Page=1` : null } };
      }
      return pathname.includes(sid('SM', 40)) ? { body: message(40) } : { status: 404 };
    });
    const rows = Array.from({ length: 42 }, (_, n) => row(sid('SM', n)));
    const answers = await settler(settings).ask(rows);
    expect(rows.map(({ usage_id: id }) => answers.get(id)!.kind)).toEqual([...Array(41).fill('final'), 'missing']);
    expect(server.asked).toHaveLength(4);
    expect(server.asked[0]).toContain('DateSent>=2026-02-03T03:55:06Z&DateSent<=2026-02-03T05:05:06Z');
  });

  test('lists of an account with much other traffic are not read to their end', async () => {
    const settings = await serve(({ pathname }) =>
      pathname.endsWith('/Messages.json')
        ? { body: { messages: [], next_page_uri: `${pathname}?${server.asked.length}` } }
        : { body: message(1) },
    );
    const rows = Array.from({ length: 20 }, (_, n) => row(sid('SM', n)));
    await settler(settings).ask(rows);
    expect(server.asked).toHaveLength(40);
  });

  test('subaccounts are asked one after the other for what is still missing', async () => {
    const settings = await serve(({ pathname }) =>
      pathname.includes(SUB) === pathname.includes(sid('SM', 2)) ? { body: message(0) } : { status: 404 },
    );
    const rows = [row(sid('SM', 1)), row(sid('SM', 2))];
    const answers = await settler(settings, [ACCOUNT, SUB]).ask(rows);
    expect([...answers.values()].map(({ kind }) => kind)).toEqual(['final', 'final']);
    expect(server.asked).toHaveLength(3);
  });
});

test('Twilio: all subaccounts, lists before single requests', async () => {
  const settings = await serve(({ pathname }) => {
    if (pathname.endsWith('/Accounts.json')) {
      return { body: { accounts: [{ sid: ACCOUNT }, { sid: SUB }, { sid: '../x' }], next_page_uri: null } };
    }
    const own = pathname.includes(SUB) ? 10 : 0;
    const messages = Array.from({ length: 10 }, (_, n) => message(own + n));
    if (pathname.endsWith('/Messages.json')) return { body: { messages, next_page_uri: null } };
    return pathname.includes(SUB) && pathname.includes(sid('SM', 20)) ? { body: message(20) } : { status: 404 };
  });
  const rows = Array.from({ length: 21 }, (_, n) => row(sid('SM', n)));
  const all = twilioSettler(twilioClient(settings), 'all');
  expect([...(await all.ask(rows)).values()].map(({ kind }) => kind)).toEqual(Array(21).fill('final'));
  // The accounts, a list of each, the one that is in no list.
  expect(server.asked).toHaveLength(5);
  await all.ask([row(sid('SM', 20))]);
  expect(server.asked.filter((path) => path.includes('/Accounts.json'))).toHaveLength(1);
});

describe('Stripe', () => {
  const charge = (id: string, over: Partial<LedgerRow> = {}) =>
    row(id, { service: 'stripe', operation: 'charge', unit: 'usd', quantity: '10', sku: '', ...over });
  const moved = { currency: 'usd', amount: 2000, fee: 88, fee_details: [{ type: 'stripe_fee', amount: 88 }] };

  test.each([
    ['ch_1', { balance_transaction: moved }, { cost: '0.88', costCurrency: 'USD', quantity: '20' }],
    ['py_1', { balance_transaction: { ...moved, currency: 'eur' } }, { cost: '0.88', costCurrency: 'EUR' }],
    ['pi_1', { latest_charge: { balance_transaction: moved } }, { cost: '0.88', quantity: '20' }],
    [
      're_1',
      { balance_transaction: { ...moved, amount: -500, fee: 0, fee_details: [] } },
      { cost: '0', quantity: '5' },
    ],
    ['dp_1', { status: 'lost', balance_transactions: [{ ...moved, fee: 1500 }] }, { cost: '15' }],
    ['dp_1', { status: 'under_review', balance_transactions: [{ ...moved, fee: 1500 }] }, undefined],
    ['du_1', { status: 'warning_closed', balance_transactions: [] }, { billed: false }],
    ['ch_1', { status: 'failed', balance_transaction: null }, { billed: false, outcome: 'error' }],
    ['pi_1', { status: 'canceled', latest_charge: null }, { billed: false, outcome: 'aborted' }],
    ['ch_1', { status: 'succeeded', captured: false, balance_transaction: null }, undefined],
    ['pi_1', { status: 'requires_capture', latest_charge: { balance_transaction: null } }, undefined],
    ['dp_1', { status: 'warning_needs_response', balance_transactions: [] }, undefined],
    ['ch_1', { balance_transaction: { ...moved, fee: 'much' } }, undefined],
  ])('%s %j', async (id, body, end) => {
    const one = charge(id);
    const answers = await stripeSettler(stripeClient(await serve(() => ({ body })))).ask([one]);
    const expected = end === undefined ? { kind: 'open' } : { kind: 'final', end: expect.objectContaining(end) };
    expect(answers.get(one.usage_id)).toEqual(expected);
  });

  test('many: balance transactions of the time around, by charge and by payment intent; disputes always one by one', async () => {
    const settings = await serve(({ pathname }) => {
      if (pathname === '/v1/balance_transactions') {
        const data = Array.from({ length: 10 }, (_, n) => [
          { id: `txn_a${n}`, type: 'charge', ...moved, source: { id: `ch_${n}`, payment_intent: null } },
          { id: `txn_b${n}`, type: 'charge', ...moved, source: { id: `ch_x${n}`, payment_intent: `pi_${n}` } },
          {
            id: `txn_c${n}`,
            type: 'refund',
            ...moved,
            fee: 0,
            fee_details: [],
            source: { id: `re_${n}`, payment_intent: `pi_${n}` },
          },
        ]).flat();
        return { body: { data, has_more: false } };
      }
      return { body: { status: 'lost', balance_transactions: [{ ...moved, fee: 1500 }] } };
    });
    const rows = [...Array(10).keys()].flatMap((n) => [charge(`ch_${n}`), charge(`pi_${n}`)]).concat(charge('dp_1'));
    const answers = await stripeSettler(stripeClient(settings)).ask(rows);
    const costs = rows
      .map(({ usage_id: id }) => answers.get(id))
      .map((one) => (one?.kind === 'final' ? one.end.cost : one?.kind));
    expect(costs).toEqual([...Array(20).fill('0.88'), '15']);
    expect(server.asked).toHaveLength(2);
    expect(server.asked[0]).toContain(
      `created[gte]=${Date.parse('2026-02-03T03:55:06Z') / 1000}&created[lt]=${Date.parse('2026-02-03T05:05:06Z') / 1000}`,
    );
  });
});

describe('OpenAI', () => {
  const call = (id: string, over: Partial<LedgerRow> = {}) =>
    row(id, { service: 'openai', operation: 'response', unit: 'request', outcome: 'aborted', ...over });
  const usage = { input_tokens: 100, output_tokens: 20, input_tokens_details: { cached_tokens: 40 } };

  test.each([
    [
      'resp_1',
      { status: 'completed', model: 'm', usage },
      { tokens: expect.objectContaining({ input: 100, output: 20, cacheRead: 40 }), outcome: 'aborted' },
    ],
    [
      'chatcmpl-1',
      { usage: { prompt_tokens: 1, completion_tokens: 2 }, service_tier: 'default' },
      { tokens: expect.objectContaining({ input: 1, output: 2 }) },
    ],
    ['resp_1', { status: 'in_progress', usage: null }, undefined],
    ['resp_1', { status: 'cancelled', usage: null }, undefined],
  ])('%s %j', async (id, body, end) => {
    const one = call(id);
    const answers = await openaiSettler(openaiClient(await serve(() => ({ body })), 'calls')).ask([one]);
    const expected = end === undefined ? { kind: 'open' } : { kind: 'final', end: expect.objectContaining(end) };
    expect(answers.get(one.usage_id)).toEqual(expected);
    expect(server.asked).toEqual([id === 'resp_1' ? '/v1/responses/resp_1' : '/v1/chat/completions/chatcmpl-1']);
  });

  test('what is not stored is missing; what has no such id is not asked for', async () => {
    const settler = openaiSettler(openaiClient(await serve(() => ({ status: 404 })), 'calls'));
    const one = call('resp_1');
    expect((await settler.ask([one])).get(one.usage_id)).toEqual({ kind: 'missing' });
    expect([call(''), call('resp_../../x'), call('gen-1')].map(settler.canAsk)).toEqual([false, false, false]);
  });
});
