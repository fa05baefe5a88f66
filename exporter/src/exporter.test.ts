import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { SpoolingExporter } from './exporter.ts';
import { createUsageExporter } from './index.ts';
import { OnceLog } from './log.ts';
import { Delivery } from './sender/delivery.ts';
import { heardMessages } from './testing/log.ts';
import { Sink } from './testing/sink.ts';
import type { SendResult, UsageExporter } from './types.ts';

let dir: string;
let sink: Sink;
let messages: string[];
const open: UsageExporter[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'client-cost-exporter-'));
  sink = await Sink.start();
  messages = heardMessages();
});

afterEach(async () => {
  for (const exporter of open.splice(0)) await exporter.shutdown(0);
  await sink.stop();
  diag.disable();
  rmSync(dir, { recursive: true, force: true });
});

function start(env: NodeJS.ProcessEnv = {}): UsageExporter {
  const exporter = createUsageExporter(
    { resource: { attributes: { 'service.name': 'svc' } }, scopeVersion: '1.2.3' },
    {
      CLIENT_COST_OTLP_ENDPOINT: env.CLIENT_COST_OTLP_ENDPOINT ?? sink.url,
      CLIENT_COST_SPOOL_DIR: dir,
      CLIENT_COST_FLUSH_INTERVAL_MS: '10',
      ...env,
    },
  );
  open.push(exporter);
  return exporter;
}

function send(exporter: UsageExporter, from: number, to: number, text = ''): string[] {
  const ids = Array.from({ length: to - from }, (_, i) => `e${from + i}`);
  for (const id of ids) exporter.emit({ id, timeUnixNano: 1767225600000000000n, attributes: { 'usage.id': id, text } });
  return ids;
}

const rejected = () =>
  readFileSync(join(dir, 'rejected.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('delivers by itself, with resource and scope, and acknowledges', async () => {
  const exporter = start();
  const ids = send(exporter, 0, 10);
  await vi.waitFor(() => expect(exporter.stats().delivered).toBe(10));
  expect(sink.ids).toEqual(ids);
  expect(sink.accepted[0]).toMatchObject({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: 'svc' } }] },
    scope: { name: '@client-cost/instrumentation', version: '1.2.3' },
  });
  expect(exporter.stats()).toEqual({
    emitted: 10,
    delivered: 10,
    pending: 0,
    failures: 0,
    replayed: 0,
    rejected: 0,
    dropped: 0,
  });
});

test('gzip, headers and batch size', async () => {
  const exporter = start({
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x',
    CLIENT_COST_BATCH_SIZE: '7',
  });
  const ids = send(exporter, 0, 20);
  expect(await exporter.flush()).toBe(true);
  expect(sink.ids).toEqual(ids);
  expect(sink.requests.map((request) => request.ids.length)).toEqual([7, 7, 6]);
  expect(sink.requests[0]!.headers).toMatchObject({ 'content-encoding': 'gzip', authorization: 'Bearer x' });
});

test('one request at a time over one connection', async () => {
  let running = 0;
  let most = 0;
  sink.behaviour = () => {
    most = Math.max(most, ++running);
    setTimeout(() => running--, 15);
    return { status: 200, delayMs: 15 };
  };
  const exporter = start({ CLIENT_COST_BATCH_SIZE: '5' });
  send(exporter, 0, 30);
  await exporter.flush();
  expect(most).toBe(1);
});

test.each([429, 503, 502, 500, 401, 403, 404, 418])(
  '%i: kept, said once, sent again until it works',
  async (status) => {
    sink.behaviour = ({ n }) => (n < 4 ? { status, body: 'not\nnow' } : undefined);
    const exporter = start();
    const ids = send(exporter, 0, 3);
    expect(await exporter.flush(15_000)).toBe(true);
    expect(sink.ids.sort()).toEqual(ids);
    expect(exporter.stats()).toMatchObject({ delivered: 3, rejected: 0 });
    expect(exporter.stats().failures).toBeGreaterThanOrEqual(2);
    expect(messages.filter((message) => message.includes(`answered ${status}: not now`))).toHaveLength(1);
    expect(messages.at(-1)).toContain('takes usage events again');
  },
);

test('Retry-After is honoured, also by flush: it does not wait when the time is beyond its deadline', async () => {
  sink.behaviour = ({ n }) => (n === 0 ? { status: 503, headers: { 'retry-after': '1' } } : undefined);
  const exporter = start();
  send(exporter, 0, 1);
  const before = Date.now();
  expect(await exporter.flush(300)).toBe(false);
  expect(Date.now() - before).toBeLessThan(280);
  expect(await exporter.flush(5000)).toBe(true);
  expect(sink.requests[1]!.at - sink.requests[0]!.at).toBeGreaterThanOrEqual(990);
});

test.each(['0', 'Thu, 01 Jan 1970 00:00:00 GMT'])('Retry-After: %s is no invitation to a storm', async (value) => {
  sink.behaviour = () => ({ status: 503, headers: { 'retry-after': value } });
  const exporter = start();
  send(exporter, 0, 1);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(sink.requests.length).toBeGreaterThan(1);
  expect(sink.requests.length).toBeLessThan(6);
  expect(await exporter.flush(1_000)).toBe(false);
  expect(sink.requests.length).toBeLessThan(14);
});

