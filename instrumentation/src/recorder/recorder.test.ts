import { EventEmitter, once } from 'node:events';
import type { UsageEvent, UsageExporter } from '@client-cost/exporter';
import { context, DiagLogLevel, diag, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isBillable } from '../attribution/billable.ts';
import { usageContext, withClient } from '../attribution/index.ts';
import { within } from '../instrument/within.ts';
import { forgetWarnings } from '../log.ts';
import type { PriceBook, PriceRequest } from '../prices/book.ts';
import { loadPriceBook } from '../prices/index.ts';
import { MemorySdk } from '../testing/otel.ts';
import type { CallEnd, CallStart, Price } from '../types.ts';
import { type RecorderParts, UsageRecorder } from './recorder.ts';

const START: CallStart = {
  service: 'openai',
  operation: 'chat_completion',
  spanName: 'chat gpt-4o-mini',
  attributes: { 'gen_ai.operation.name': 'chat', 'server.address': 'api.openai.com' },
};
const END: CallEnd = {
  outcome: 'ok',
  provider: 'openai',
  requestModel: 'gpt-4o-mini',
  responseModel: 'gpt-4o-mini-2024-07-18',
  serviceTier: 'default',
  externalId: 'chatcmpl-1',
  tokens: { input: 100, output: 20, cacheRead: 0, reasoning: 5 },
  attributes: { 'gen_ai.response.finish_reasons': ['stop'] },
};

let sdk: MemorySdk;
let events: UsageEvent[];
let warnings: string[];

beforeEach(() => {
  sdk = new MemorySdk();
  events = [];
  warnings = [];
  forgetWarnings();
  const logger = {
    info() {},
    debug() {},
    verbose() {},
    error() {},
    warn: (...args: unknown[]) => warnings.push(args.join(' ')),
  };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
});
afterEach(async () => {
  await sdk.stop();
  diag.disable();
});

const exporter = { emit: (event: UsageEvent) => events.push(event) } as unknown as UsageExporter;
const book = loadPriceBook({ userFile: '' });

function recorder(parts: Partial<RecorderParts> = {}): UsageRecorder {
  return new UsageRecorder({ version: '0.0.0', priceBook: () => book, exporter: () => exporter, ...parts });
}

function record(end: CallEnd = END, start: CallStart = START, parts: Partial<RecorderParts> = {}): UsageEvent {
  recorder(parts).start(start).end(end);
  return events.at(-1)!;
}

const span = () => sdk.spanExporter.getFinishedSpans().at(-1)!;

describe('a span of our own SDK', () => {
  it('carries the same attributes as one that the SDK checks', () => {
    const of = (plain: boolean) => {
      sdk.spanExporter.reset();
      recorder({ plainSpans: () => plain })
        .start(START)
        .end(END);
      const { 'usage.id': id, ...rest } = sdk.spanExporter.getFinishedSpans()[0]!.attributes;
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      return rest;
    };
    expect(of(true)).toEqual(of(false));
    expect(Object.keys(of(true)).length).toBeGreaterThan(15);
  });
});

