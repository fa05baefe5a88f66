import fc from 'fast-check';
import { chargeOf, legacyStatus } from '../../../../instrumentation/dist/google-places/usage.js';
import { Answer } from '../../../../instrumentation/dist/http/answer.js';
import { BodyTap } from '../../../../instrumentation/dist/http/body.js';
import { parseProviders } from '../../../../instrumentation/dist/http/declarative/file.js';
import { ProviderRule } from '../../../../instrumentation/dist/http/declarative/rule.js';
import { SeenRequest } from '../../../../instrumentation/dist/http/request.js';
import { endOf } from '../../../../instrumentation/dist/stripe/end.js';
import { factsOf } from '../../../../instrumentation/dist/stripe/facts.js';
import { callEnd, messageCreated, messageEnd, recordingEnd } from '../../../../instrumentation/dist/twilio/usage.js';
import type { CallEnd } from '../../../../instrumentation/dist/types.js';
import type { Fault } from '../../support/fault.ts';
import { AT, json, judged } from '../../support/fuzz-answers.ts';
import { drive, outcomeOf, target } from '../../support/fuzz-drive.ts';
import { damaged, damagedBytes, hostileObject, jsonText, leaves } from '../../support/fuzz-json.ts';

const MONEY = {
  id: 'txn_1',
  object: 'balance_transaction',
  amount: 2000,
  currency: 'usd',
  fee: 88,
  fee_details: [{ type: 'stripe_fee', amount: 88, currency: 'usd' }],
};
const CHARGE = {
  id: 'ch_1',
  object: 'charge',
  amount: 2000,
  amount_captured: 2000,
  captured: true,
  status: 'succeeded',
  currency: 'usd',
  created: 1763900000,
  livemode: true,
  payment_intent: 'pi_1',
  balance_transaction: MONEY,
  metadata: { client_id: 'a' },
};
const STRIPE = [
  CHARGE,
  {
    id: 'pi_1',
    object: 'payment_intent',
    status: 'succeeded',
    amount_received: 2000,
    currency: 'eur',
    created: 1763900000,
    latest_charge: CHARGE,
    livemode: true,
  },
  {
    id: 're_1',
    object: 'refund',
    amount: 500,
    currency: 'usd',
    status: 'succeeded',
    charge: 'ch_1',
    created: 1763900000,
    balance_transaction: MONEY,
  },
  {
    id: 'du_1',
    object: 'dispute',
    amount: 500,
    currency: 'usd',
    status: 'lost',
    charge: 'ch_1',
    created: 1763900000,
    balance_transactions: [MONEY],
  },
  {
    id: 'in_1',
    object: 'invoice',
    status: 'paid',
    amount_paid: 900,
    currency: 'usd',
    charge: CHARGE,
    payments: { data: [{ status: 'paid', payment: { payment_intent: 'pi_1' } }] },
  },
];
const stripe = target({
  name: "Stripe's objects",
  share: 4,
  inputs: fc
    .oneof(
      { weight: 4, arbitrary: damaged(STRIPE) },
      hostileObject([
        'object',
        'id',
        'status',
        'amount',
        'currency',
        'fee',
        'balance_transaction',
        'charge',
        'created',
        'metadata',
      ]),
    )
    .map(json),
  check(object) {
    for (const fact of factsOf(object)) {
      const bad = judged('stripe', fact.operation, endOf(fact, AT));
      if (bad !== undefined) return bad;
    }
    return undefined;
  },
});

const anything = fc.oneof(
  { weight: 3, arbitrary: leaves },
  fc.constantFrom<unknown>(
    'delivered',
    'sent',
    'failed',
    'completed',
    'canceled',
    'DELIVERED ',
    '30003',
    '-0.00750',
    '60',
    '0',
    '-1',
    undefined,
  ),
);
const twilio = target({
  name: "Twilio's reports",
  share: 4,
  inputs: fc.record({
    status: anything,
    price: anything,
    priceUnit: anything,
    numSegments: anything,
    numMedia: anything,
    errorCode: anything,
    seconds: anything,
    body: anything,
  }),
  check({ body, ...report }) {
    const about = { sku: 'outbound', body };
    const ends: [string, string, CallEnd | undefined][] = [
      ['twilio_sms', 'send_sms', messageCreated(report, about)],
      ['twilio_sms', 'send_sms', messageEnd(report, about)],
      ['twilio_voice', 'outbound_call', callEnd(report, {})],
      ['twilio_voice', 'recording', recordingEnd(report)],
    ];
    for (const [service, operation, end] of ends) {
      const bad = end && judged(service, operation, end);
      if (bad !== undefined) return bad;
    }
    return undefined;
  },
});

