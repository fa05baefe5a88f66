import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Body, type Pace } from '../../../clickhouse/src/engine/body.ts';
import { ClickHouseError } from '../../../clickhouse/src/engine/errors.ts';
import { startTestService } from '../../../grafana/src/sms/server/testing/service.ts';
import { skipWithoutCollector, startTestStack, type TestStack } from '../../support/stack.ts';
import { listening, Raw } from './sockets.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** Every place that listens, and where its address comes from. What is new must be bounded, tested here, and in docs/security.md. */
const LISTENERS: Readonly<Record<string, string>> = {
  'clickhouse/src/engine/engine.ts': 'the embedded engine: option host, default 127.0.0.1',
  'clickhouse/src/stack/ports.ts': 'looks for a free port: 127.0.0.1, closed at once',
  'grafana/src/sms/server/start.ts': 'the SMS service: CLIENT_COST_SMS_HOST, default 127.0.0.1',
  'grafana/preview/src/node/server.ts': 'pictures of dashboards: 127.0.0.1',
  'examples/src/service.ts': 'the example service: HOST, default 127.0.0.1',
  'examples/src/stand-ins/generic/index.ts': 'a stand-in: 127.0.0.1',
  'examples/src/stand-ins/google-places/grpc.ts': 'a stand-in: option host, default 127.0.0.1',
  'examples/src/stand-ins/google-places/index.ts': 'a stand-in: option host, default 127.0.0.1',
  'examples/src/stand-ins/openai-admin/index.ts': 'a stand-in: 127.0.0.1',
  'examples/src/stand-ins/openai.ts': 'a stand-in: option host, default 127.0.0.1',
  'examples/src/stand-ins/r2/index.ts': 'a stand-in: option host, default 127.0.0.1',
  'examples/src/stand-ins/stripe/index.ts': 'a stand-in: option host, default 127.0.0.1',
  'examples/src/stand-ins/twilio/index.ts': 'a stand-in: option host, default 127.0.0.1',
  'bench/src/cpu/sink.ts': 'a benchmark: 127.0.0.1',
  'bench/src/providers/server.ts': 'a benchmark: 127.0.0.1',
};

