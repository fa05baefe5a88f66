import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collector, drained, skipWithoutCollector, startTestStack, type TestStack } from '../../support/stack.ts';
import { marks, type Providers, startProviders, stripeEvents, twilioWebhooks } from './providers.ts';
import { type Mark, Search } from './search.ts';

// Every kind of call of every provider with a marker wherever content, a person or a secret can be: then everything that left the service or
// was written is searched for them, whole, in parts and encoded.

const register = createRequire(import.meta.url).resolve('@client-cost/instrumentation/register');
const { mark } = marks;
const GROUPS = ['openai', 'twilio', 'stripe', 'places', 'r2', 'other'];

/** Everything that is searched: where it was, and what it was. */
const written: { where: string; data: Uint8Array | string }[] = [];
const keep = (where: string, data: Uint8Array | string) => void written.push({ where, data });

/** What is not ours. Markers of what a user attaches to a call (`own`) are expected everywhere. */
const EXPECTED = [
  {
    mark: 'cut stream',
    where: 'log of delivered',
    why: 'openai-node prints a chunk that it cannot read, with or without us',
  },
] as const;

interface Done {
  readonly outcomes: Readonly<Record<string, string>>;
  readonly delivered: boolean;
  readonly marks: readonly Mark[];
}

/** Passes requests on, or answers them itself, and keeps what was sent. */
async function recorder(
  name: string,
  answer: (request: IncomingMessage, body: Buffer, response: ServerResponse) => void,
) {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      keep(`${name} ${request.url}`, body);
      answer(request, body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function files(folder: string): { path: string; data: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, data: readFileSync(path) }));
}

