import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createOpenAIAdminStandIn } from '../../../examples/src/stand-ins/openai-admin/index.ts';
import { createStripeStandIn } from '../../../examples/src/stand-ins/stripe/index.ts';
import { createTwilioStandIn } from '../../../examples/src/stand-ins/twilio/index.ts';
import { type LedgerRow, newCharge, writeCharges } from '../corrections/index.ts';
import { rows, uuidv7 } from '../queries/testing/ledger.ts';
import { Bench } from '../settle/testing/bench.ts';

const DAY = new Date().toISOString().slice(0, 10);
const MONTH = DAY.slice(0, 7);
const bench = new Bench('reconcile');
const close: (() => Promise<void>)[] = [];

beforeAll(() => bench.start());
afterAll(() => bench.stop());
beforeEach(() => bench.fresh());
afterEach(async () => {
  for (const end of close.splice(0)) await end();
});

const opened = async <T extends { close(): Promise<void> }>(made: Promise<T>): Promise<T> => {
  const standIn = await made;
  close.push(() => standIn.close());
  return standIn;
};

const charge = (over: Partial<LedgerRow> & Pick<LedgerRow, 'service' | 'operation' | 'external_id'>): LedgerRow =>
  newCharge({
    usage_id: uuidv7(),
    time: new Date().toISOString(),
    client_id: 'acme',
    cost_source: 'price_book',
    ...over,
  });

test('Twilio, from the call to a residual of nothing', async () => {
  const api = await opened(createTwilioStandIn({ stepMs: Number.POSITIVE_INFINITY, call: () => ({ duration: 61 }) }));
  const auth = { authorization: `Basic ${btoa(`${api.accountSid}:${api.authToken}`)}` };
  const post = async (path: string, form: Record<string, string>): Promise<string> => {
    const url = `${api.url}/2010-04-01/Accounts/${api.accountSid}/${path}.json`;
    const response = await fetch(url, { method: 'POST', headers: auth, body: new URLSearchParams(form) });
    return ((await response.json()) as { sid: string }).sid;
  };
  const [From, To] = ['+12025550100', '+12025550101'];
  const made: LedgerRow[] = [];
  for (let n = 0; n < 25; n++) {
    const sid = await post('Messages', { From, To, Body: n === 0 ? 'long '.repeat(60) : 'hello' });
    made.push(
      charge({
        service: 'twilio_sms',
        operation: 'send_sms',
        external_id: sid,
        unit: 'segment',
        sku: 'us_ca',
        cost: '0.0083',
      }),
    );
  }
  const call = await post('Calls', { From, To, Url: 'http://127.0.0.1:9/twiml' });
  made.push(
    charge({
      service: 'twilio_voice',
      operation: 'outbound_call',
      external_id: call,
      unit: 'minute',
      sku: 'us_ca',
      cost_source: 'unpriced',
    }),
  );
  await writeCharges(bench.client, made);
  const api_url = ['--api-url', api.url, '--rate', '1000'];
  const settle = () => bench.run(['settle', 'twilio', '--since', DAY, ...api_url]);

  expect((await settle()).out).toMatch(/^twilio_sms +25 +0 +0 +0 +25 +0 +0 /m);
  await api.advance();
  expect((await settle()).out).toMatch(/^twilio_sms +25 +0 +25 +0 +0 +0 +0 /m);
  const { out, code } = await bench.run(['reconcile', 'twilio', '--month', MONTH, '--fail-over', '0', ...api_url]);
  expect({ code, out }).toEqual({
    code: 0,
    out: expect.stringMatching(/^twilio_sms +25 +(\$\S+) +\1 +\$0\.00 +0\.0$/m),
  });
  expect(out).toMatch(/^twilio_voice +1 +(\$\S+) +\1 +\$0\.00 +0\.0$/m);
  expect(out).toMatch(/is not over/);
  const [first] = await rows<{ quantity: string }>(
    bench.client,
    `SELECT toString(quantity) AS quantity FROM usage_events FINAL WHERE external_id = '${made[0]!.external_id}'`,
  );
  expect(first).toEqual({ quantity: '2' });

  await post('Messages', { From, To, Body: 'by somebody who is not measured' });
  await api.advance();
  const more = await bench.run(['reconcile', 'twilio', '--month', MONTH, '--fail-over', '1', ...api_url]);
  expect(more).toMatchObject({ code: 1, err: expect.stringContaining('residual beyond 1 %: twilio_sms') });
  expect(more.out).toContain('calls of services that are not measured');
  const json = JSON.parse(
    (await bench.run(['reconcile', 'twilio', '--month', MONTH, '--format', 'json', ...api_url])).out,
  );
  expect(json.providers[0].comparisons[0]).toMatchObject({ service: 'twilio_sms', charges: 25, unsettled: 0 });
});