const places = target({
  name: "Google's statuses",
  inputs: fc.tuple(
    fc.oneof(damagedBytes(['{"results":[],"status":"OK"}', '<status>OK</status>']).map(String), fc.string()),
    fc.option(fc.integer({ min: -1, max: 999 }), { nil: undefined }),
    fc.boolean(),
  ),
  check([text, status, legacy]) {
    const call = { operation: 'text_search', legacy, sku: 'text_search_pro' } as Parameters<typeof chargeOf>[0];
    return judged(
      'google_places',
      'text_search',
      chargeOf(call, { outcome: 'ok', status, apiStatus: legacyStatus(text) }),
    );
  },
});

const RULES = parseProviders({
  providers: [
    {
      service: 'ocr',
      hosts: ['api.example.com'],
      operations: [
        {
          operation: 'ocr',
          path: '/v1/:what',
          unit: 'page',
          body: { '$.mode': ['a', 1, true] },
          quantity: { from: 'response.json', path: '$.usage.pages', default: 1, divide_by: '3', round: 'up' },
          cost: {
            amount: { from: 'response.json', path: '$.cost[*]' },
            currency: { from: 'response.json', path: '$.currency', default: 'USD' },
          },
          sku: { from: 'response.json', path: '$.sku' },
          external_id: { from: 'response.header', name: 'x-id' },
          failed: { from: 'response.json', path: '$.status', unless: ['ok'] },
        },
        { operation: 'all', path: '/*', quantity: { from: 'response.json', path: '$.usage.pages' } },
      ],
    },
  ],
}).providers;
const bodies = fc.oneof(
  damaged([{ usage: { pages: 3 }, cost: ['0.5'], currency: 'USD', sku: 'x', status: 'ok' }]).map(jsonText),
  hostileObject(['usage', 'pages', 'cost', 'currency', 'sku', 'status']).map(jsonText),
  damagedBytes(['{"usage":{"pages":3}}']).map(String),
);
const rules = target({
  name: 'HTTP rules',
  share: 5,
  inputs: fc.tuple(
    bodies,
    fc.oneof(damaged([{ mode: 'a' }]), hostileObject(['mode'])).map(jsonText),
    fc.constantFrom(200, 204, 302, 404, 500, undefined),
    fc.oneof(leaves.map(String), fc.constantFrom('/v1/ocr', '/v1/%zz', '/../x')),
  ),
  check([body, sent, status, path]) {
    const request = new SeenRequest(
      { protocol: 'https:', host: 'api.example.com', port: 443 },
      'POST',
      path.startsWith('/') ? path : '/v1/ocr',
      () => undefined,
    );
    const rule = new ProviderRule(RULES[0]!);
    const match = rule.matches(request);
    if (match === undefined) return 'does not match';
    const begun = rule.begin(match);
    const tap = new BodyTap();
    const requestTap = new BodyTap();
    tap.push(body);
    requestTap.push(sent);
    const answer = new Answer({
      status,
      header: () => undefined,
      error: undefined,
      whole: true,
      wanted: begun.wantsBody === true,
      tap,
      requestTap,
    });
    const end = rule.end(match, answer);
    return end && judged('ocr', 'ocr', end);
  },
});

const fault: Fault = {
  id: 'fuzz-reports',
  hop: 'fuzz',
  fault:
    "Stripe's objects, Twilio's reports, Google's statuses and any API by a providers file, damaged and hostile, read as usage: exact, or unpriced with a reason",
  promises: ['host-unharmed'],
  times: { short: 1500, long: 40_000 },
  timeoutSeconds: 300,
  async run(run) {
    return outcomeOf(await drive(run, [stripe, twilio, places, rules]));
  },
};

export default fault;
