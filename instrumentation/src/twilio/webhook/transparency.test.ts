import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { OtlpSink } from '../../testing/sink.ts';
import { TOKEN } from './testing/post.ts';

// The same applications as child processes, with and without the built package. Needs `npm run build` (npm test does it).

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const REGISTER = join(__dirname, '..', '..', '..', 'dist', 'register.js');
const sink = new OtlpSink();
const spool = mkdtempSync(join(tmpdir(), 'client-cost-webhook-'));
let endpoint: string;

beforeAll(async () => {
  endpoint = await sink.start();
});
afterAll(() => {
  sink.stop();
  rmSync(spool, { recursive: true, force: true });
});

type Results = Record<string, { status?: number; text?: string }>;

async function run(file: string, options: string[], env: Record<string, string>): Promise<Results> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS|VITEST|TWILIO)/.test(name),
  );
  const child = spawn(process.execPath, [...options, join(__dirname, 'testing', file)], {
    env: {
      ...Object.fromEntries(inherited),
      WEBHOOK_TOKEN: TOKEN,
      CLIENT_COST_SPOOL_DIR: spool,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect({ code, err: err.replace(/^client-cost: a (request|webhook) .*\n/gm, '') }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as Results;
}

describe.each([
  ['CommonJS', 'app.cjs', '--require'],
  ['ESM', 'app.mjs', '--import'],
])('%s', (_name, file, flag) => {
  it('applications answer the same and see the same requests; what is signed is recorded', async () => {
    const bare = await run(file, [], {});
    // The script does something: bodies arrived, parsers refused.
    expect(bare['express.urlencoded: signed']?.text).toContain('"NumSegments":"2"');
    expect(bare['express.urlencoded: too large for the parser']?.status).toBe(413);
    sink.clear();
    expect(await run(file, [flag, REGISTER], { TWILIO_AUTH_TOKEN: TOKEN })).toEqual(bare);
    const events = sink.logs.map(({ attributes }) => attributes);
    // One charge: every application was sent the same message.
    expect(new Set(events.map((event) => event['usage.id'])).size).toBe(1);
    expect(events[0]).toMatchObject({
      'usage.service': 'twilio_sms',
      'usage.operation': 'receive_sms',
      'usage.quantity': '2',
      'usage.unit': 'segment',
      'usage.external_id': `SM${'1'.repeat(32)}`,
      'client.id': 'unattributed',
      'cost.currency': 'USD',
    });
    expect(JSON.stringify([sink.logs, sink.spans])).not.toMatch(/4155550|goodbye/);
    sink.clear();
    expect(await run(file, [flag, REGISTER], {}), 'without a token').toEqual(bare);
    expect(sink.logs).toEqual([]);
  });
});
