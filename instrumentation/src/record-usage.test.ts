import type { UsageEvent, UsageExporter } from '@client-cost/exporter';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withClient } from './attribution/index.ts';
import { forgetWarnings } from './log.ts';
import { loadPriceBook } from './prices/index.ts';
import { recordUsage, type UsageRecord } from './record-usage.ts';
import { setRecorder } from './recorder/index.ts';
import { UsageRecorder } from './recorder/recorder.ts';
import { startRecording } from './start.ts';
import { MemorySdk } from './testing/otel.ts';

let sdk: MemorySdk;
let events: UsageEvent[];
let warnings: string[];

beforeEach(() => {
  sdk = new MemorySdk();
  events = [];
  warnings = [];
  forgetWarnings();
  startRecording();
  const exporter = { emit: (event: UsageEvent) => events.push(event) } as unknown as UsageExporter;
  const book = loadPriceBook({ userFile: '' });
  setRecorder(new UsageRecorder({ version: '0', priceBook: () => book, exporter: () => exporter }));
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
  setRecorder(undefined);
  await sdk.stop();
  diag.disable();
});

describe('recordUsage', () => {
  it('records what it is told, exactly, and returns the id', async () => {
    const id = recordUsage({
      service: 'twilio_sms',
      operation: 'send_sms',
      quantity: '2',
      unit: 'segment',
      cost: '0.0158',
      externalId: 'SM1',
      clientId: 'acme',
      leadId: 'l1',
      metadata: { campaign: 'x' },
      timestamp: '2026-11-01T00:00:00.123Z',
    });
    expect(events).toEqual([
      expect.objectContaining({ id, timeUnixNano: BigInt(Date.UTC(2026, 10, 1, 0, 0, 0, 123)) * 1_000_000n }),
    ]);
    expect(events[0]?.attributes).toEqual({
      'usage.id': id,
      'usage.version': 1,
      'client.id': 'acme',
      'usage.service': 'twilio_sms',
      'usage.operation': 'send_sms',
      'usage.quantity': '2',
      'usage.unit': 'segment',
      'cost.amount': '0.0158',
      'cost.currency': 'USD',
      'cost.source': 'provider',
      'usage.external_id': 'SM1',
      'usage.outcome': 'ok',
      'lead.id': 'l1',
      'usage.metadata': '{"campaign":"x"}',
    });
    const [span] = sdk.spanExporter.getFinishedSpans();
    expect(span).toMatchObject({ name: 'twilio_sms send_sms', duration: [0, 0] });
    expect(span?.attributes['cost.amount']).toBe(0.0158);
    expect((await sdk.counters()).map(({ name, value }) => [name, value])).toEqual([
      ['client_cost.cost', 0.0158],
      ['client_cost.requests', 1],
      ['client_cost.units', 2],
    ]);
    expect(warnings).toEqual([]);
  });

  it('takes the client around it and prices a model call by the price book', () => {
    withClient('acme', () =>
      recordUsage({
        service: 'openai',
        operation: 'batch',
        provider: 'openai',
        model: 'gpt-4o-mini',
        tokens: { input: 100, output: 20 },
      }),
    );
    expect(events[0]?.attributes).toMatchObject({
      'client.id': 'acme',
      'cost.amount': '0.000027',
      'cost.source': 'price_book',
      'usage.quantity': '1',
      'usage.unit': 'request',
    });
  });

  it('takes a sku and the currency of the cost', () => {
    recordUsage({ service: 's', operation: 'o', sku: 'pro', cost: '2', currency: 'eur' });
    expect(events[0]!.attributes).toMatchObject({
      'usage.sku': 'pro',
      'cost.original_amount': '2',
      'cost.original_currency': 'EUR',
      'cost.source': 'unpriced',
    });
  });

  it('keeps numbers exact', () => {
    recordUsage({ service: 's', operation: 'o', quantity: 0.1, cost: '0.000000000001' });
    recordUsage({ service: 's', operation: 'o', quantity: 1e-7, cost: '999999.999999999999' });
    const said = events.map(({ attributes }) => [attributes['usage.quantity'], attributes['cost.amount']]);
    expect(said).toEqual([
      ['0.1', '0.000000000001'],
      ['0.0000001', '999999.999999999999'],
    ]);
  });

  const GOOD: UsageRecord = { service: 's', operation: 'o', quantity: '1', cost: '1' };
  it.each<[string, unknown]>([
    ['service', ''],
    ['service', undefined],
    ['service', 'x'.repeat(257)],
    ['operation', 5],
    ['unit', ' '],
    ['quantity', -1],
    ['quantity', 'many'],
    ['quantity', Number.NaN],
    ['quantity', '0.0000000000001'],
    ['quantity', 10 ** 15],
    ['cost', 0.1],
    ['cost', 'free'],
    ['cost', '1000000'],
    ['cost', '-0.5'],
  ])('%s = %o: names the field once, records it unpriced with what was said', (field, value) => {
    const { cost, ...rest } = GOOD;
    const bad = { ...(field === 'quantity' || field === 'cost' ? rest : GOOD), [field]: value } as UsageRecord;
    const id = recordUsage(bad);
    recordUsage(bad);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`recordUsage: ${field} must be`);
    expect(events).toHaveLength(2);
    expect(events[0]?.id).toBe(id);
    const { attributes } = events[0]!;
    expect(attributes['usage.raw']).toBeDefined();
    if (bad.cost === undefined || field === 'cost') {
      expect(attributes['cost.source']).toBe('unpriced');
      expect(attributes['cost.unpriced_reason']).toContain(field);
      expect(attributes).not.toHaveProperty('cost.amount');
    } else {
      // What it cost is known, whatever else is wrong.
      expect(attributes).toMatchObject({ 'cost.amount': cost, 'cost.source': 'provider' });
    }
  });

  it.each([undefined, null, 5, 'x', []])('%o instead of a record is recorded too', (record) => {
    expect(recordUsage(record as never)).toMatch(/^[0-9a-f-]{36}$/);
    expect(events).toHaveLength(1);
    expect(events[0]?.attributes).toMatchObject({ 'usage.service': 'unknown', 'cost.source': 'unpriced' });
  });

  // The ledger would refuse the last two, and their cost with them.
  const seconds = Math.floor(Date.now() / 1000);
  const nextWeek = new Date(Date.now() + 7 * 86_400_000);
  it.each(['not a date', Number.NaN, new Date(Number.NaN), -1, 1e15, Symbol('x'), seconds, nextWeek])(
    'timestamp %o is now',
    (timestamp) => {
      const before = Date.now();
      recordUsage({ ...GOOD, timestamp: timestamp as never });
      expect(events[0]?.timeUnixNano).toBeGreaterThanOrEqual(BigInt(before) * 1_000_000n);
      expect(events[0]?.timeUnixNano).toBeLessThanOrEqual(BigInt(Date.now()) * 1_000_000n);
      expect(events[0]?.attributes['cost.amount']).toBe('1');
      expect(warnings).toHaveLength(1);
    },
  );

  it('a wrong outcome or client id does not make it unpriced', () => {
    withClient('around', () => recordUsage({ ...GOOD, outcome: 'perfect' as never, clientId: '' }));
    expect(events[0]?.attributes).toMatchObject({ 'usage.outcome': 'ok', 'client.id': 'around', 'cost.amount': '1' });
    expect(warnings).toHaveLength(2);
  });
});
