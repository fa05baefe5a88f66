import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createGooglePlacesGrpcStandIn,
  type GooglePlacesGrpcStandIn,
} from '../../../examples/src/stand-ins/google-places/grpc.ts';
import {
  createGooglePlacesStandIn,
  type GooglePlacesStandIn,
} from '../../../examples/src/stand-ins/google-places/index.ts';
import { OtlpSink } from '../testing/sink.ts';
import { SHAPES } from './testing/shapes.mts';

// Child processes with the built package. Needs `npm run build` (npm test does it).
const REGISTER = join(__dirname, '..', '..', 'dist', 'register.js');
const CHILD = join(__dirname, 'testing', 'child.mts');

type Results = Record<string, unknown>;

const sink = new OtlpSink();
const spool = mkdtempSync(join(tmpdir(), 'client-cost-places-'));
let rest: GooglePlacesStandIn;
let grpc: GooglePlacesGrpcStandIn;
let endpoint: string;
const refusals = new Map<string, number>();

beforeAll(async () => {
  endpoint = await sink.start();
  rest = await createGooglePlacesStandIn();
  grpc = await createGooglePlacesGrpcStandIn({
    failures(_method, { textQuery }) {
      if (textQuery === 'unavailable') return 14;
      if (textQuery !== 'unavailable twice') return undefined;
      const before = refusals.get('twice') ?? 0;
      refusals.set('twice', before === 2 ? 0 : before + 1);
      return before === 2 ? undefined : 14;
    },
  });
});
afterAll(async () => {
  sink.stop();
  await Promise.all([rest.close(), grpc.close()]);
  rmSync(spool, { recursive: true, force: true });
});

function run(format: string, watched: boolean): Promise<Results> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS|VITEST|GOOGLE)/.test(name),
  );
  const args = [...(watched ? ['--require', REGISTER] : []), CHILD, format, rest.url, String(grpc.port)];
  const child = spawn(process.execPath, args, {
    env: {
      ...Object.fromEntries(inherited),
      CLIENT_COST_PROVIDER_HOSTS: `127.0.0.1:${rest.port}=google_places`,
      CLIENT_COST_SPOOL_DIR: spool,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      // No answer from a metadata server, and no waiting for one.
      METADATA_SERVER_DETECTION: 'none',
      GOOGLE_CLOUD_PROJECT: 'test',
    },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out) as Results);
      else reject(new Error(`the child ended with ${code}: ${err}`));
    });
  });
}

/** What was recorded, by shape: `operation sku amount source outcome [error]`. */
function recorded(): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { attributes: a } of sink.logs) {
    const amount = a['cost.amount'] ?? '-';
    const error = a['error.type'] === undefined ? [] : [a['error.type']];
    const line = [a['usage.operation'], a['usage.sku'], amount, a['cost.source'], a['usage.outcome'], ...error].join(
      ' ',
    );
    found[String(a['client.id'])] = [...(found[String(a['client.id'])] ?? []), line];
  }
  return found;
}

describe.each(['cjs', 'esm'])('%s', (format) => {
  let bare: Results;
  let watched: Results;
  let lines: Record<string, string[]>;
  let everything: string;

  beforeAll(async () => {
    sink.clear();
    bare = await run(format, false);
    expect(sink.logs).toEqual([]);
    watched = await run(format, true);
    lines = recorded();
    const said = [
      ...sink.logs,
      ...sink.spans.map((span) => ({ ...span, attributes: { ...span.attributes, ...span.events } })),
    ];
    everything = JSON.stringify(said.map(({ attributes: { 'client.id': _, ...rest } }) => rest));
  }, 120_000);

  test.each(Object.entries(SHAPES))('%s', (name, shape) => {
    expect(bare[name]).not.toHaveProperty('threw');
    expect(watched[name]).toEqual(bare[name]);
    expect(lines[name] ?? []).toEqual(shape.recorded);
  });

  test('nothing of what was searched for is recorded', () => {
    const said = /ChIJ|café|ristorante|(gRPC|REST) session|\bs-[12]\b|photo-|Street|"key"|token|twice|unavailable/;
    expect(said.exec(everything)?.[0]).toBeUndefined();
    expect(everything).toContain('text_search_pro');
    expect(everything).toContain('server.address');
  });
});