test('all providers whose credentials are set, each at its own address', async () => {
  const twilio = await opened(createTwilioStandIn());
  const stripe = await opened(createStripeStandIn());
  const openai = await opened(
    createOpenAIAdminStandIn({ costs: [{ day: DAY, lineItem: 'gpt-4o, input', value: 0.25 }] }),
  );
  const response = await fetch(`${stripe.url}/v1/charges`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_x' },
    body: new URLSearchParams({ amount: '1000', currency: 'usd', source: 'tok_visa' }),
  });
  const { id } = (await response.json()) as { id: string };
  await writeCharges(bench.client, [
    charge({
      service: 'stripe',
      operation: 'charge',
      external_id: id,
      unit: 'usd',
      quantity: '10',
      cost: '0.59',
      cost_source: 'provider',
    }),
    charge({ service: 'openai', operation: 'response', external_id: 'resp_1', cost: '0.2', client_id: 'unattributed' }),
  ]);
  const env = {
    CLIENT_COST_TWILIO_API_URL: twilio.url,
    CLIENT_COST_STRIPE_API_URL: stripe.url,
    CLIENT_COST_OPENAI_API_URL: `${openai.url}/v1`,
  };
  const { out, code } = await bench.run(['reconcile', '--month', MONTH], env);
  expect(code).toBe(0);
  expect(out).toMatch(/^stripe +1 +\$0\.59 +\$0\.59 +\$0\.00 +0\.0$/m);
  expect(out).toMatch(/^openai +1 +\$0\.20 +\$0\.25 +\$0\.05 +20\.0$/m);
  expect(out).toMatch(/^twilio_sms +0 +\$0\.00 +\$0\.00 +\$0\.00 +–$/m);
  expect(out).toContain('openai: 1 charges name no client');
  expect(
    await bench.run(['reconcile', 'openai', '--month', MONTH], { ...env, OPENAI_ADMIN_KEY: 'sk-ordinary' }),
  ).toMatchObject({
    code: 1,
    err: expect.stringContaining('OpenAI does not allow this (403: You have insufficient permissions'),
  });
});

test('OpenAI: usage that was estimated is read where the answer is stored', async () => {
  const api = await opened(createOpenAIAdminStandIn());
  api.stored.set('resp_1', {
    id: 'resp_1',
    status: 'completed',
    model: 'gpt-4o-mini-2024-07-18',
    usage: { input_tokens: 100, output_tokens: 20, input_tokens_details: { cached_tokens: 0 } },
  });
  const call = (external_id: string) =>
    charge({
      service: 'openai',
      operation: 'response',
      provider: 'openai',
      external_id,
      request_model: 'gpt-4o-mini',
      input_tokens: '90',
      output_tokens: '15',
      cost: '0.0000225',
      cost_source: 'estimated',
      outcome: 'aborted',
    });
  await writeCharges(bench.client, [call('resp_1'), call('resp_2'), call('')]);
  const settle = () => bench.run(['settle', 'openai', '--since', DAY, '--api-url', api.url]);
  expect((await settle()).out).toMatch(/^openai +3 +0 +1 +0 +0 +1 +1 /m);
  const ledger = () =>
    rows(
      bench.client,
      'SELECT external_id, version, cost, estimated_cost, cost_source, output_tokens, outcome FROM usage_events FINAL ORDER BY external_id',
    );
  expect(await ledger()).toEqual([
    expect.objectContaining({ external_id: '', cost: '0.0000225', cost_source: 'estimated' }),
    {
      external_id: 'resp_1',
      version: '1000',
      cost: '0.000027',
      estimated_cost: '0.0000225',
      cost_source: 'price_book',
      output_tokens: '20',
      outcome: 'aborted',
    },
    expect.objectContaining({ external_id: 'resp_2', version: '1', cost_source: 'estimated' }),
  ]);
  const once = await ledger();
  await settle();
  expect(await ledger()).toEqual(once);
});
