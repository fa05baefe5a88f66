import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serializeEvent, serializeHeader } from '../record.ts';
import { ClickHouseTransport, logRow, valueAsString } from './clickhouse.ts';

const HEADER = serializeHeader({ attributes: { 'service.name': 'svc', 'host.cpus': 2 } }, '1.0');
const RECORD = serializeEvent(
  {
    id: 'u1',
    timeUnixNano: 1767225600123456789n,
    attributes: { 'usage.id': 'u1', tokens: 5, ratio: 0.1, ok: false, list: ['a', 1] },
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: 1,
  },
  1767225600999000000n,
);

let reply: { status: number; body?: string; headers?: Record<string, string> };
let seen: { url: URL; user: unknown; key: unknown; body: string }[];
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const url = new URL(request.url!, 'http://x');
    seen.push({ url, user: request.headers['x-clickhouse-user'], key: request.headers['x-clickhouse-key'], body });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
});

beforeEach(async () => {
  reply = { status: 200, headers: { 'x-clickhouse-summary': '{}' } };
  seen = [];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise<void>((resolve) => server.close(() => resolve()));
});

function send(options: { url?: string; database?: string; records?: string[] } = {}) {
  const transport = new ClickHouseTransport({
    url: options.url ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    user: 'writer',
    password: 's3cret',
    database: options.database ?? 'client_cost',
    timeoutMs: 2000,
    gzip: false,
  });
  return transport
    .send(
      HEADER,
      (options.records ?? [RECORD]).map((record) => Buffer.from(record)),
    )
    .finally(() => transport.close());
}

test("a row is what the Collector's exporter would insert", () => {
  expect(logRow(JSON.parse(HEADER), JSON.parse(RECORD))).toEqual({
    Timestamp: '2026-01-01T00:00:00.123456789Z',
    TraceId: '0af7651916cd43dd8448eb211c80319c',
    SpanId: 'b7ad6b7169203331',
    TraceFlags: 1,
    SeverityText: 'INFO',
    SeverityNumber: 9,
    ServiceName: 'svc',
    Body: '',
    ResourceSchemaUrl: '',
    ResourceAttributes: { 'service.name': 'svc', 'host.cpus': '2' },
    ScopeSchemaUrl: '',
    ScopeName: '@client-cost/instrumentation',
    ScopeVersion: '1.0',
    ScopeAttributes: {},
    LogAttributes: { 'usage.id': 'u1', tokens: '5', ratio: '0.1', ok: 'false', list: '["a",1]' },
    EventName: 'client_cost.usage',
  });
  expect(valueAsString({ kvlistValue: { values: [{ key: 'a', value: { boolValue: true } }] } })).toBe('{"a":true}');
  expect(valueAsString({})).toBe('');
});

test('a synchronous insert, credentials in headers, one row a line', async () => {
  expect(await send({ records: [RECORD, RECORD] })).toEqual({ kind: 'ok' });
  const [{ url, user, key, body }] = seen as [(typeof seen)[0]];
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    async_insert: '0',
    throw_on_max_partitions_per_insert_block: '0',
    wait_end_of_query: '1',
    query: expect.stringMatching(
      /^INSERT INTO `client_cost`\.otel_logs \(Timestamp, .*, EventName\) FORMAT JSONEachRow$/,
    ),
  });
  expect([user, key]).toEqual(['writer', 's3cret']);
  expect(
    body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).EventName),
  ).toEqual(['client_cost.usage', 'client_cost.usage']);
});

test('credentials in the address are used and never shown', async () => {
  reply = { status: 403, body: 'Code: 516. DB::Exception: no' };
  const { port } = server.address() as AddressInfo;
  const result = await send({ url: `http://other:p%40ss@127.0.0.1:${port}` });
  expect([seen[0]!.user, seen[0]!.key]).toEqual(['other', 'p@ss']);
  expect(JSON.stringify(result)).not.toContain('p%40ss');
});

test('a database name cannot leave its quotes', async () => {
  await send({ database: 'a`; DROP TABLE x' });
  expect(seen[0]!.url.searchParams.get('query')).toContain('INTO `a\\`; DROP TABLE x`.otel_logs');
});

test.each([
  [403, '516', 'retry', /CLIENT_COST_CLICKHOUSE_USER/],
  [404, '60', 'retry', /client-cost migrate/],
  [404, '81', 'retry', /client-cost migrate/],
  [500, '497', 'retry', /needs INSERT/],
  [500, '241', 'retry', /answered 500/],
  [400, '27', 'invalid', /CANNOT_PARSE/],
  [200, '117', 'invalid', /INCORRECT_DATA/],
])('%i with code %s: %s', async (status, code, kind, words) => {
  reply = {
    status,
    body: `Code: ${code}. DB::Exception: CANNOT_PARSE or INCORRECT_DATA`,
    headers: { 'x-clickhouse-exception-code': code },
  };
  const result = await send();
  expect(result.kind).toBe(kind);
  expect(result).toHaveProperty('reason', expect.stringMatching(words));
});

test.each([
  [200, '<html>Please log in</html>', {}],
  [200, '<html>Please log in</html>', { 'x-clickhouse-summary': '{}' }],
  [200, '', {}],
  [204, '', {}],
  [302, '', { location: '/login' }],
])('%i %j %j is no acknowledgement', async (status, body, headers) => {
  reply = { status, body, headers };
  const result = await send();
  expect(result.kind).toBe('retry');
  if (status < 300)
    expect(result).toHaveProperty(
      'reason',
      expect.stringMatching(/no answer of ClickHouse.*check CLIENT_COST_CLICKHOUSE_URL/),
    );
});

test('a record that is no JSON is the record, not the server', async () => {
  expect((await send({ records: ['{'] })).kind).toBe('invalid');
  expect(seen).toEqual([]);
});

test.each([
  'null',
  '7',
  '{"attributes":7}',
  '{"attributes":[null]}',
  '{"attributes":[{"key":"a"}]}',
  '{"timeUnixNano":"x"}',
  '{',
])('a record that is none is refused for good, not tried for ever: %s', async (record) => {
  expect(await send({ records: [record] })).toMatchObject({ kind: 'invalid' });
});