describe.skipIf(skipWithoutCollector)('nothing that is said, owned or secret leaves the service', () => {
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-secrets-'));
  let stack: TestStack;
  let providers: Providers;
  let search: Search;
  const outcomes: Record<string, string> = {};
  const planted = new Map<string, Mark>();

  /** One run of the service. Its environment has secrets of its own, its arguments one. */
  async function run(name: string, groups: readonly string[], env: Record<string, string>): Promise<Done> {
    const providersFile = join(dir, 'providers.json');
    const child = fork(join(import.meta.dirname, 'app.cjs'), [`--password=${mark('argument')}`, ...groups], {
      execArgv: ['--require', register],
      env: {
        PATH: process.env.PATH,
        ...providers.env,
        STRIPE_EVENTS: JSON.stringify(stripeEvents(providers)),
        DATABASE_URL: `postgres://app:${mark('database password')}@db.internal/app`,
        OPENAI_API_KEY: `sk-${mark('key in the environment')}`,
        OTEL_SERVICE_NAME: 'planted',
        OTEL_LOG_LEVEL: 'ALL',
        CLIENT_COST_HTTP_PROVIDERS: providersFile,
        CLIENT_COST_SPOOL_DIR: join(dir, 'spool', name),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const log: Buffer[] = [];
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (part: Buffer) => log.push(part));
    const closed = once(child, 'close');
    child.once('exit', (code) => {
      if (code !== 0) console.error(Buffer.concat(log).toString().slice(-3_000));
    });
    const { app } = await said<{ app: string }>(child);
    child.send('go');
    await said(child);
    if (groups.includes('twilio')) {
      await providers.twilio.idle();
      await twilioWebhooks(providers, app);
      await providers.twilio.idle();
    }
    child.send('end');
    const done = await said<Done>(child);
    await closed;
    keep(`log of ${name}`, Buffer.concat(log));
    for (const { path, data } of files(join(dir, 'spool', name))) keep(`spool ${path}`, data);
    for (const one of done.marks) planted.set(one.name, one);
    Object.assign(outcomes, done.outcomes);
    return done;
  }

  beforeAll(async () => {
    const collectorLog = join(dir, 'collector.log');
    const wrapper = join(dir, 'otelcol');
    writeFileSync(wrapper, `#!/bin/sh\nexec '${collector!.path}' "$@" >>'${collectorLog}' 2>&1\n`);
    chmodSync(wrapper, 0o755);
    const said: string[] = [];
    stack = await startTestStack({
      dataDir: join(dir, 'stack'),
      collectorPath: wrapper,
      collectorEnv: { BATCH_FLUSH_TIMEOUT: '50ms', COLLECTOR_LOG_LEVEL: 'debug' },
      log: (line) => said.push(line),
    });
    providers = await startProviders();
    const page = readFileSync(join(import.meta.dirname, '../../../docs/providers/http.md'), 'utf8');
    const documented = /```json\n(\{\n {2}"providers"[\s\S]*?)\n```/.exec(page)?.[1] ?? '';
    const hosts = [providers.ocr.port, providers.hostileOcr.port].map((port) => `"127.0.0.1:${port}"`).join(',');
    writeFileSync(join(dir, 'providers.json'), documented.replace('"api.mistral.ai"', `${hosts},"127.0.0.1:1"`));

    // To the real Collector, by way of a proxy that keeps all of it.
    const target = stack.stack.otlp!.httpUrl;
    const proxy = await recorder('OTLP', (request, body, response) => {
      const {
        host: _host,
        connection: _connection,
        'content-length': _length,
        'transfer-encoding': _te,
        ...headers
      } = request.headers;
      fetch(target + request.url, {
        method: 'POST',
        headers: headers as Record<string, string>,
        body: new Uint8Array(body),
      })
        .then(async (answer) => {
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
          response.end(Buffer.from(await answer.arrayBuffer()));
        })
        .catch(() => response.destroy());
    });
    const { delivered } = await run('delivered', GROUPS, {
      ...stack.stack.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: proxy.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${mark('OTLP token')}`,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    });
    expect(delivered).toBe(true);
    await drained(stack.stack.otlp!.metricsUrl);
    proxy.close();

    // A destination that refuses everything and quotes what it was sent, its secrets included.
    const refuser = await recorder('refused OTLP', ({ headers }, body, response) => {
      response.statusCode = [400, 401, 500, 503][written.length % 4]!;
      if (body.length < 30) response.statusCode = 200;
      response.end(`No: ${headers.authorization} ${body.subarray(0, 200).toString('latin1')}`);
    });
    await run('refused', ['other', 'r2'], {
      OTEL_EXPORTER_OTLP_ENDPOINT: refuser.url.replace('//', `//collector:${mark('password of the OTLP URL')}@`),
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${mark('OTLP token')},x-api-key=${mark('OTLP key')}`,
      FLUSH_MS: '3000',
    });
    refuser.close();
    await run('straight into a ClickHouse that is not there', ['other'], {
      CLIENT_COST_EXPORTER: 'clickhouse',
      CLIENT_COST_CLICKHOUSE_URL: 'http://127.0.0.1:1',
      CLIENT_COST_CLICKHOUSE_PASSWORD: mark('password of ClickHouse'),
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      FLUSH_MS: '1000',
    });

    // Every table that the ledger's database and the engine's own have; a system log where there is one.
    const tables = await stack.query<{ database: string; name: string }>(
      `SELECT database, name FROM system.tables WHERE database NOT IN ('INFORMATION_SCHEMA', 'information_schema')
       AND (database != 'system' OR name LIKE '%log' OR name IN ('errors', 'processes', 'settings', 'query_cache', 'warnings', 'mutations'))`,
    );
    for (const { database, name } of tables) {
      const rows = await stack
        .query(`SELECT * FROM \`${database}\`.\`${name}\``)
        .catch((error: Error) => error.message);
      keep(`table ${database}.${name}`, JSON.stringify(rows));
    }
    keep('log of the stack', said.join('\n'));
    await stack.stop();
    for (const { path, data } of files(join(dir, 'stack'))) if (!path.includes('/store/')) keep(`file ${path}`, data);
    keep('log of the Collector', readFileSync(collectorLog));
    for (const one of marks.planted.values()) planted.set(one.name, one);
    search = new Search(planted.values());
  });
  afterAll(async () => {
    await providers?.close();
    await stack?.stop();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  });

  test('the calls went as they should: answered, refused, thrown', () => {
    const ok = Object.values(outcomes).filter((outcome) => outcome === 'ok').length;
    expect(ok).toBeGreaterThan(40);
    expect(Object.keys(outcomes).length - ok).toBeGreaterThan(40);
    expect(planted.size).toBeGreaterThan(250);
  });

  test('everything was there to be searched', () => {
    for (const what of [
      'OTLP /v1/logs',
      'OTLP /v1/traces',
      'OTLP /v1/metrics',
      'table client_cost.usage_events',
      'table client_cost.otel_traces',
      'log of the Collector',
      'log of delivered',
      'spool ',
      'refused OTLP',
    ]) {
      expect(
        written.filter(({ where, data }) => where.startsWith(what) && data.length > 0),
        what,
      ).not.toEqual([]);
    }
  });

  test('what a user attaches to a call is found: the search works on what is there', () => {
    const found = new Set(
      written.flatMap(({ data }) =>
        search
          .find(data)
          .filter(({ own }) => own)
          .map(({ mark: name }) => name),
      ),
    );
    for (const name of ['client', 'lead', 'message', 'flow', 'metadata', 'external id'])
      expect(found).toContain(`own ${name}`);
  });

  test('and nothing else', () => {
    const leaks = written.flatMap(({ where, data }) =>
      search
        .find(data)
        .filter(
          ({ own, mark: name }) => !own && !EXPECTED.some((one) => one.mark === name && where.startsWith(one.where)),
        )
        .map((found) => `${where}: ${found.mark}${found.form}: ${found.context}`),
    );
    expect([...new Set(leaks)]).toEqual([]);
  });
});

async function said<T>(child: ChildProcess): Promise<T> {
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the calling process ended with ${code}`);
    }),
  ])) as [T];
  return message;
}