describe('a finished call', () => {
  const EVENT = {
    'usage.id': expect.any(String),
    'usage.version': 1,
    'client.id': 'acme',
    'usage.service': 'openai',
    'usage.operation': 'chat_completion',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o-mini',
    'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.usage.input_tokens': 100,
    'gen_ai.usage.output_tokens': 20,
    'gen_ai.usage.cache_read.input_tokens': 0,
    'gen_ai.usage.reasoning.output_tokens': 5,
    'openai.response.service_tier': 'default',
    'usage.quantity': '1',
    'usage.unit': 'request',
    'cost.amount': '0.000027',
    'cost.currency': 'USD',
    'cost.source': 'price_book',
    'cost.price_version': book.version,
    'usage.external_id': 'chatcmpl-1',
    'usage.outcome': 'ok',
    'lead.id': 'l',
    'message.id': 'm',
    'flow.execution.id': 'f',
    'usage.metadata': '{"a":1,"b":"x"}',
  };

  it('has exactly the attributes of the architecture on event, span and counters', async () => {
    const scope = { leadId: 'l', messageId: 'm', flowExecutionId: 'f', metadata: { a: 1, b: 'x' } };
    withClient('acme', () => usageContext(scope, () => record()));
    const [event] = events;
    expect(event?.attributes).toEqual(EVENT);
    expect(event?.id).toBe(event?.attributes['usage.id']);
    expect(span().attributes).toEqual({
      ...EVENT,
      'usage.id': event?.id,
      'gen_ai.operation.name': 'chat',
      'server.address': 'api.openai.com',
      'cost.amount': 0.000027,
      'usage.quantity': 1,
    });
    expect(span()).toMatchObject({
      name: 'chat gpt-4o-mini',
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
    });
    const { traceId, spanId } = span().spanContext();
    expect(event).toMatchObject({ traceId, spanId, traceFlags: 1 });
    const base = {
      'client.id': 'acme',
      'usage.service': 'openai',
      'usage.operation': 'chat_completion',
      'gen_ai.request.model': 'gpt-4o-mini',
      'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
    };
    expect(await sdk.counters()).toEqual([
      { name: 'client_cost.cost', unit: 'USD', value: 0.000027, attributes: base },
      {
        name: 'client_cost.tokens',
        unit: '{token}',
        value: 100,
        attributes: { ...base, 'gen_ai.token.type': 'input' },
      },
      {
        name: 'client_cost.tokens',
        unit: '{token}',
        value: 20,
        attributes: { ...base, 'gen_ai.token.type': 'output' },
      },
      { name: 'client_cost.requests', unit: '{request}', value: 1, attributes: base },
      { name: 'client_cost.units', unit: '{unit}', value: 1, attributes: { ...base, 'usage.unit': 'request' } },
    ]);
  });

  it('with no client is unattributed, never dropped', () => {
    expect(record().attributes['client.id']).toBe('unattributed');
    expect(span().attributes['client.id']).toBe('unattributed');
  });

  it('keeps the scope of its start, and usageContext’s operation wins', () => {
    const call = withClient('acme', () => usageContext({ operation: 'summarize' }, () => recorder().start(START)));
    withClient('other', () => call.end(END));
    expect(events[0]?.attributes).toMatchObject({ 'client.id': 'acme', 'usage.operation': 'summarize' });
  });

  it('takes nothing from a prototype that somebody polluted', () => {
    const names = ['clientId', 'usageId', 'cost', 'billed', 'deleted', 'quantity'];
    try {
      for (const name of names) {
        Object.defineProperty(Object.prototype, name, { value: 'polluted', configurable: true, writable: true });
      }
      for (let i = 0; i < 2; i++) recorder().start(START).end(END);
    } finally {
      for (const name of names) delete (Object.prototype as unknown as Record<string, unknown>)[name];
    }
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
    for (const { id, attributes } of events) {
      expect(id).not.toBe('polluted');
      expect(attributes).toMatchObject({
        'client.id': 'unattributed',
        'usage.quantity': '1',
        'cost.amount': '0.000027',
      });
    }
  });

  it('ends once', () => {
    const call = recorder().start(START);
    call.end(END);
    call.end({ ...END, outcome: 'error' });
    expect(events).toHaveLength(1);
    expect(sdk.spanExporter.getFinishedSpans()).toHaveLength(1);
  });

  it('runs in a context without baggage, with its span active, marked as billable', () => {
    const outer = propagation.setBaggage(context.active(), propagation.createBaggage({ user: { value: 'x' } }));
    const call = context.with(outer, () => recorder().start(START));
    expect(propagation.getBaggage(call.context)).toBeUndefined();
    expect(trace.getSpan(call.context)).toBe(call.span);
    expect([isBillable(call.context), isBillable(outer)]).toEqual([true, false]);
  });

  it.each([
    ["quotes ' \" and '; DROP TABLE usage_events; --"],
    ['line\nbreak \u0000 nul'],
    ['🦊 客户'],
    ['x'.repeat(256)],
  ])('records the client id %j as data', async (id) => {
    withClient(id, () => record());
    expect(events[0]?.attributes['client.id']).toBe(id);
    expect((await sdk.counters())[0]?.attributes['client.id']).toBe(id);
  });
});