test('a destination that answers 500 to everything is not asked about each event', async () => {
  sink.behaviour = () => ({ status: 500 });
  const exporter = start();
  send(exporter, 0, 1_000);
  expect(await exporter.flush(2_000)).toBe(false);
  // Every third attempt in parts: 22 of them.
  const whole = sink.requests.filter(({ ids }) => ids.length === 1_000).length;
  expect(whole).toBeGreaterThanOrEqual(3);
  expect(sink.requests.length - whole).toBeLessThanOrEqual((whole / 3) * 22);
  expect(exporter.stats()).toMatchObject({ rejected: 0, pending: 1_000 });
});

test.each([[[0]], [[999]], [[500, 501, 777]], [Array.from({ length: 100 }, (_, i) => i)]])(
  'events that make the other side fail with 500 are found wherever they are',
  async (numbers) => {
    const bad = new Set(numbers.map((i) => `e${i}`));
    sink.behaviour = ({ ids }) => (ids?.some((id) => bad.has(id)) ? { status: 500 } : undefined);
    const exporter = start();
    send(exporter, 0, 1_000);
    expect(await exporter.flush(15_000)).toBe(true);
    expect(exporter.stats()).toMatchObject({ delivered: 1_000 - bad.size, rejected: bad.size, pending: 0 });
  },
);

test('hurry sends at once what the flush interval would hold back', async () => {
  const exporter = start({ CLIENT_COST_FLUSH_INTERVAL_MS: '60000' }) as SpoolingExporter;
  send(exporter, 0, 1);
  exporter.hurry();
  await vi.waitFor(() => expect(sink.ids).toEqual(['e0']));
  // While it gathers.
  send(exporter, 1, 2);
  exporter.hurry();
  await vi.waitFor(() => expect(sink.ids).toEqual(['e0', 'e1']));
  // While it sends.
  sink.behaviour = () => ({ status: 200, delayMs: 100 });
  send(exporter, 2, 3);
  exporter.hurry();
  await vi.waitFor(() => expect(sink.requests).toHaveLength(3));
  send(exporter, 3, 4);
  exporter.hurry();
  await vi.waitFor(() => expect(sink.ids).toEqual(['e0', 'e1', 'e2', 'e3']));
});

