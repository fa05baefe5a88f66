/**
 * What docs/architecture.md's tables promise of spans, counters and usage events, read back from ClickHouse after it went from an
 * application (CommonJS and ESM, --require and --import) through the Collector.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@clickhouse/client';
import { findCollector, type Stack, startStack } from '@client-cost/clickhouse/stack';
import { createOpenAIStandIn, type OpenAIStandIn } from '@client-cost/examples/stand-ins';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const register = require.resolve('@client-cost/instrumentation/register');
const VARIANTS = [
  { name: 'cjs-require', args: ['--require', register, 'app.cjs'] },
  { name: 'esm-require', args: ['--require', register, 'app.mjs'] },
  { name: 'esm-import', args: ['--import', register, 'app.mjs'] },
] as const;
const EVENTS = 6; // of one run of calls.cjs

// In CI a missing Collector is a failure, elsewhere a skip that says so.
const build = join(import.meta.dirname, '../../../collector');
const collector = findCollector(undefined, build) !== undefined || process.env.CI !== undefined;
if (!collector) console.warn('Skipped: there is no Collector here; "npm run collector:build" makes one (needs Go)');

describe.skipIf(!collector)('a service run, read back', () => {
  let dataDir: string;
  let stack: Stack;
  let standIn: OpenAIStandIn;
  const chatIds = new Map<string, string>();

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'client-cost-readback-'));
    stack = await startStack({ dataDir, collector: 'required' });
    standIn = await createOpenAIStandIn();
    for (const { name, args } of VARIANTS) chatIds.set(name, (await runApp(name, args)).chatId);
    const total = EVENTS * VARIANTS.length;
    await until(async () => (await count('usage_events_current')) >= total, 30_000);
    await until(async () => (await count('otel_traces')) >= total, 30_000);
    await until(async () => (await count("otel_metrics_sum WHERE MetricName = 'client_cost.cost'")) > 0, 30_000);
  });

  afterAll(async () => {
    await standIn?.close();
    await stack?.stop();
    if (dataDir) rmSync(dataDir, { recursive: true, force: true });
  });

  describe.each(VARIANTS)('$name', ({ name }) => {
    it('has every usage event in the ledger, with what the provider said and its exact price', async () => {
      const events = await rows(
        `SELECT client_id, service, operation, request_model, response_model, input_tokens, output_tokens, cache_read_tokens,
           reasoning_tokens, toString(quantity) AS quantity, unit, toString(cost) AS cost, currency, cost_source, outcome
         FROM usage_events_current WHERE service_name = '${name}' ORDER BY time, toString(usage_id)`,
      );
      const ok = { quantity: '1', unit: 'request', currency: 'USD', cost_source: 'price_book', outcome: 'ok' };
      expect(events).toMatchObject([
        {
          ...ok,
          client_id: 'acme',
          service: 'openai',
          operation: 'chat_completion',
          request_model: 'gpt-4o-mini',
          response_model: 'gpt-4o-mini-2024-07-18',
          input_tokens: 1000,
          output_tokens: 200,
          cache_read_tokens: 400,
          reasoning_tokens: 50,
          cost: '0.00024', // 600 × 0.15 + 400 × 0.075 + 200 × 0.60 a million
        },
        {
          ...ok,
          client_id: 'globex',
          request_model: 'gpt-4o',
          input_tokens: 30,
          output_tokens: 7,
          cost: '0.000145',
        },
        {
          ...ok,
          client_id: 'globex',
          operation: 'response',
          input_tokens: 11,
          output_tokens: 5,
          cost: '0.00000465',
        },
        { ...ok, client_id: 'unattributed', operation: 'embedding', input_tokens: 500, cost: '0.00001' },
        { ...ok, client_id: 'acme', operation: 'chat_completion', outcome: 'error', cost: '0' },
        {
          client_id: 'acme',
          service: 'twilio_sms',
          operation: 'send_sms',
          quantity: '3',
          unit: 'segment',
          cost: '0.0237',
          cost_source: 'provider',
        },
      ]);
    });

    it('carries every attribute of the table on the event', async () => {
      const [event] = await rows<{ EventName: string; ScopeName: string; attributes: Record<string, string> }>(
        `SELECT EventName, ScopeName, LogAttributes AS attributes FROM otel_logs
         WHERE LogAttributes['usage.external_id'] = '${chatIds.get(name)}'`,
      );
      expect(event?.ScopeName).toBe('@client-cost/instrumentation');
      expect(event?.attributes).toMatchObject({
        'usage.id': expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        'usage.version': '1',
        'client.id': 'acme',
        'usage.service': 'openai',
        'usage.operation': 'chat_completion',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-4o-mini',
        'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
        'gen_ai.usage.input_tokens': '1000',
        'gen_ai.usage.output_tokens': '200',
        'gen_ai.usage.cache_read.input_tokens': '400',
        'gen_ai.usage.reasoning.output_tokens': '50',
        'openai.response.service_tier': 'default',
        'usage.quantity': '1',
        'usage.unit': 'request',
        'cost.amount': '0.00024',
        'cost.currency': 'USD',
        'cost.source': 'price_book',
        'cost.price_version': expect.stringContaining('genai-prices@'),
        'usage.outcome': 'ok',
        'lead.id': 'lead-1',
        'message.id': 'message-2',
        'flow.execution.id': 'flow-3',
        'usage.metadata': '{"campaign":"spring \\"sale\\""}',
      });
      const [failed] = await rows<{ type: string; amount: string }>(
        `SELECT LogAttributes['error.type'] AS type, LogAttributes['cost.amount'] AS amount FROM otel_logs
         WHERE ServiceName = '${name}' AND LogAttributes['usage.outcome'] = 'error'`,
      );
      expect(failed?.type).toMatch(/^(401|AuthenticationError|invalid_api_key)$/);
      expect(failed?.amount).toBe('0');
    });

    it('has a client span for each event, with the same attributes and the same id', async () => {
      const spans = await rows<{
        SpanName: string;
        SpanKind: string;
        StatusCode: string;
        attributes: Record<string, string>;
        event: Record<string, string>;
      }>(
        `SELECT SpanName, SpanKind, StatusCode, SpanAttributes AS attributes, LogAttributes AS event
         FROM otel_traces AS t INNER JOIN otel_logs AS l ON l.TraceId = t.TraceId AND l.SpanId = t.SpanId
         WHERE t.ServiceName = '${name}' AND mapContains(SpanAttributes, 'usage.id') ORDER BY t.Timestamp, attributes['usage.id']`,
      );
      expect(spans.map(({ SpanName }) => SpanName)).toEqual([
        'chat gpt-4o-mini',
        'chat gpt-4o',
        expect.stringContaining('gpt-4o-mini'),
        'embeddings text-embedding-3-small',
        'chat gpt-4o-mini',
        'twilio_sms send_sms',
      ]);
      expect(spans.map(({ StatusCode }) => StatusCode)).toEqual(['Unset', 'Unset', 'Unset', 'Unset', 'Error', 'Unset']);
      for (const { SpanKind, attributes, event } of spans) {
        expect(SpanKind).toBe('Client');
        // Amounts and quantities are numbers on a span, decimal strings on an event.
        const { 'cost.amount': amount, 'usage.quantity': quantity, 'event.name': _name, ...rest } = event;
        expect(attributes).toMatchObject(rest);
        expect(Number(attributes['cost.amount'])).toBe(Number(amount));
        expect(Number(attributes['usage.quantity'])).toBe(Number(quantity));
      }
    });

    it('counts what the ledger says, independently', async () => {
      const counters = await rows<{
        name: string;
        unit: string;
        client: string;
        service: string;
        type: string;
        value: number;
      }>(
        `SELECT MetricName AS name, any(MetricUnit) AS unit, Attributes['client.id'] AS client, Attributes['usage.service'] AS service,
           Attributes['gen_ai.token.type'] AS type, sum(last) AS value
         FROM (SELECT MetricName, MetricUnit, Attributes, argMax(Value, TimeUnix) AS last FROM otel_metrics_sum
               WHERE ServiceName = '${name}' AND startsWith(MetricName, 'client_cost.') GROUP BY MetricName, MetricUnit, Attributes)
         GROUP BY name, client, service, type`,
      );
      const value = (metric: string, client: string, service: string, type = '') => {
        const found = counters.find(
          (c) =>
            `${c.name} ${c.client} ${c.service} ${c.type}` === `client_cost.${metric} ${client} ${service} ${type}`,
        );
        return found?.value;
      };
      expect(value('cost', 'acme', 'openai')).toBeCloseTo(0.00024, 12);
      expect(value('cost', 'globex', 'openai')).toBeCloseTo(0.00014965, 12);
      expect(value('cost', 'unattributed', 'openai')).toBeCloseTo(0.00001, 12);
      expect(value('cost', 'acme', 'twilio_sms')).toBeCloseTo(0.0237, 12);
      expect(value('tokens', 'acme', 'openai', 'input')).toBe(1000);
      expect(value('tokens', 'globex', 'openai', 'output')).toBe(12);
      expect(value('requests', 'acme', 'openai')).toBe(2);
      expect(value('requests', 'globex', 'openai')).toBe(2);
      expect(value('units', 'acme', 'twilio_sms')).toBe(3);
      expect(counters.find((counter) => counter.name === 'client_cost.cost')?.unit).toBe('USD');
    });
  });

  it('recorded no prompt anywhere and told the provider nothing about clients', async () => {
    for (const table of ['otel_logs', 'otel_traces', 'otel_metrics_sum', 'usage_events']) {
      expect(await count(`(SELECT * FROM ${table}) WHERE toString(tuple(*)) LIKE '%SECRET%'`), table).toBe(0);
    }
    expect(standIn.requests).toHaveLength((EVENTS - 1) * VARIANTS.length);
    for (const { headers, body } of standIn.requests) {
      const { 'x-stand-in': _script, ...sent } = headers;
      expect(JSON.stringify([sent, body])).not.toMatch(/acme|globex|lead-1|client\.id/);
    }
  });

  async function runApp(name: string, args: readonly string[]): Promise<{ chatId: string }> {
    const child = spawn(process.execPath, args, {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        ...stack.env,
        OTEL_SERVICE_NAME: name,
        OPENAI_API_KEY: 'sk-readback',
        OPENAI_BASE_URL: standIn.url,
        CLIENT_COST_PROVIDER_HOSTS: `127.0.0.1:${standIn.port}=openai`,
        CLIENT_COST_SPOOL_DIR: join(dataDir, `spool-${name}`),
      },
    });
    let out = '';
    child.stdout.on('data', (part) => {
      out += part;
    });
    const [code] = await once(child, 'close');
    expect(code, `${name} ended with ${code}: ${out}`).toBe(0);
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as { chatId: string };
  }

  async function count(from: string): Promise<number> {
    const [row] = await rows<{ n: string }>(`SELECT count() AS n FROM ${from}`);
    return Number(row?.n);
  }

  async function rows<T = Record<string, unknown>>(query: string): Promise<T[]> {
    const { url, user: username, password, database } = stack.clickhouse;
    const client = createClient({ url, username, password, database });
    try {
      return await (await client.query({ query, format: 'JSONEachRow' })).json<T>();
    } finally {
      await client.close();
    }
  }
});

/** Waits until `done` holds; the assertions after it say what is missing. */
async function until(done: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !(await done())) await sleep(250);
}