test('these are all listeners there are', () => {
  const sources = globSync('{exporter,instrumentation,clickhouse,grafana,examples,bench}/**/src/**/*.{ts,mts,cts}', {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'dist' || name === 'testing',
  });
  const found = sources.filter(
    (file) => !file.endsWith('.test.ts') && /\.(listen|bindAsync)\(/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(found.sort()).toEqual(Object.keys(LISTENERS).sort());
});

const isLoopback = (address: string) => address === '127.0.0.1' || address === '::1';

describe.skipIf(skipWithoutCollector)('what runs', () => {
  let stack: TestStack;
  let service: ChildProcess;
  let serviceUrl: string;

  beforeAll(async () => {
    stack = await startTestStack();
    service = fork(join(root, 'examples/dist/service.js'), {
      env: {
        ...process.env,
        PORT: '0',
        HOST: undefined,
        OPENAI_API_KEY: 'sk-test',
        OPENAI_BASE_URL: 'http://127.0.0.1:1',
        SERVICE_REQUESTS_PER_MINUTE: '8',
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [{ port }] = (await once(service, 'message')) as [{ port: number }];
    serviceUrl = `http://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    service?.kill();
    await stack?.stop();
  });

  test.skipIf(process.platform !== 'linux')(
    'listens on the loopback interface only, as the kernel has it',
    async () => {
      const { engine, collector } = stack.stack.pids();
      // OTLP over HTTP and gRPC, health, metrics
      expect(listening(collector!)).toHaveLength(4);
      expect(listening(engine!)).toHaveLength(1);
      expect(listening(service.pid!)).toHaveLength(1);
      const before = new Set(listening(process.pid).map(({ port }) => port));
      const sms = await startTestService();
      const own = listening(process.pid).filter(({ port }) => !before.has(port));
      expect(own.map(({ port }) => port)).toContain(Number(new URL(sms.url).port));
      const all = [...listening(collector!), ...listening(engine!), ...listening(service.pid!), ...own];
      await sms.close();
      expect(all.filter(({ address }) => !isLoopback(address))).toEqual([]);
    },
  );

  describe('the engine', () => {
    const ask = (
      sql: string,
      more: { user?: string; password?: string; query?: string; headers?: Record<string, string> } = {},
    ) => {
      const { url, user, password } = stack.stack.clickhouse;
      return fetch(`${url}/${more.query ?? ''}`, {
        method: 'POST',
        body: sql,
        headers: {
          'x-clickhouse-user': more.user ?? user,
          'x-clickhouse-key': more.password ?? password,
          ...more.headers,
        },
      });
    };

    test('answers a query that is too long 413, and the next one as always', async () => {
      const answer = await ask(`SELECT '${'x'.repeat(17 * 1024 * 1024)}'`).catch(() => undefined);
      expect(answer?.status ?? 413).toBe(413);
      expect(await (await ask('SELECT 1')).text()).toBe('1\n');
    });

    test('answers headers that are too long 431, and those that never end 408', async () => {
      const { url } = stack.stack.clickhouse;
      const long = new Raw(url);
      long.write(`GET /ping HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(1_100_000)}\r\n\r\n`);
      expect(await long.end()).toBe(431);
      const slow = new Raw(url);
      slow.write('GET /ping HTTP/1.1\r\nhost: x\r\n');
      expect(await slow.end()).toBe(408);
    });

    test('reads no body of whom it does not know', async () => {
      const raw = new Raw(stack.stack.clickhouse.url);
      raw.write('POST / HTTP/1.1\r\nhost: x\r\nx-clickhouse-user: nobody\r\ncontent-length: 1000000000\r\n\r\nSELECT');
      expect(await raw.end()).toBe(403);
    });

    test("a reader's queries end: after a minute, or what the request asks for, at most five minutes", async () => {
      const { user, password } = stack.stack.reader;
      const limit = async (asked?: string) => {
        const query = asked === undefined ? '' : `?max_execution_time=${asked}`;
        return (await (await ask("SELECT getSetting('max_execution_time')", { user, password, query })).text()).trim();
      };
      expect(await limit()).toBe('60');
      expect(await limit('10')).toBe('10');
      expect(await limit('3600')).toBe('300');
      expect(await limit('0')).toBe('300');
      expect(await limit('x')).toMatch(/^Code: /);
    });

    test('guessed passwords end in 429; who has logged in before is let in all the same', async () => {
      expect((await ask('SELECT 1')).status).toBe(200);
      const statuses = new Map<number, number>();
      for (let n = 0; n < 130; n++) {
        const { status } = await ask('SELECT 1', { password: `guess ${n}` });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      expect(statuses.get(403)).toBeGreaterThanOrEqual(98);
      expect(statuses.get(429)).toBeGreaterThanOrEqual(25);
      expect(statuses.size).toBe(2);
      expect((await ask('SELECT 1')).status).toBe(200);
      const { user } = stack.stack.reader;
      expect((await ask('SELECT 1', { user, password: 'guess' })).headers.get('retry-after')).toBe('60');
    });
  });

  test('the Collector refuses a body that is too big, and takes the next one', async () => {
    const post = (body: string) =>
      fetch(`${stack.stack.otlp!.httpUrl}/v1/logs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    const big = await post(`{"resourceLogs":[],"pad":"${'x'.repeat(21 * 1024 * 1024)}"}`).catch(() => undefined);
    expect(big?.status ?? 413).toBeGreaterThanOrEqual(400);
    expect((await post('{"resourceLogs":[]}')).status).toBe(200);
  });

  test('the example service bounds bodies and requests', async () => {
    const big = await fetch(`${serviceUrl}/leads/1/reply`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'x'.repeat(300_000) }),
    });
    expect(big.status).toBe(413);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statuses: (number | undefined)[] = [];
    for (let n = 0; n < 9; n++) {
      statuses.push(
        await new Promise((resolve, reject) => {
          request(`${serviceUrl}/healthz`, { agent }, (answer) =>
            answer.resume().on('end', () => resolve(answer.statusCode)),
          )
            .on('error', reject)
            .end();
        }),
      );
    }
    agent.destroy();
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 200, 429, 429]);
  });
});

describe("a request's body", () => {
  const PACE: Pace = { idleMs: 1_000, graceMs: 100, bytesPerSecond: 1000 };

  async function* pieces(count: number, waitMs: number, bytes: number): AsyncGenerator<Buffer> {
    for (let n = 0; n < count; n++) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      yield Buffer.alloc(bytes);
    }
  }
  const read = (stream: AsyncGenerator<Buffer>, limit = 1e6) =>
    new Body(Object.assign(stream, { headers: {} }) as never, limit, PACE).rest();

  test('that stops, or drips, is not waited for', async () => {
    const status = async (stream: AsyncGenerator<Buffer>) =>
      read(stream).then(
        () => 200,
        (error: ClickHouseError) => error.status,
      );
    expect(await status(pieces(1, 10_000, 1))).toBe(408);
    expect(await status(pieces(100, 10, 1))).toBe(408);
    expect(await status(pieces(20, 10, 1000))).toBe(200);
  });

  test('that is too long is not read to its end', async () => {
    await expect(read(pieces(10, 0, 1000), 5_000)).rejects.toBeInstanceOf(ClickHouseError);
  });
});