test('handed over and gone on: what was left is sent, later events too, and the counts hold', async () => {
  sink.behaviour = () => ({ status: 503 });
  const exporter = start() as SpoolingExporter;
  send(exporter, 0, 5);
  exporter.handOver();
  send(exporter, 5, 8);
  expect(exporter.stats().pending).toBe(8);
  exporter.resume();
  expect(exporter.stats()).toMatchObject({ pending: 3 });
  sink.behaviour = () => undefined;
  expect(await exporter.flush(5_000)).toBe(true);
  await vi.waitFor(() => expect([...sink.ids].sort()).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7']));
  expect(exporter.stats()).toMatchObject({ emitted: 8, pending: 0, dropped: 0 });
});

test('an answer that comes after the events were handed over is counted once', async () => {
  let answer = (_result: SendResult) => {};
  const send = () => new Promise<SendResult>((resolve) => (answer = resolve));
  const batches = [{ batch: { records: [Buffer.from('{}')], header: '{}', commit: () => {} }, own: true }];
  const delivery = new Delivery({
    transport: { target: 'there', send, close: () => {} },
    queue: { next: () => batches.pop() },
    limits: { maxEvents: 10, maxBytes: 1000 },
    intervalMs: 1,
    once: new OnceLog(),
    setAside: () => {},
  });
  delivery.hurry();
  await vi.waitFor(() => expect(batches).toEqual([]));
  delivery.stop();
  delivery.resume(1);
  answer({ kind: 'ok' });
  await vi.waitFor(() => expect(delivery.delivered).toBe(1));
  expect(delivery.settled).toBe(1);
});

test('nobody listens: flush ends at its deadline, the events arrive when somebody does', async () => {
  const { port, url } = sink;
  await sink.stop();
  const exporter = start({ CLIENT_COST_OTLP_ENDPOINT: url });
  const ids = send(exporter, 0, 5);
  expect(await exporter.flush(100)).toBe(false);
  expect(exporter.stats()).toMatchObject({ pending: 5, delivered: 0 });
  expect(messages[0]).toMatch(/cannot reach http:\/\/127\.0\.0\.1:\d+\/v1\/logs.*ECONNREFUSED/);
  sink = await Sink.start(undefined, port);
  expect(await exporter.flush(10_000)).toBe(true);
  expect(sink.ids).toEqual(ids);
});

test.each([400, 413])('one event that is refused with %i blocks nothing and is kept aside', async (status) => {
  sink.behaviour = ({ ids }) => (ids?.includes('e37') ? { status, body: 'bad record' } : undefined);
  const exporter = start();
  const ids = send(exporter, 0, 100);
  expect(await exporter.flush()).toBe(true);
  expect(sink.ids.sort()).toEqual(ids.filter((id) => id !== 'e37').sort());
  expect(exporter.stats()).toMatchObject({ delivered: 99, rejected: 1, pending: 0 });
  expect(rejected()).toMatchObject([
    { reason: expect.stringContaining('bad record'), record: { eventName: 'client_cost.usage' } },
  ]);
  expect(JSON.stringify(rejected())).toContain('e37');
  expect(messages.join()).toContain('rejected.jsonl');
});

test('one event that makes the other side fail with 500 is found too; when all fail, all are kept', async () => {
  sink.behaviour = ({ ids }) => (ids?.includes('e3') ? { status: 500 } : undefined);
  const exporter = start();
  send(exporter, 0, 8);
  expect(await exporter.flush(15_000)).toBe(true);
  expect(exporter.stats()).toMatchObject({ delivered: 7, rejected: 1, pending: 0 });
  sink.behaviour = () => ({ status: 500 });
  send(exporter, 8, 10);
  expect(await exporter.flush(1500)).toBe(false);
  expect(exporter.stats()).toMatchObject({ rejected: 1, pending: 2 });
});

test('an address that answers 400 to everything is a wrong address: nothing is set aside', async () => {
  sink.behaviour = () => ({ status: 400, body: 'who are you?' });
  const exporter = start();
  send(exporter, 0, 4);
  expect(await exporter.flush(500)).toBe(false);
  expect(exporter.stats()).toMatchObject({ rejected: 0, pending: 4 });
  expect(messages[0]).toContain('refuses an empty request too');
  expect(readdirSync(dir)).not.toContain('rejected.jsonl');
});

test('a partial success is not sent again; the batch is kept aside and said once', async () => {
  sink.behaviour = () => ({
    status: 200,
    body: '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}',
  });
  const exporter = start();
  send(exporter, 0, 5);
  expect(await exporter.flush()).toBe(true);
  send(exporter, 5, 10);
  expect(await exporter.flush()).toBe(true);
  expect(sink.requests).toHaveLength(2);
  expect(exporter.stats()).toMatchObject({ delivered: 6, rejected: 4, pending: 0 });
  expect(rejected()).toHaveLength(10);
  expect(
    messages.filter((message) => message.includes('too old') && message.includes('copy of the batch')),
  ).toHaveLength(1);
});

test('hostile text passes; an event that cannot be read is counted and hurts nobody', async () => {
  const exporter = start();
  const text = `"\\\n\u0000\u2028\ud800😀'; DROP TABLE x --${'z'.repeat(10_240)}`;
  send(exporter, 0, 2, text);
  const trap = {
    get attributes(): never {
      throw new Error('trap');
    },
  };
  expect(() => exporter.emit({ id: 'x', timeUnixNano: 1n, ...Object.create(trap) })).not.toThrow();
  expect(() => exporter.emit(Object.setPrototypeOf({ id: 'x' }, trap))).not.toThrow();
  expect(() => exporter.emit(undefined as never)).not.toThrow();
  expect(await exporter.flush()).toBe(true);
  expect(sink.ids).toEqual(['e0', 'e1', 'x']);
  expect(JSON.stringify(sink.accepted[0]!.record)).toContain(JSON.stringify(text.toWellFormed()).slice(1, -1));
  expect(exporter.stats()).toMatchObject({ emitted: 5, delivered: 3, dropped: 2, pending: 0 });
});

test('an event after shutdown waits for the next start', async () => {
  const exporter = start();
  send(exporter, 0, 1);
  expect(await exporter.shutdown()).toBe(true);
  send(exporter, 1, 2);
  expect(exporter.stats()).toMatchObject({ emitted: 2, delivered: 1, pending: 1 });
  expect(await exporter.flush(100)).toBe(false);
  expect(messages.join()).toContain('after shutdown');
});

test('events left by a shutdown during an outage are replayed by the next exporter', async () => {
  sink.behaviour = () => ({ status: 503 });
  const first = start();
  const ids = send(first, 0, 5);
  expect(await first.shutdown(50)).toBe(false);
  sink.behaviour = () => undefined;
  const second = start();
  await vi.waitFor(() => expect(second.stats().replayed).toBe(5));
  expect(sink.ids).toEqual(ids);
});

test('CLIENT_COST_EXPORTER=none sends nothing and waits for nothing', async () => {
  const exporter = start({ CLIENT_COST_EXPORTER: 'none' });
  send(exporter, 0, 3);
  expect(await exporter.flush()).toBe(true);
  expect(exporter.stats()).toMatchObject({ emitted: 3, pending: 0 });
  expect(sink.requests).toEqual([]);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  'a clock that says %s costs no event: it was observed when it happened',
  async (said) => {
    const exporter = start();
    const now = vi.spyOn(Date, 'now').mockReturnValue(said);
    send(exporter, 0, 2);
    now.mockRestore();
    expect(await exporter.flush(5_000)).toBe(true);
    expect(exporter.stats()).toMatchObject({ emitted: 2, dropped: 0 });
  },
);
