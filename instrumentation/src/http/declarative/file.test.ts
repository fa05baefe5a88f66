import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadPriceBook } from '../../prices/index.ts';
import { parseProviders, validateHttpProviders } from './file.ts';

const operation = { operation: 'ocr', path: '/v1/ocr' };
const file = (changes: object = {}, provider: object = {}) => ({
  providers: [{ service: 'ocr', hosts: ['api.example.com'], operations: [{ ...operation, ...changes }], ...provider }],
});
const problems = (content: unknown) =>
  parseProviders(content).problems.map(({ path, message }) => `${path}: ${message}`);

it('the smallest file, and its defaults', () => {
  const { providers, problems: none } = parseProviders(file());
  expect(none).toEqual([]);
  const [{ recordUnknown, billed, operations } = { operations: [] } as never] = providers;
  expect(recordUnknown).toBe(true);
  expect([200, 204, 301, 404].map((status) => billed(status))).toEqual([true, true, false, false]);
  expect(operations[0]).toMatchObject({ unit: 'request', methods: [], quantity: { source: { value: '1' } } });
});

it('the example of the documentation is right', () => {
  const page = readFileSync(join(__dirname, '../../../../docs/providers/http.md'), 'utf8');
  const [, example = ''] = /```json\n(\{\n {2}"providers"[\s\S]*?)\n```/.exec(page) ?? [];
  expect(validateHttpProviders(example)).toEqual([]);
  for (const key of [
    'operation',
    'method',
    'path',
    'query',
    'body',
    'unit',
    'quantity',
    'sku',
    'external_id',
    'cost',
    'failed',
  ]) {
    expect(page, key).toMatch(new RegExp(`^\\| \\*{0,2}\`${key}\``, 'm'));
  }
});

describe('what is wrong is named, with the way out', () => {
  it.each<[object, string]>([
    [{ path: 'v1/ocr' }, 'path: expected a path that begins with "/", such as "/v1/documents/:id", got "v1/ocr"'],
    [{ path: '/v1?x=1' }, 'path: expected a path without a query: conditions on it go to "query", got "/v1?x=1"'],
    [
      { path: '/v1/*/ocr' },
      'path: "*" can only be the last segment, as in "/v1/files/*"; one segment is ":name", got "/v1/*/ocr"',
    ],
    [{ path: '/:a/:a' }, 'path: ":a" stands in it twice, got "/:a/:a"'],
    [{ path: 7 }, 'path: expected a path such as "/v1/documents/:id", got 7'],
    [
      { operation: 'two words' },
      'operation: expected a name of letters, digits, "_", "-", "." (at most 64), got "two words"',
    ],
    [{ method: 5 }, 'method: expected a method such as "POST", or a list of them, got 5'],
    [{ quantity: -1 }, 'quantity: "-1" is negative'],
    [{ quantity: 'many' }, 'quantity: "many" is not a decimal number such as "0.15"'],
    [{ quantity: null }, 'quantity: expected a constant or an object such as'],
    [{ quantity: { from: 'response' } }, 'quantity.from: expected one of response.json, request.json, response.header'],
    [{ quantity: { from: 'response.json', path: 'pages' } }, 'quantity.path: expected a path such as "$.usage.pages"'],
    [{ quantity: { from: 'response.json', path: '$.a..b' } }, 'not understood from "..b" on'],
    [
      { quantity: { from: 'response.json', name: 'x' } },
      'quantity.name: response.json has no "name"; say where with "path"',
    ],
    [{ quantity: { from: 'response.header' } }, 'quantity.name: expected a name such as "x-request-id", got nothing'],
    [
      { quantity: { from: 'request.path', name: 'id' } },
      'quantity.name: the operation\'s path has no ":id" (there is: none)',
    ],
    [{ quantity: { from: 'response.json', path: '$.a', divide_by: 0 } }, 'quantity.divide_by: is zero'],
    [{ quantity: { from: 'response.json', path: '$.a', round: 'down' } }, 'quantity.round: expected "up", got "down"'],
    [
      { quantity: { from: 'response.json', path: '$.a', times: 2 } },
      'quantity.times: is not known; known are from, path',
    ],
    [
      { quantity: { from: 'response.header', name: 'a', count: true } },
      'quantity.count: only values of a "path" can be counted',
    ],
    [{ sku: {} }, 'sku.from: expected one of'],
    [{ cost: '0.1' }, 'cost: expected an object such as {"amount"'],
    [
      { cost: { amount: 1, currency: 'Euro' } },
      'cost.currency: expected a currency of ISO 4217 such as "EUR", got "Euro"',
    ],
    [{ billed_statuses: '2xx' }, 'billed_statuses: expected a list such as ["2xx", 404]'],
    [{ billed_statuses: ['2xx', 'ok'] }, 'billed_statuses[1]: expected a status such as "2xx" or 404, got "ok"'],
    [{ query: ['a'] }, 'query: expected an object of names and values, got ["a"]'],
    [{ query: { a: {} } }, 'query.a: expected a value, a list of values, or "*"'],
    [{ body: { a: 1 } }, 'body.a: expected a path such as'],
    [{ units: 'page' }, 'units: is not known; known are operation, method, path'],
  ])('%j', (changes, message) => {
    const found = problems(file(changes)).join('\n');
    expect(found).toContain(`providers[0].operations[0].`);
    expect(found).toContain(message);
  });

  it.each<[object, string]>([
    [{ service: '' }, 'providers[0].service: expected a name'],
    [{ hosts: [] }, 'providers[0].hosts: expected a list such as ["api.example.com"], got []'],
    [{ hosts: ['https://api.example.com/'] }, 'providers[0].hosts[0]: expected "api.example.com", "*.example.com"'],
    [{ hosts: ['*'] }, 'providers[0].hosts[0]: expected'],
    [{ hosts: ['a.com:99999'] }, 'providers[0].hosts[0]: expected'],
    [{ unknown: 'drop' }, 'providers[0].unknown: expected "record" or "ignore", got "drop"'],
    [{ operations: [] }, 'providers[0].operations: expected a list of at least one operation, got []'],
    [{ host: 'a' }, 'providers[0].host: is not known; known are service, hosts'],
  ])('%j', (provider, message) => {
    const content = file({}, provider);
    expect(problems(content).join('\n')).toContain(message);
    expect(parseProviders(content).providers).toEqual([]);
  });

  it('in the file as a whole, and in its prices', () => {
    expect(problems([])).toEqual(['(file): expected {"providers": [...]}, got []']);
    expect(validateHttpProviders('{"providers":')).toMatchObject([
      { path: '(file)', message: expect.stringContaining('is not JSON') },
    ]);
    expect(validateHttpProviders('/no/such/file.json')).toMatchObject([
      { message: expect.stringContaining('cannot be read') },
    ]);
    expect(problems({ ...file(), price: [] })).toEqual([expect.stringContaining('price: is not known')]);
    expect(problems({ ...file(), prices: [{ service: 'ocr', unit: 'page', usd_per_unit: '0,1' }] })).toEqual([
      'prices[0].usd_per_unit: "0,1" is not a decimal number such as "0.15"',
    ]);
  });
});

