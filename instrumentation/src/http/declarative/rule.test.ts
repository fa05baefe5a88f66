import { describe, expect, it } from 'vitest';
import { Answer } from '../answer.ts';
import { BodyTap } from '../body.ts';
import { SeenRequest } from '../request.ts';
import { parseProviders } from './file.ts';
import { parseJsonPath, parsePathPattern } from './paths.ts';
import { ProviderRule } from './rule.ts';

interface Case {
  readonly operations: readonly object[];
  readonly provider?: object;
  readonly method?: string;
  readonly path?: string;
  readonly sent?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number | undefined;
  readonly body?: unknown;
  readonly error?: unknown;
}

/** What one exchange is recorded as; undefined where it is not. */
function run(given: Case) {
  const { operations, provider, method = 'POST', path = '/v1/ocr', sent, headers = {}, error } = given;
  const content = { providers: [{ service: 'ocr', hosts: ['api.example.com'], operations, ...provider }] };
  const { providers, problems } = parseProviders(content);
  expect(problems).toEqual([]);
  const origin = { protocol: 'https:', host: 'api.example.com', port: 443 } as const;
  const request = new SeenRequest(origin, method, path, (name) => headers[name]);
  const rule = new ProviderRule(providers[0]!);
  const match = rule.matches(request);
  if (match === undefined) return undefined;
  const begun = rule.begin(match);
  const tap = new BodyTap();
  const requestTap = new BodyTap();
  if (begun.wantsBody && given.body !== undefined) {
    tap.push(typeof given.body === 'string' ? given.body : JSON.stringify(given.body));
  }
  if (begun.wantsRequestBody && sent !== undefined) requestTap.push(JSON.stringify(sent));
  const status = 'status' in given ? given.status : 200;
  const wanted = begun.wantsBody === true;
  const answer = new Answer({ status, header: (name) => headers[name], error, whole: true, wanted, tap, requestTap });
  const end = rule.end(match, answer);
  const start = end?.start ?? begun.start;
  return end && { ...end, start, operation: start.operation, begun };
}

const ocr = (changes: object = {}) => ({
  operation: 'ocr',
  path: '/v1/ocr',
  unit: 'page',
  quantity: { from: 'response.json', path: '$.usage.pages' },
  ...changes,
});
const pages = (n: unknown) => ({ usage: { pages: n } });

describe('quantity', () => {
  it.each<[unknown, object, string]>([
    [pages(3), {}, '3'],
    [pages('3.5'), {}, '3.5'],
    [pages(0.1), {}, '0.1'],
    [pages(0), {}, '0'],
    [pages(90), { divide_by: 60 }, '1.5'],
    [pages(100), { divide_by: 60 }, '1.666666666667'],
    [pages(60), { divide_by: 60, round: 'up' }, '1'],
    [pages(61), { divide_by: 60, round: 'up' }, '2'],
    [pages(0), { divide_by: 60, round: 'up', min: 1 }, '1'],
    [pages(7), { divide_by: '0.001' }, '7000'],
    [pages(2), { min: '2.5' }, '2.5'],
    [{}, { default: 4 }, '4'],
    [pages(null), { default: 4 }, '4'],
    [{ items: [{ n: 1 }, { n: 0.2 }, { n: '3' }] }, { path: '$.items[*].n' }, '4.2'],
    [{ items: [{ to: [1, 2] }, { to: [3] }] }, { path: '$.items[*].to[*]', count: true }, '3'],
    [{ items: [] }, { path: '$.items[*]', count: true }, '0'],
    [[{ n: 5 }], { path: '$[0].n' }, '5'],
    [[{ n: 5 }, { n: 6 }], { path: "$[-1]['n']" }, '6'],
  ])('%j %j → %s', (body, changes, quantity) => {
    const source = { from: 'response.json', path: '$.usage.pages', ...changes };
    const end = run({ operations: [ocr({ quantity: source })], body });
    expect(end).toMatchObject({ operation: 'ocr', outcome: 'ok', quantity, unit: 'page' });
    expect(end?.unpricedReason).toBeUndefined();
  });

  it.each<[unknown, string, string | undefined]>([
    [pages(-3), 'quantity: response.json $.usage.pages: -3 is negative', '-3'],
    [pages('NaN'), '"NaN" is not a decimal number', '"NaN"'],
    [pages([1]), 'is not a decimal number', 'a object'],
    [pages({}), 'is not a decimal number', 'a object'],
    [pages(true), 'is not a decimal number', 'a boolean'],
    [{}, 'quantity: response.json $.usage.pages is not there', undefined],
    [{ usage: { pages: null } }, 'is not there', undefined],
    ['<html>', 'quantity: the answer is not JSON', undefined],
    [undefined, 'quantity: the answer is not JSON', undefined],
  ])('%j has none: recorded, without a price', (body, reason, raw) => {
    const end = run({ operations: [ocr()], body });
    expect(end).toMatchObject({ outcome: 'ok', quantity: 'unknown', unpricedReason: expect.stringContaining(reason) });
    expect(end?.raw).toBe(raw);
    expect(end?.cost).toBeUndefined();
  });

  it.each<[object | number | string, string]>([
    [7, '7'],
    ['0.5', '0.5'],
    [{ from: 'response.header', name: 'X-Pages' }, '9'],
    [{ from: 'request.header', name: 'x-pages' }, '9'],
    [{ from: 'request.query', name: 'n' }, '8'],
    [{ from: 'request.path', name: 'id' }, '42'],
    [{ from: 'request.json', path: '$.texts[*]', count: true }, '2'],
  ])('from %j', (quantity, expected) => {
    const operations = [ocr({ path: '/v1/:id/ocr', quantity })];
    const end = run({ operations, path: '/v1/42/ocr?n=8', headers: { 'x-pages': '9' }, sent: { texts: ['a', 'b'] } });
    expect(end).toMatchObject({ quantity: expected });
    expect(end?.begun.wantsBody).toBe(false);
    expect(end?.begun.wantsRequestBody).toBe(typeof quantity === 'object' && 'count' in quantity);
  });
});

