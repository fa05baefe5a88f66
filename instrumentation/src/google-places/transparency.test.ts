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
import { type Results, recordedOf, runShapes } from './testing/run.mts';
import { SHAPES } from './testing/shapes.mts';

// Child processes with the built package. Needs `npm run build` (npm test does it).

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

describe.each(['cjs', 'esm'])('%s', (format) => {
  let bare: Results;
  let watched: Results;
  let lines: Record<string, string[]>;
  let everything: string;

  beforeAll(async () => {
    sink.clear();
    bare = await runShapes(format, false, { rest, grpc, endpoint, spool });
    expect(sink.logs).toEqual([]);
    watched = await runShapes(format, true, { rest, grpc, endpoint, spool });
    lines = recordedOf(sink.logs);
    const said = [
      ...sink.logs,
      ...sink.spans.map((span) => ({ ...span, attributes: { ...span.attributes, ...span.events } })),
    ];
    everything = JSON.stringify(
      said.map(({ attributes }) => ({ ...(attributes as Record<string, unknown>), 'client.id': '' })),
    );
  }, 120_000);

  test.each(Object.entries(SHAPES))('%s', (name, shape) => {
    expect(bare[name]).not.toHaveProperty('threw');
    expect(watched[name]).toEqual(bare[name]);
    expect(lines[name] ?? []).toEqual(shape.recorded);
  });

  test('rejections that nobody caught', () => {
    const name = 'rejections that nobody caught';
    expect(bare[name]).toHaveLength(3);
    expect(watched[name]).toEqual(bare[name]);
  });

  test('nothing of what was searched for is recorded', () => {
    const said = /ChIJ|café|ristorante|(gRPC|REST) session|\bs-[12]\b|photo-|Street|"key"|token|twice|unavailable/;
    expect(said.exec(everything)?.[0]).toBeUndefined();
    expect(everything).toContain('text_search_pro');
    expect(everything).toContain('server.address');
  });
});