it('a bad operation costs the others nothing, a bad provider costs the others nothing', () => {
  const { providers, problems: found } = parseProviders({
    providers: [
      7,
      { service: 'bad' },
      { service: 'ocr', hosts: ['a.com'], operations: [{ operation: 'no path' }, operation, null] },
    ],
  });
  expect(providers.map(({ service, operations }) => [service, operations.map((one) => one.operation)])).toEqual([
    ['ocr', ['ocr']],
  ]);
  expect(new Set(found.map(({ path }) => path.split('.').slice(0, 2).join('.')))).toEqual(
    new Set([
      'providers[0]',
      'providers[1].hosts',
      'providers[1].operations',
      'providers[2].operations[0]',
      'providers[2].operations[2]',
    ]),
  );
});

it('never throws, whatever the file says', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void parseProviders(value)));
  const fields = fc.dictionary(
    fc.constantFrom('operation', 'path', 'quantity', 'sku', 'cost', 'query', 'body', 'failed', 'method'),
    fc.jsonValue(),
  );
  fc.assert(fc.property(fields, (raw) => void parseProviders(file(raw))));
});

it('never throws: lists deeper than the stack, objects that hide what makes a text of them', () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const odd = '{"toString": 1}';
  for (const value of [deep, odd]) {
    for (const text of [
      `{"providers": ${value}}`,
      `{"providers": [{"service": ${value}, "hosts": [${value}], "billed_statuses": [${value}], "operations": [${value}]}]}`,
      `{"providers": [], "prices": [{"service": ${value}}]}`,
    ])
      expect(validateHttpProviders(text).length, text.slice(0, 60)).toBeGreaterThan(0);
  }
});

describe('prices beside the providers', () => {
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-http-'));
  const write = (name: string, content: unknown) => {
    const path = join(dir, name);
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  const price = (usd: string) => ({ prices: [{ service: 'ocr', unit: 'page', usd_per_unit: usd }] });
  const ask = (providersFile: string | undefined, userFile?: string) => {
    const book = loadPriceBook({ providersFile, userFile: userFile ?? '' });
    const at = new Date();
    return { book, price: book.price({ service: 'ocr', operation: 'ocr', quantity: '3', unit: 'page', at }) };
  };

  it('are in the book, the user’s file wins, and both are in its version', () => {
    const http = write('http.json', { ...file(), ...price('0.001') });
    const user = write('user.json', price('0.002'));
    expect(ask(http).price).toMatchObject({ amount: '0.003' });
    expect(ask(http, user).price).toMatchObject({ amount: '0.006' });
    expect(ask(http, user).book.version).toMatch(/\+http\.[0-9a-f]{8}\+user\.[0-9a-f]{8}$/);
    expect(ask(write('none.json', file()), user).book.version).not.toContain('http');
  });

  it('that are wrong are named, and the others used', () => {
    const { prices } = price('0.001');
    const { book, price: found } = ask(write('bad.json', { ...file(), prices: [{ unit: 'x' }, ...prices] }));
    expect(found).toMatchObject({ amount: '0.003' });
    expect(book.problems.join()).toContain('bad.json: prices[0]');
    rmSync(dir, { recursive: true });
  });
});