describe('which operation', () => {
  const operations = [
    { operation: 'sms', method: 'POST', path: '/send', query: { type: ['sms', 'mms'] } },
    { operation: 'push', path: '/send', body: { '$.channel': 'push' } },
    { operation: 'voice', path: '/send', body: { '$.channel': ['voice', 'call'], '$.to[*]': '*' } },
    { operation: 'any', method: ['PUT', 'patch'], path: '/send' },
    { operation: 'one', path: '/v1/files/:id' },
    { operation: 'literal', path: '/v1/places:search' },
    { operation: 'rest', path: '/v2/*' },
  ];
  it.each<[string, string, unknown, string]>([
    ['POST', '/send?type=sms', undefined, 'sms'],
    ['POST', '/send?a=1&type=mms', undefined, 'sms'],
    ['POST', '/send?type=fax', { channel: 'push' }, 'push'],
    ['POST', '/send', { channel: 'call', to: ['+1'] }, 'voice'],
    ['POST', '/send', { channel: 'call', to: [] }, 'unknown'],
    ['POST', '/send', 'text', 'unknown'],
    ['PATCH', '/send', { channel: 'x' }, 'any'],
    ['GET', '/v1/files/a%2Fb', undefined, 'one'],
    ['GET', '/v1/files/7/', undefined, 'one'],
    ['GET', '/v1/files/', undefined, 'unknown'],
    ['GET', '/v1/files/7/8', undefined, 'unknown'],
    ['GET', '/v1/places:search', undefined, 'literal'],
    ['GET', '/v2', undefined, 'rest'],
    ['GET', '/v2/a/b', undefined, 'rest'],
    ['GET', '/v22', undefined, 'unknown'],
  ])('%s %s %j is %s', (method, path, sent, operation) => {
    const end = run({ operations, method, path, sent, body: {} });
    expect(end?.operation).toBe(operation);
    if (operation === 'unknown') expect(end).toMatchObject({ outcome: 'ok', unpricedReason: expect.any(String) });
  });

  it('unknown ones are not recorded where the file says so', () => {
    const provider = { unknown: 'ignore' };
    expect(run({ operations, provider, path: '/v3' })).toBeUndefined();
    expect(run({ operations, provider, path: '/send', sent: { channel: 'none' } })).toBeUndefined();
    expect(run({ operations, provider, path: '/v2/x' })).toMatchObject({ operation: 'rest' });
  });
});

