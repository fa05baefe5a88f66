import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OtlpSink } from '../testing/sink.ts';
import { createTestServer, type TestServer } from './testing/server.mts';
import { SHAPES } from './testing/shapes.mts';

// The same script as a child process, with and without the built register (npm test builds it).
const REGISTER = join(__dirname, '..', '..', 'dist', 'register.js');
const SCRIPT = join(__dirname, 'testing', 'shapes.mts');

let server: TestServer;
const sink = new OtlpSink();
const dir = mkdtempSync(join(tmpdir(), 'client-cost-http-'));
const results: Record<'bare' | 'watched', Record<string, unknown>> = { bare: {}, watched: {} };
let errors = '';

beforeAll(async () => {
  server = await createTestServer();
  const endpoint = await sink.start();
  const file = join(dir, 'providers.json');
  const operations = [
    {
      operation: 'call',
      path: '/*',
      quantity: { from: 'response.json', path: '$.usage.pages' },
      sku: { from: 'request.json', path: '$.a', default: 'none' },
    },
  ];
  writeFileSync(file, JSON.stringify({ providers: [{ service: 'test', hosts: ['127.0.0.1'], operations }] }));
  results.bare = await run([], {});
  results.watched = await run(['--require', REGISTER], {
    CLIENT_COST_HTTP_PROVIDERS: file,
    CLIENT_COST_SPOOL_DIR: join(dir, 'spool'),
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });
}, 60_000);

afterAll(async () => {
  sink.stop();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

async function run(args: readonly string[], env: Record<string, string>): Promise<Record<string, unknown>> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS|VITEST)/.test(name),
  );
  const child = spawn(process.execPath, [...args, SCRIPT, server.url], {
    env: { ...Object.fromEntries(inherited), ...env, NODE_NO_WARNINGS: '1' },
  });
  let out = '';
  child.stdout.on('data', (part) => {
    out += part;
  });
  child.stderr.on('data', (part) => {
    errors += part;
  });
  const [code] = await once(child, 'close');
  expect(`${code} ${errors}`).toBe('0 ');
  return JSON.parse(out) as Record<string, unknown>;
}

describe('with a rule about the host, and without', () => {
  it.each(Object.keys(SHAPES))('%s', (name) => {
    expect(results.bare[name]).toBeDefined();
    expect(results.watched[name]).toEqual(results.bare[name]);
    expect(JSON.stringify(results.bare[name])).not.toContain('is not a function');
  });

  it('every request was recorded', () => {
    const sent = server.arrived.length / 2;
    // An event may be delivered twice: its id says so.
    const byId = new Map(sink.logs.map((log) => [log.attributes['usage.id'], log]));
    const recorded = [...byId.values()].filter((log) => log.attributes['usage.service'] === 'test');
    const unsent = recorded.filter((log) => log.attributes['error.type'] === 'ECONNREFUSED');
    const redirects = server.arrived.filter(({ url }) => url.startsWith('/redirect')).length / 2;
    // A redirect's hop is no call of its own; a connection that was refused never arrived.
    expect(recorded.length - unsent.length).toBe(sent - redirects);
    expect(unsent).toHaveLength(3);
  });
});

it('costs a start nothing where no file is named', async () => {
  const list =
    'console.log(JSON.stringify(Object.keys(require.cache).filter((file) => /dist.http.(?!observe|hosts)/.test(file))))';
  const inherited = Object.entries(process.env).filter(([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS)/.test(name));
  const child = spawn(process.execPath, ['--require', REGISTER, '-e', list], { env: Object.fromEntries(inherited) });
  let out = '';
  child.stdout.on('data', (part) => {
    out += part;
  });
  await once(child, 'close');
  expect(JSON.parse(out)).toEqual([]);
});