describe('what runs in its context', () => {
  const here = () => isBillable(context.active());

  it.each([true, false])('is the application’s own once it has ended; context manager: %s', async (managed) => {
    if (!managed) context.disable();
    const call = recorder().start(START);
    const body = new EventEmitter();
    const heard: boolean[] = [];
    const inside = within(call.context, async () => {
      await new Promise(setImmediate);
      heard.push(here());
      await once(body, 'end');
      heard.push(here());
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    call.end(END);
    body.emit('end');
    await inside;
    expect(heard).toEqual([true, false]);
  });

  it('is part of the call around it for as long as that one lasts', () => {
    const outer = recorder().start(START);
    const inner = within(outer.context, () => recorder().start(START));
    inner.end(END);
    expect(within(inner.context, here)).toBe(true);
    outer.end(END);
    expect(within(inner.context, here)).toBe(false);
  });
});

describe('cost', () => {
  it('estimated usage says so', () => {
    expect(record({ ...END, estimated: true }).attributes).toMatchObject({
      'cost.source': 'estimated',
      'cost.amount': '0.000027',
    });
  });

  describe('under a name of the application’s', () => {
    const PLACES: CallStart = { service: 'google_places', operation: 'text_search', spanName: 'x' };
    const SMS: CallStart = { service: 'twilio_sms', operation: 'send_sms', spanName: 'x' };
    const renamed = (operation: string, end: CallEnd, start: CallStart, parts?: Partial<RecorderParts>) =>
      usageContext({ operation }, () => record(end, start, parts)).attributes;

    it.each([
      [PLACES, { outcome: 'ok', unit: 'request', sku: 'text_search_pro' }],
      [
        { ...PLACES, operation: 'place_details' },
        { outcome: 'ok', unit: 'request', sku: 'place_details_pro' },
      ],
      [SMS, { outcome: 'ok', unit: 'segment', quantity: '2', sku: 'us_ca_longcode' }],
    ] as [CallStart, CallEnd][])('%j costs what it costs', (start, end) => {
      const { attributes } = record(end, start);
      expect(attributes['cost.amount']).toBeDefined();
      expect(renamed('lead_scoring', end, start)).toMatchObject({
        'usage.operation': 'lead_scoring',
        'cost.amount': attributes['cost.amount'],
        'cost.source': 'price_book',
      });
    });

    it('a price for that name wins', () => {
      const asked: string[] = [];
      const price = (request: PriceRequest) => {
        asked.push(request.operation);
        return { ...book.price(request), amount: request.operation === 'lead_scoring' ? '7' : '9' } as Price;
      };
      const named = { ...book, price, version: 'v' } as unknown as PriceBook;
      const end: CallEnd = { outcome: 'ok', unit: 'request', sku: 'text_search_pro' };
      expect(renamed('lead_scoring', end, PLACES, { priceBook: () => named })['cost.amount']).toBe('7');
      expect(asked).toEqual(['lead_scoring']);
    });
  });

  it('an attempt that is not billed costs 0', async () => {
    const { tokens: _tokens, ...end } = END;
    const { attributes } = record({ ...end, outcome: 'error', billed: false, errorType: '429' });
    expect(attributes).toMatchObject({ 'cost.amount': '0', 'cost.source': 'price_book', 'usage.outcome': 'error' });
    expect((await sdk.counters()).map((point) => point.name)).toEqual(['client_cost.requests', 'client_cost.units']);
  });

  it('an unknown model is unpriced, not 0', async () => {
    const { attributes } = record({ ...END, requestModel: 'mystery', responseModel: 'mystery' });
    expect(attributes).toMatchObject({
      'cost.source': 'unpriced',
      'cost.unpriced_reason': expect.stringContaining('mystery'),
    });
    expect(attributes).not.toHaveProperty('cost.amount');
    expect(attributes).not.toHaveProperty('cost.currency');
    expect((await sdk.counters()).map((point) => point.name)).not.toContain('client_cost.cost');
  });

  it('an amount that the provider gives is taken to 12 decimals', () => {
    const { attributes } = record({ outcome: 'ok', cost: '0.00790000000000049' });
    expect(attributes).toMatchObject({ 'cost.amount': '0.0079', 'cost.source': 'provider' });
    expect(attributes).not.toHaveProperty('cost.price_version');
  });

  it.each([
    [{ input: -1, output: 2 }],
    [{ input: Number.NaN, output: 2 }],
    [{ input: 2 ** 60, output: 2 }],
    [{ input: 1.5, output: 2 }],
    [{ input: 10, output: 2, cacheRead: 11 }],
    [{ input: '10', output: null }],
    [{ input: 10n, output: 2 }],
  ])('absurd usage %o is recorded, visible and unpriced', async (tokens) => {
    const { attributes } = record({ ...END, tokens: tokens as never });
    expect(attributes).toMatchObject({
      'cost.source': 'unpriced',
      'cost.unpriced_reason': expect.stringContaining('token'),
    });
    expect(attributes['usage.raw']).toContain(String(tokens.input));
    expect(attributes).not.toHaveProperty('cost.amount');
    const said = attributes['gen_ai.usage.input_tokens'];
    expect(said === undefined || (Number.isSafeInteger(said) && (said as number) >= 0)).toBe(true);
    expect((await sdk.counters()).map((point) => point.name)).toEqual(['client_cost.requests', 'client_cost.units']);
  });

  it('a price beyond the ledger’s range is unpriced', () => {
    const price = () => ({ amount: '1000000', currency: 'USD', version: 'v' }) as const;
    const { attributes } = record(END, START, {
      priceBook: () => ({ version: 'v', problems: [], price, toUsd: () => undefined, warm() {} }),
    });
    expect(attributes['cost.source']).toBe('unpriced');
  });

  it('hands the price book all it needs', () => {
    let asked: PriceRequest | undefined;
    const price = (request: PriceRequest) => {
      asked = request;
      return { amount: undefined, reason: 'no', version: 'v' } as const;
    };
    record({ ...END, quantity: '2.5', unit: 'minute' }, START, {
      priceBook: () => ({ version: 'v', problems: [], price, toUsd: () => undefined, warm() {} }) satisfies PriceBook,
    });
    expect(asked).toMatchObject({
      service: 'openai',
      operation: 'chat_completion',
      provider: 'openai',
      model: 'gpt-4o-mini',
      responseModel: 'gpt-4o-mini-2024-07-18',
      serviceTier: 'default',
      quantity: '2.5',
      unit: 'minute',
      at: expect.any(Date),
    });
  });
});

describe('failure of the call', () => {
  it('is the span’s status and exception by type, without the message', () => {
    class RateLimitError extends Error {}
    const { attributes } = record({ ...END, outcome: 'error', error: new RateLimitError('secret prompt') });
    expect(attributes).toMatchObject({ 'usage.outcome': 'error', 'error.type': 'RateLimitError' });
    expect(span().status).toEqual({ code: SpanStatusCode.ERROR, message: 'RateLimitError' });
    expect(span().events).toMatchObject([{ name: 'exception', attributes: { 'exception.type': 'RateLimitError' } }]);
    expect(JSON.stringify([span().attributes, span().events, span().status, attributes])).not.toContain('secret');
  });

  it.each([[undefined], [null], ['text'], [Object.create(null)], [{}]])('of type %o is _OTHER', (error) => {
    expect(record({ ...END, outcome: 'error', error }).attributes['error.type']).toBe('_OTHER');
  });

  it('an aborted call is no error', () => {
    record({ ...END, outcome: 'aborted' });
    expect(span().status.code).toBe(SpanStatusCode.UNSET);
    expect(span().attributes['usage.outcome']).toBe('aborted');
  });
});

describe('failure of a part never reaches the caller and never stops the other two', () => {
  const boom = (): never => {
    throw new Error('boom');
  };

  it('exporter', async () => {
    const one = recorder({ exporter: boom });
    one.start(START).end(END);
    one.start(START).end(END);
    expect(sdk.spanExporter.getFinishedSpans()).toHaveLength(2);
    expect(await sdk.counters()).toHaveLength(5);
    expect(warnings).toHaveLength(1);
  });

  it('price book', () => {
    expect(record(END, START, { priceBook: boom }).attributes).toMatchObject({
      'cost.source': 'unpriced',
      'cost.unpriced_reason': 'the price book failed',
    });
    expect(warnings).toHaveLength(1);
  });

  it('start-up', () => {
    expect(record(END, START, { onFirstCall: boom })).toBeDefined();
  });

  it('tracer', async () => {
    await sdk.stop();
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: boom, startActiveSpan: boom }) });
    try {
      const event = record();
      expect(event.attributes['cost.amount']).toBe('0.000027');
      expect(event).not.toHaveProperty('traceId');
    } finally {
      trace.disable();
    }
  });

  it('a span that throws', async () => {
    const call = recorder().start(START);
    Object.assign(call.span, { setAttributes: boom });
    call.end(END);
    expect(events).toHaveLength(1);
    expect(await sdk.counters()).toHaveLength(5);
  });

  it('unreadable token counts', () => {
    const tokens = new Proxy({} as never, { get: boom });
    expect(record({ ...END, tokens }).attributes['cost.source']).toBe('unpriced');
  });
});

describe('metadata', () => {
  it('leaves out what is no JSON, and what does not fit', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const metadata = { ok: 1, big: 2n, circular, fn: () => 1, huge: 'x'.repeat(20_000), last: 'y' };
    const { attributes } = record(END, { ...START, scope: { metadata } });
    expect(JSON.parse(attributes['usage.metadata'] as string)).toEqual({ ok: 1, big: '2', last: 'y' });
  });
});

it('counters reach a provider that is registered after the first call', async () => {
  await sdk.stop();
  const one = recorder();
  one.start(START).end(END);
  sdk = new MemorySdk();
  one.start(START).end(END);
  expect((await sdk.counters()).find((point) => point.name === 'client_cost.requests')?.value).toBe(2);
  expect(sdk.spanExporter.getFinishedSpans()).toHaveLength(1);
});

it('an unsampled span costs no event', async () => {
  await sdk.stop();
  sdk = new MemorySdk({ sampler: new AlwaysOffSampler() });
  const event = record();
  expect(sdk.spanExporter.getFinishedSpans()).toEqual([]);
  expect(event).toMatchObject({ traceFlags: 0, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(await sdk.counters()).toHaveLength(5);
});