describe('what is billed', () => {
  const body = pages(5);
  it.each<[number, object, object | undefined]>([
    [200, {}, { outcome: 'ok', quantity: '5' }],
    [201, {}, { outcome: 'ok', quantity: '5' }],
    [302, {}, undefined],
    [304, {}, { outcome: 'ok', billed: false }],
    [302, { billed_statuses: ['2xx', 302] }, { outcome: 'ok', quantity: '5' }],
    [404, {}, { outcome: 'error', errorType: '404', billed: false, quantity: 0 }],
    [404, { billed_statuses: ['2xx', '404'] }, { outcome: 'error', errorType: '404', quantity: '5' }],
    [500, {}, { outcome: 'error', errorType: '500', billed: false }],
    [200, { billed_statuses: [] }, { outcome: 'ok', billed: false, quantity: 0 }],
  ])('status %i with %j', (status, changes, expected) => {
    const end = run({ operations: [ocr(changes)], status, body });
    if (expected === undefined) expect(end).toBeUndefined();
    else expect(end).toMatchObject({ ...expected, attributes: { 'http.response.status_code': status } });
  });

  it('the provider’s own statuses hold for operations that say nothing', () => {
    expect(run({ operations: [ocr()], provider: { billed_statuses: [404] }, status: 404, body })).toMatchObject({
      quantity: '5',
    });
    expect(run({ operations: [ocr()], provider: { billed_statuses: [404] }, status: 200, body })).toMatchObject({
      billed: false,
    });
  });

  it('no answer', () => {
    const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' });
    expect(run({ operations: [ocr()], status: undefined, error: lost })).toMatchObject({
      outcome: 'error',
      errorType: 'ECONNRESET',
      unpricedReason: expect.stringContaining('no answer came'),
    });
    const refused = new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) });
    expect(run({ operations: [ocr()], status: undefined, error: refused })).toMatchObject({
      outcome: 'error',
      errorType: 'ECONNREFUSED',
      billed: false,
    });
  });

  it('an answer that says it failed', () => {
    const failed = { from: 'response.json', path: '$.status', unless: ['OK', 'ZERO'] };
    const status = (said: unknown) => run({ operations: [ocr({ failed })], body: { ...body, status: said } });
    expect(status('OK')).toMatchObject({ outcome: 'ok', quantity: '5' });
    expect(status(undefined)).toMatchObject({ outcome: 'ok', quantity: '5' });
    expect(status('DENIED')).toMatchObject({ outcome: 'error', errorType: 'DENIED', billed: false });
    expect(status('Sorry, Mr Smith')).toMatchObject({ errorType: '_OTHER', billed: false });
  });
});

describe('the provider’s own price', () => {
  const cost = (more: object = {}, currency: unknown = undefined) =>
    ocr({
      cost: {
        amount: { from: 'response.json', path: '$.price', ...more },
        ...(currency === undefined ? {} : { currency }),
      },
    });
  const end = (operation: object, body: object) => run({ operations: [operation], body: { ...pages(2), ...body } });

  it.each<[object, object, string, string]>([
    [cost(), { price: '0.0125' }, '0.0125', 'USD'],
    [cost({}, 'EUR'), { price: 3 }, '3', 'EUR'],
    [
      cost({ divide_by: 100 }, { from: 'response.json', path: '$.currency' }),
      { price: 125, currency: 'CAD' },
      '1.25',
      'CAD',
    ],
  ])('%j %j', (operation, body, amount, currency) => {
    expect(end(operation, body)).toMatchObject({ cost: amount, costCurrency: currency, quantity: '2' });
  });

  it('that is not there leaves it to the price book; one that is no amount leaves it unpriced', () => {
    expect(end(cost(), {})?.cost).toBeUndefined();
    expect(end(cost(), {})?.unpricedReason).toBeUndefined();
    expect(end(cost(), { price: -1 })).toMatchObject({ unpricedReason: expect.stringContaining('cost: '), raw: '-1' });
    const unknownCurrency = cost({}, { from: 'response.json', path: '$.currency' });
    expect(end(unknownCurrency, { price: 1 })).toMatchObject({ cost: '1', costCurrency: '?' });
  });
});

it('sku and id, from wherever they are', () => {
  const operation = ocr({
    path: '/v1/:model/ocr',
    sku: { from: 'request.path', name: 'model', default: 'base' },
    external_id: { from: 'response.header', name: 'x-id' },
  });
  const end = run({ operations: [operation], path: '/v1/large/ocr', headers: { 'x-id': 'abc' }, body: pages(1) });
  expect(end).toMatchObject({ sku: 'large', externalId: 'abc' });
  expect(end?.start).toMatchObject({
    service: 'ocr',
    spanName: 'ocr ocr',
    attributes: {
      'http.request.method': 'POST',
      'server.address': 'api.example.com',
      'url.template': '/v1/:model/ocr',
    },
  });
  expect(JSON.stringify(end?.start)).not.toContain('large');
});

it('paths that look like regular expressions are none', () => {
  const pattern = parsePathPattern('/v1/a.b(c)+$');
  expect(typeof pattern === 'object' && pattern.match('/v1/a.b(c)+$')).toEqual({});
  expect(typeof pattern === 'object' && pattern.match('/v1/aXb(c)+$')).toBeUndefined();
  const own = parseJsonPath('$.__proto__.x');
  expect(typeof own === 'object' && own.find({})).toEqual([]);
});
