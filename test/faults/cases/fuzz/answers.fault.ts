import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { context, INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import fc from 'fast-check';
import { chargeOf, legacyStatus } from '../../../../instrumentation/dist/google-places/usage.js';
import { Answer } from '../../../../instrumentation/dist/http/answer.js';
import { BodyTap } from '../../../../instrumentation/dist/http/body.js';
import { parseProviders } from '../../../../instrumentation/dist/http/declarative/file.js';
import { ProviderRule } from '../../../../instrumentation/dist/http/declarative/rule.js';
import { SeenRequest } from '../../../../instrumentation/dist/http/request.js';
import { StreamObserver } from '../../../../instrumentation/dist/openai/chunks.js';
import { OpenAIInstrumentation } from '../../../../instrumentation/dist/openai/index.js';
import { SseTap } from '../../../../instrumentation/dist/openai/sse.js';
import { outputTextOf, reportedBy } from '../../../../instrumentation/dist/openai/usage.js';
import { loadPriceBook } from '../../../../instrumentation/dist/prices/index.js';
import { absurdity, costOf } from '../../../../instrumentation/dist/recorder/cost.js';
import { setRecorder } from '../../../../instrumentation/dist/recorder/index.js';
import { endOf } from '../../../../instrumentation/dist/stripe/end.js';
import { factsOf } from '../../../../instrumentation/dist/stripe/facts.js';
import { callEnd, messageCreated, messageEnd, recordingEnd } from '../../../../instrumentation/dist/twilio/usage.js';
import { fromParsedBody, parseForm, parseJson } from '../../../../instrumentation/dist/twilio/webhook/params.js';
import { recordWebhook } from '../../../../instrumentation/dist/twilio/webhook/record.js';
import type { BillableCall, CallEnd, CallStart, Recorder } from '../../../../instrumentation/dist/types.js';
import type { Fault } from '../../support/fault.ts';
import { equal, fraction, plus, readDecimal, rounded, times } from '../../support/fuzz-decimals.ts';
import { type AnyTarget, drive, outcomeOf, target } from '../../support/fuzz-drive.ts';
import { damaged, damagedBytes, hostileObject, jsonText, leaves } from '../../support/fuzz-json.ts';

const book = loadPriceBook({ userFile: '', providersFile: '' });
const AT = new Date('2026-11-23T10:00:00Z');
const json = (value: unknown): unknown => JSON.parse(jsonText(value));

/** What is recorded of an end has an exact, possible amount or none and a reason. */
function judged(service: string, operation: string, end: CallEnd): string | undefined {
  const quantity = String(end.quantity ?? 1);
  const counts = /^\d{1,15}(\.\d{1,12})?$/.test(quantity) ? quantity : undefined;
  const cost = costOf(
    { service, operation, quantity: counts, unit: end.unit ?? 'request', at: AT },
    end,
    absurdity(end),
    () => book,
  );
  if (cost.amount === undefined) return cost.reason ? undefined : 'unpriced without a reason';
  if (!/^\d{1,6}(\.\d{1,12})?$/.test(cost.amount)) return `costs ${cost.amount}`;
  return undefined;
}

const CHAT = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o-mini',
  service_tier: 'default',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello', refusal: null }, finish_reason: 'stop' }],
  usage: {
    prompt_tokens: 120,
    completion_tokens: 30,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 20, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  },
};
const WORDS = [
  'usage',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'input_tokens',
  'output_tokens',
  'prompt_tokens_details',
  'cached_tokens',
  'completion_tokens_details',
  'reasoning_tokens',
  'audio_tokens',
  'choices',
  'message',
  'content',
  'model',
  'id',
  'x_groq',
  'output',
  'status',
  'error',
  'incomplete_details',
];
const chats = fc.oneof(
  damaged([CHAT]),
  hostileObject(WORDS),
  fc.record({ model: fc.constant('gpt-4o-mini'), usage: hostileObject(WORDS.slice(1, 11), 1) }),
);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const openaiUsage = target({
  name: "openai's answers",
  share: 6,
  inputs: chats.map(json),
  check(body) {
    const said = reportedBy(body);
    outputTextOf(body);
    if (said === undefined) return undefined;
    const end: CallEnd = {
      outcome: 'ok',
      provider: 'openai',
      requestModel: 'gpt-4o-mini',
      responseModel: said.model,
      serviceTier: said.serviceTier,
      tokens: said.tokens,
    };
    const bad = judged('openai', 'chat_completion', end);
    if (bad !== undefined || said.tokens === undefined) return bad;
    const cost = costOf(
      { service: 'openai', operation: 'chat_completion', quantity: '1', unit: 'request', at: AT },
      end,
      absurdity(end),
      () => book,
    );
    // The plain case, by the price list: 0.15 and 0.60 USD a million, cached 0.075.
    const { usage } = body as { usage?: Record<string, unknown> };
    const cached = (usage?.prompt_tokens_details as Record<string, unknown> | null | undefined)?.cached_tokens ?? 0;
    const { input, output, cacheRead, cacheWrite, reasoning, inputAudio, outputAudio } = said.tokens;
    const plain =
      isCount(usage?.prompt_tokens) &&
      isCount(usage.completion_tokens) &&
      isCount(cached) &&
      cached <= usage.prompt_tokens;
    const others = [cacheWrite, inputAudio, outputAudio, said.tokens.cacheReadAudio].every(
      (count) => count === undefined || count === 0,
    );
    if (!plain || !others || (reasoning ?? 0) !== 0) {
      const possible = [input, output, cacheRead, cacheWrite, reasoning, inputAudio, outputAudio].every(
        (count) => count === undefined || isCount(count),
      );
      return possible || cost.amount === undefined ? undefined : `impossible counts cost ${cost.amount}`;
    }
    if ((said.model ?? 'gpt-4o-mini') !== 'gpt-4o-mini' || ![undefined, 'default'].includes(said.serviceTier))
      return undefined;
    const parts: [number, string][] = [
      [(usage.prompt_tokens as number) - cached, '0.15'],
      [cached, '0.075'],
      [usage.completion_tokens as number, '0.6'],
    ];
    const exact = parts
      .map(([count, price]) => times(fraction(BigInt(count), 1_000_000n), readDecimal(price)!))
      .reduce(plus);
    const pico = rounded(exact, 12, 'even');
    if (pico >= 10n ** 18n) return cost.amount === undefined ? undefined : `costs ${cost.amount}`;
    if (cost.amount === undefined) return `is unpriced: ${cost.reason}`;
    return equal(readDecimal(cost.amount)!, fraction(pico, 10n ** 12n)) ? undefined : `costs ${cost.amount}`;
  },
});

