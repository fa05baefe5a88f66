import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diag } from '@opentelemetry/api';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import type { TokenUsage } from '../types.ts';
import { loadPriceBook, type PriceRequest, validatePriceFile } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'client-cost-prices-'));
afterAll(() => rmSync(folder, { recursive: true }));

let error: MockInstance<typeof diag.error>;
beforeEach(() => {
  error = vi.spyOn(diag, 'error').mockImplementation(() => {});
});
afterEach(() => {
  error.mockRestore();
  vi.unstubAllEnvs();
});

let files = 0;
function fileOf(content: unknown): string {
  const path = join(folder, `prices-${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const AT = new Date('2026-11-22T12:00:00Z');
function call(model: string, tokens: TokenUsage, more: Partial<PriceRequest> = {}): PriceRequest {
  return {
    service: 'openai',
    operation: 'chat_completion',
    model,
    tokens,
    quantity: '1',
    unit: 'request',
    at: AT,
    ...more,
  };
}
const MILLION = { input: 1_000_000, output: 0 };

describe('the user’s price file', () => {
  it('wins over every other price, and is in the version', () => {
    const text = JSON.stringify([
      { provider: 'openai', model: 'gpt-4o', usd_per_million: { input: '2.25', output: '9' } },
    ]);
    vi.stubEnv('CLIENT_COST_PRICES', fileOf(text));
    const book = loadPriceBook();
    expect(book.price(call('gpt-4o', MILLION)).amount).toBe('2.25');
    expect(book.price(call('gpt-4o-2024-08-06', MILLION)).amount).toBe('2.25');
    expect(book.price(call('gpt-4o-mini', MILLION)).amount).toBe('0.15');
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
    expect(book.version).toBe(`genai-prices@0.1.8+overlay.2026-11-22+user.${digest}`);
    expect(book.problems).toEqual([]);
    expect(error).not.toHaveBeenCalled();
  });

  it('holds for its tier, dates, operation and provider only', () => {
    const book = loadPriceBook({
      userFile: fileOf({
        defaults: { provider: 'openai', model: 'gpt-4o' },
        prices: [
          { usd_per_million: { input: '1' }, from: '2026-12-01' },
          { usd_per_million: { input: '3' }, to: '2026-11-01' },
          { usd_per_million: { input: '0.5' }, tier: 'flex' },
          { usd_per_million: { input: '7' }, operation: 'summarize' },
        ],
      }),
    });
    const price = (more: Partial<PriceRequest>) => book.price(call('gpt-4o', MILLION, more)).amount;
    expect(price({})).toBe('2.5');
    expect(price({ at: new Date('2026-12-01T00:00:00Z') })).toBe('1');
    expect(price({ at: new Date('2026-11-30T23:59:59.999Z') })).toBe('2.5');
    expect(price({ at: new Date('2026-10-31T23:59:59.999Z') })).toBe('3');
    expect(price({ serviceTier: 'flex' })).toBe('0.5');
    expect(price({ serviceTier: 'priority' })).toBe('4.25');
    expect(price({ operation: 'summarize' })).toBe('7');
    expect(price({ provider: 'azure.ai.openai', service: 'azure_openai' })).toBe('2.5');
  });

  it('can begin within a day', () => {
    const book = loadPriceBook({
      userFile: fileOf([
        { provider: 'openai', model: 'gpt-4o', from: '2026-11-22T12:00:00Z', usd_per_million: { input: 1 } },
      ]),
    });
    const on = (time: string) => book.price(call('gpt-4o', MILLION, { at: new Date(`2026-11-22T${time}Z`) })).amount;
    expect([on('11:59:59.999'), on('12:00:00'), on('11:00:00')]).toEqual(['2.5', '1', '2.5']);
  });

  it('prices a gateway’s, a deployment’s and an own model', () => {
    const book = loadPriceBook({
      userFile: fileOf({
        prices: [
          { service: 'openai_compatible', model: 'house-13b', usd_per_million: { input: '0.0000001', output: '1e-7' } },
          { provider: 'azure.ai.openai', model: 'my-deployment', usd_per_million: { input: '2' } },
          {
            provider: 'azure',
            model_prefix: 'house-',
            tier: '*',
            usd_per_million: { input: '4' },
            usd_per_request: '0.01',
          },
          { provider: 'acme', model: 'flat', usd_per_request: '0.25' },
        ],
      }),
    });
    const own = { service: 'openai_compatible' };
    // 3 tokens at 1e-13: the amount has 12 decimals, half to even.
    expect(book.price(call('house-13b', { input: 3, output: 0 }, own)).amount).toBe('0');
    expect(book.price(call('house-13b', { input: 15, output: 0 }, own)).amount).toBe('0.000000000002');
    expect(book.price(call('house-13b', { input: 20, output: 10 }, own)).amount).toBe('0.000000000003');
    const azure = { service: 'azure_openai', provider: 'azure.ai.openai' };
    const deployed = call('my-deployment', MILLION, { ...azure, responseModel: 'gpt-4o-2024-08-06' });
    expect(book.price(deployed).amount).toBe('2');
    expect(book.price(call('house-7b', MILLION, { ...azure, serviceTier: 'priority' })).amount).toBe('4.01');
    expect(book.price(call('flat', { input: -1, output: 0 }, { service: 'acme' })).amount).toBe('0.25');
  });

  it.each([
    ['house-', 'house-large-'],
    ['house-large-', 'house-'],
  ])('takes the longer of two prefixes of models that fit, in any order: %s, %s', (...prefixes) => {
    const price = { 'house-': '1', 'house-large-': '7' } as const;
    const lines = prefixes.map((model_prefix) => ({
      provider: 'openai',
      model_prefix,
      usd_per_million: { input: price[model_prefix as keyof typeof price] },
    }));
    const book = loadPriceBook({ userFile: fileOf({ prices: lines }) });
    expect(book.price(call('house-large-2', MILLION)).amount).toBe('7');
    expect(book.price(call('house-small-2', MILLION)).amount).toBe('1');
  });

  it('takes the longer prefix also where the shorter one began later', () => {
    const book = loadPriceBook({
      userFile: fileOf({
        prices: [
          { provider: 'openai', model_prefix: 'house-large-', from: '2026-01-01', usd_per_million: { input: '7' } },
          { provider: 'openai', model_prefix: 'house-', from: '2026-02-01', usd_per_million: { input: '1' } },
        ],
      }),
    });
    expect(book.price(call('house-large-2', MILLION)).amount).toBe('7');
  });

  it.each([
    ['sku', 'us_ca_tollfree', '7'],
    ['sku', 'us_ca_tollfree_x', '1'],
    ['model', 'us_ca_tollfree', '7'],
    ['model', 'us_ca_tollfree-2026-01-31', '3'],
    ['model', 'us_ca_tollfree-2026-02-28', '7'],
  ] as const)(
    'of prices per unit takes the exact %s, then its family, then the longest prefix: %s',
    (kind, name, usd) => {
      const line = { service: 'acme', unit: 'call' };
      const lines = [
        { ...line, [kind]: 'us_ca_tollfree', usd_per_unit: '7' },
        ...(kind === 'model' ? [{ ...line, model: 'us_ca_tollfree-2026-01-31', usd_per_unit: '3' }] : []),
        { ...line, [`${kind}_prefix`]: 'us_ca', usd_per_unit: '1' },
        { ...line, [`${kind}_prefix`]: 'us', from: '2026-01-01', usd_per_unit: '5' },
      ];
      const named = kind === 'sku' ? { sku: name } : { model: name };
      const event = { service: 'acme', operation: 'lookup', unit: 'call', quantity: '1', at: AT, ...named };
      for (const prices of [lines, lines.toReversed()]) {
        expect(loadPriceBook({ userFile: fileOf({ prices }) }).price(event).amount).toBe(usd);
      }
    },
  );

  it('lets no date outweigh what an entry names', () => {
    const prices = [
      { service: 'acme', provider: 'acme', unit: 'call', usd_per_unit: '1' },
      { service: 'acme', from: '2026-01-01', unit: 'call', usd_per_unit: '2' },
    ];
    const event = { service: 'acme', provider: 'acme', operation: 'x', unit: 'call', quantity: '1', at: AT };
    expect(loadPriceBook({ userFile: fileOf({ prices }) }).price(event).amount).toBe('1');
  });

  it('prices units of anything', () => {
    const book = loadPriceBook({
      userFile: fileOf({
        prices: [
          { service: 'acme', operation: 'lookup', unit: 'request', usd_per_unit: '0.004' },
          { service: 'acme', unit: 'request', usd_per_unit: '0.009' },
          { service: 'acme', unit: 'gb_month', usd_per_unit: '0.015' },
        ],
      }),
    });
    const price = (operation: string, unit: string, quantity: string) =>
      book.price({ service: 'acme', operation, unit, quantity, at: AT });
    expect(price('lookup', 'request', '1').amount).toBe('0.004');
    expect(price('lookup', 'request', '250').amount).toBe('1');
    expect(price('other', 'request', '2').amount).toBe('0.018');
    expect(price('store', 'gb_month', '0.123456789012').amount).toBe('0.001851851835');
    expect(price('lookup', 'minute', '1')).toMatchObject({ amount: undefined });
    expect(price('lookup', 'request', '0').amount).toBe('0');
    for (const quantity of ['-1', 'x', '', '1e400', '0.0000000000001', '9'.repeat(39)]) {
      expect(price('lookup', 'request', quantity), quantity).toMatchObject({
        amount: undefined,
        reason: expect.stringMatching(/./),
      });
    }
  });
});

describe('a broken price file', () => {
  it.each([
    ['{"prices": [', /is not JSON/],
    ['7', /expected \{"prices": \[\.\.\.\]\} or a list of prices, got 7/],
    ['{"price": []}', /got \{"price":\[\]\}/],
    ['', /is not JSON/],
  ])('%j is left out, said once, and kept as a problem', (text, why) => {
    const userFile = fileOf(text);
    const book = loadPriceBook({ userFile });
    expect(book.problems.join()).toMatch(why);
    expect(book.problems.join()).toContain(userFile);
    expect(error).toHaveBeenCalledTimes(1);
    expect(error.mock.calls[0]?.[0]).toContain(userFile);
    expect(book.price(call('gpt-4o', MILLION)).amount).toBe('2.5');
  });

  it('a value nested more deeply than the stack reaches is a problem, not a crash', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const book = loadPriceBook({ userFile: fileOf(`{"prices": [{"service": "acme", "unit": ${deep}}]}`) });
    expect(book.problems.join()).toContain('prices[0].unit: expected a text of 1 to 256 characters, got a list');
  });

  it('a missing file is a problem, not a crash', () => {
    const book = loadPriceBook({ userFile: join(folder, 'none.json') });
    expect(book.problems).toEqual([expect.stringMatching(/none\.json: \(file\): cannot be read: ENOENT/)]);
    expect(book.version).toBe('genai-prices@0.1.8+overlay.2026-11-22');
  });

  const good = { provider: 'openai', model: 'gpt-4o', usd_per_million: { input: '1' } };
  it.each<[unknown, string, RegExp]>([
    [7, 'prices[1]', /expected an object, got 7/],
    [{ ...good, usd_per_million: { input: 'x' } }, 'prices[1].usd_per_million.input', /"x" is not a decimal/],
    [{ ...good, usd_per_million: { input: '-1' } }, 'prices[1].usd_per_million.input', /"-1" is negative/],
    [{ ...good, usd_per_million: { input: null } }, 'prices[1].usd_per_million.input', /null is not a decimal/],
    [{ ...good, usd_per_million: { inputs: '1' } }, 'prices[1].usd_per_million.inputs', /not known; known are input/],
    [{ ...good, usd_per_million: {} }, 'prices[1].usd_per_million', /expected an object such as/],
    [{ ...good, usd_per_million: { input: '1e10' } }, 'prices[1].usd_per_million.input', /billion/],
    [{ ...good, usd_per_milion: 1 }, 'prices[1].usd_per_milion', /is not known/],
    [{ ...good, from: '2026-02-30' }, 'prices[1].from', /UTC date such as .* got "2026-02-30"/],
    [{ ...good, from: '22.11.2026' }, 'prices[1].from', /22\.11\.2026/],
    [{ ...good, from: '2026-02-02', to: '2026-02-02' }, 'prices[1].to', /not after/],
    [{ ...good, model: '' }, 'prices[1].model', /1 to 256 characters, got ""/],
    [{ ...good, model: ['gpt-4o'] }, 'prices[1].model', /got \["gpt-4o"\]/],
    [{ ...good, model_prefix: 'gpt' }, 'prices[1].model_prefix', /beside "model"/],
    [{ ...good, above: [{ input_tokens: 0 }] }, 'prices[1].above[0].input_tokens', /positive whole number, got 0/],
    [{ ...good, above: {} }, 'prices[1].above', /expected a list/],
    [{ ...good, up_to_input_tokens: '5' }, 'prices[1].up_to_input_tokens', /got "5"/],
    [{ model: 'gpt-4o', usd_per_million: { input: '1' } }, 'prices[1]', /needs "provider" or "service"/],
    [{ provider: 'openai', usd_per_million: { input: '1' } }, 'prices[1]', /needs "model" or "model_prefix"/],
    [{ service: 'acme', usd_per_unit: '1' }, 'prices[1].unit', /is needed beside/],
    [{ service: 'acme', unit: 'request' }, 'prices[1]', /needs either/],
    [{ ...good, unit: 'request', usd_per_unit: '1' }, 'prices[1]', /needs either/],
  ])('a bad entry is named and left out: %j', (bad, path, why) => {
    const userFile = fileOf({ prices: [good, bad, { ...good, model: 'gpt-4o-mini' }] });
    const book = loadPriceBook({ userFile });
    const problems = validatePriceFile(userFile);
    expect(problems).toContainEqual({ path, message: expect.stringMatching(why) });
    expect(book.problems).toHaveLength(problems.length);
    expect(error).toHaveBeenCalledTimes(1);
    expect(error.mock.calls[0]?.[0]).toContain(path);
    expect(book.price(call('gpt-4o', MILLION)).amount).toBe('1');
    expect(book.price(call('gpt-4o-mini', MILLION)).amount).toBe('1');
    expect(book.version).toMatch(/\+user\.[0-9a-f]{8}$/);
  });

  it('says at most ten problems in the log, all in the book', () => {
    const book = loadPriceBook({ userFile: fileOf(Array<number>(30).fill(7)) });
    expect(book.problems).toHaveLength(30);
    expect(String(error.mock.calls[0]?.[0])).toMatch(/and 20 more$/);
  });

  it('never throws, whatever the file says', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.anything().map((value) => JSON.stringify(value) ?? ''),
    );
    const entry = fc.dictionary(
      fc.constantFrom(
        'provider',
        'service',
        'model',
        'tier',
        'from',
        'to',
        'usd_per_million',
        'above',
        'usd_per_unit',
        'unit',
      ),
      fc.anything(),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          anything,
          fc.array(entry).map((list) => JSON.stringify({ prices: list }) ?? ''),
        ),
        (text) => {
          for (const { path, message } of validatePriceFile(`[${text}]`)) expect(`${path} ${message}`).toMatch(/./);
        },
      ),
    );
  });
});

describe('validatePriceFile', () => {
  it('takes a path or the content', () => {
    expect(validatePriceFile(fileOf('[]'))).toEqual([]);
    expect(validatePriceFile(' {"prices": []}')).toEqual([]);
    expect(validatePriceFile('[1]')).toHaveLength(1);
    expect(validatePriceFile('/nowhere/prices.json')).toEqual([
      { path: '(file)', message: expect.stringMatching(/ENOENT/) },
    ]);
  });
});
