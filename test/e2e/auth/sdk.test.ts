import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

// One token, the service's own, reaches the Collector with everything that goes there, and nobody else.
const register = join(import.meta.dirname, '..', '..', '..', 'instrumentation', 'dist', 'register.js');
const SCRIPT = `
  const { trace, metrics } = require('@opentelemetry/api');
  trace.getTracer('t').startSpan('s').end();
  metrics.getMeter('m').createCounter('c').add(1);
  require('@client-cost/instrumentation').recordUsage({ service: 's', operation: 'o', clientId: 'c', quantity: '1', unit: 'x' });
  console.log(JSON.stringify(process.env));`;

async function listener() {
  const seen = new Map<string, string | undefined>();
  const server = createServer((request, response) => {
    seen.set(request.url ?? '', request.headers.authorization);
    request
      .resume()
      .on('end', () =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(request.url === '/v1/logs' ? '{}' : ''),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { seen: () => Object.fromEntries(seen), port: (server.address() as AddressInfo).port, close };
}

it.each([
  ['the parts of the SDK', {}],
  ['the whole SDK', { OTEL_PROPAGATORS: 'b3' }],
])('usage events, spans and metrics carry it: %s', async (_, more) => {
  const collector = await listener();
  const stranger = await listener();
  const dir = mkdtempSync(join(tmpdir(), 'client-cost-token-'));
  const run = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, ['--require', register, '-e', SCRIPT], {
      env: {
        PATH: process.env.PATH,
        HOME: dir,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
        CLIENT_COST_SPOOL_DIR: join(dir, 'spool'),
        CLIENT_COST_OTLP_TOKEN: 'a%b/c',
        ...more,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    return out;
  };
  try {
    const environment = await run({});
    const authorization = 'Bearer a%b/c';
    expect(collector.seen()).toEqual({
      '/v1/logs': authorization,
      '/v1/traces': authorization,
      '/v1/metrics': authorization,
    });
    // The application, and what it starts, finds in its environment what it was given.
    expect(environment).not.toContain('HEADERS');
    await run({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://localhost:${stranger.port}/v1/traces` });
    expect(stranger.seen()).toEqual({ '/v1/traces': undefined });
  } finally {
    collector.close();
    stranger.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