const chunk = (delta: object, usage: unknown = null): object => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  model: 'gpt-4o-mini',
  choices: usage === null ? [{ index: 0, delta, finish_reason: null }] : [],
  usage,
});
const STREAM = `${[chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hé' }), chunk({}, CHAT.usage)].map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')}data: [DONE]\n\n`;
const streams = fc.oneof(
  damagedBytes([STREAM, STREAM.replaceAll('\n', '\r\n'), STREAM.replaceAll('\n\n', '\r\r')]),
  fc
    .array(
      damaged([CHAT, chunk({ content: 'x' })]).map((one) => `data: ${jsonText(one)}\n\n`),
      { maxLength: 5 },
    )
    .map((parts) => Buffer.from(parts.join(''))),
);

/** A stream cut anywhere says what it says whole, and is handed on byte by byte. */
const cuts = target({
  name: 'streams cut anywhere',
  share: 3,
  inputs: fc.tuple(streams, fc.array(fc.nat(), { maxLength: 8 })),
  check([bytes, places]) {
    const read = (pieces: readonly Uint8Array[]) => {
      const observer = new StreamObserver('chat', false);
      const tap = new SseTap(observer, false);
      const passed = pieces.map((piece) => tap.push(piece) ?? new Uint8Array());
      passed.push(tap.flush() ?? new Uint8Array());
      return {
        passed: Buffer.concat(passed),
        chunks: observer.chunks,
        result: JSON.stringify([observer.reported(), observer.estimatedOutput()]),
      };
    };
    const whole = read([bytes]);
    const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
    const split = read([0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length)));
    if (!whole.passed.equals(bytes) || !split.passed.equals(bytes)) return 'other bytes are handed on';
    return split.chunks === whole.chunks && split.result === whole.result
      ? undefined
      : `cut it says ${split.result}, whole ${whole.result}`;
  },
});

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

const FORM =
  'MessageSid=SM1&AccountSid=AC1&MessageStatus=delivered&To=%2B14035551234&From=%2B14035550000&NumSegments=2&Price=-0.0158&PriceUnit=USD&CallSid=CA1&CallStatus=completed&CallDuration=61';

/** Keeps what it is told. */
class Kept implements Recorder {
  readonly started: CallStart[] = [];
  readonly calls: { start: CallStart; end: CallEnd }[] = [];

  start(start: CallStart): BillableCall {
    this.started.push(start);
    const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    return { context: context.active(), span, end: (end) => void this.calls.push({ start, end }) };
  }

  clear(): void {
    this.started.length = 0;
    this.calls.length = 0;
  }
}
const recorder = new Kept();
const callbacks = target({
  name: "Twilio's callbacks",
  share: 4,
  inputs: fc.oneof(
    damagedBytes([
      FORM,
      FORM.replace('MessageSid', 'RecordingSid'),
      '%',
      '&=&',
      'a[]=1&a[__proto__]=2',
      `${'a=1&'.repeat(3000)}`,
    ]).map((bytes) => parseForm(String(bytes))),
    damagedBytes([JSON.stringify(Object.fromEntries(new URLSearchParams(FORM)))]).map((bytes) =>
      parseJson(String(bytes)),
    ),
    fc
      .oneof(
        damaged([Object.fromEntries(new URLSearchParams(FORM))]),
        hostileObject(['MessageSid', 'MessageStatus', 'CallSid', 'CallStatus', 'NumSegments']),
      )
      .map((value) => fromParsedBody(value)),
  ),
  check(params) {
    recorder.clear();
    setRecorder(recorder);
    try {
      recordWebhook(params, AT, {});
    } finally {
      setRecorder(undefined);
    }
    for (const { start, end } of recorder.calls) {
      const bad = judged(start.service, start.operation, end);
      if (bad !== undefined) return bad;
    }
    return Object.getPrototypeOf({}) === Object.prototype && !('MessageSid' in {})
      ? undefined
      : 'a prototype was changed';
  },
});

type Client = { chat: { completions: { create(body: object): Promise<unknown> } } };

/** A server that answers with what it is told. */
class Provider {
  answer: { status: number; type: string; body: Buffer; cut: boolean } = {
    status: 200,
    type: 'application/json',
    body: Buffer.alloc(0),
    cut: false,
  };
  server: Server | undefined;

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      request.resume();
      const { status, type, body, cut } = this.answer;
      response.writeHead(status, {
        ...(type === '' ? {} : { 'content-type': type }),
        ...(cut ? { 'content-length': body.length + 10 } : {}),
      });
      response.write(body, () => (cut ? response.destroy() : response.end()));
    });
    await new Promise<void>((resolve) => this.server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }
}

/** The same answer to the SDK alone and to the SDK as it is watched: the caller sees the same. */
function throughSdk(provider: Provider, client: Client, instrumentation: OpenAIInstrumentation): AnyTarget {
  const seen = async (stream: boolean): Promise<string> => {
    try {
      const result = await client.chat.completions.create({
        model: 'gpt-4o-mini',
        messages: [{ role: 'user', content: 'x' }],
        ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
      });
      if (!stream) return shown(result);
      const chunks: unknown[] = [];
      try {
        for await (const one of result as AsyncIterable<unknown>) chunks.push(one);
      } catch (error) {
        chunks.push(named(error));
      }
      return shown(chunks);
    } catch (error) {
      return named(error);
    }
  };
  return target({
    name: 'the openai SDK, watched and not',
    inputs: fc.record({
      status: fc.constantFrom(200, 200, 200, 200, 204, 400, 404, 422),
      type: fc.constantFrom(
        'application/json',
        'application/json',
        'text/event-stream',
        'text/plain',
        'application/json; charset=utf-16',
        '',
      ),
      body: fc.oneof(
        chats.map((value) => Buffer.from(jsonText(value))),
        damagedBytes([JSON.stringify(CHAT)]),
        streams,
      ),
      cut: fc.boolean().map((cut) => cut),
      stream: fc.boolean(),
    }),
    async check({ stream, ...answer }) {
      provider.answer = answer;
      instrumentation.disable();
      const bare = await seen(stream);
      instrumentation.enable();
      recorder.clear();
      setRecorder(recorder);
      const watched = await seen(stream);
      await new Promise((resolve) => setImmediate(resolve));
      setRecorder(undefined);
      if (bare !== watched) return `bare ${bare.slice(0, 300)} watched ${watched.slice(0, 300)}`;
      if (recorder.started.length !== 1) return `${recorder.started.length} calls were seen`;
      for (const { start, end } of recorder.calls) {
        const bad = judged(start.service, start.operation, end);
        if (bad !== undefined) return bad;
      }
      return undefined;
    },
  });
}

function shown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch (error) {
    return `shown as ${named(error)}`;
  }
}

const named = (error: unknown): string =>
  error instanceof Error ? `${error.constructor.name}: ${error.message}`.replace(/:\d{4,5}\b/g, '') : String(error);

const direct: Fault = {
  id: 'fuzz-usage',
  hop: 'fuzz',
  fault:
    "providers' answers, streams cut anywhere and callbacks, damaged and hostile, read as usage: exact, or unpriced with a reason",
  promises: ['host-unharmed'],
  times: { short: 2000, long: 80_000 },
  timeoutSeconds: 400,
  async run(run) {
    return outcomeOf(await drive(run, [openaiUsage, cuts, stripe, twilio, places, rules, callbacks]));
  },
};

const sdk: Fault = {
  id: 'fuzz-answers',
  hop: 'fuzz',
  fault: 'the same damaged answer to the openai SDK alone and watched: the caller sees the same',
  promises: ['host-unharmed'],
  times: { short: 200, long: 4000 },
  timeoutSeconds: 300,
  async run(run) {
    const provider = new Provider();
    const baseURL = await provider.start();
    const instrumentation = new OpenAIInstrumentation({ providerHosts: { '127.0.0.1': 'openai' } });
    const load = createRequire(join(import.meta.dirname, '../../../../instrumentation/package.json'));
    const { OpenAI } = load('openai') as { OpenAI: new (options: object) => Client };
    const client = new OpenAI({ apiKey: 'sk-test', baseURL, maxRetries: 0, timeout: 5000 });
    try {
      return outcomeOf(await drive(run, [throughSdk(provider, client, instrumentation)]));
    } finally {
      instrumentation.disable();
      provider.server?.closeAllConnections();
      provider.server?.close();
    }
  },
};

export default [direct, sdk];
