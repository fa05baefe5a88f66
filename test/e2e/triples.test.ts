import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  drained,
  type Signal,
  sendOtlp,
  skipWithoutCollector,
  startTestStack,
  type TestStack,
} from '../support/stack.ts';

// One folder is one case: input.json (OTLP/JSON export requests) → real Collector → real engine → the rows of
// query.sql are those of expected.json. Every case has clients or service names of its own, so all share one stack.
const folder = join(import.meta.dirname, 'triples');

interface Step {
  signal: Signal;
  body: unknown;
  /** Deliver the log records one after another in requests of this many. */
  split?: number;
}

interface LogRequest {
  resourceLogs: { scopeLogs: { logRecords: unknown[] }[] }[];
}

/** The requests of one step; with `split` the same records in smaller requests. */
function requests({ body, split }: Step): unknown[] {
  if (split === undefined) return [body];
  const all = (body as LogRequest).resourceLogs[0]!.scopeLogs[0]!.logRecords;
  const parts: unknown[] = [];
  for (let i = 0; i < all.length; i += split) {
    const part = structuredClone(body) as LogRequest;
    part.resourceLogs[0]!.scopeLogs[0]!.logRecords = all.slice(i, i + split);
    parts.push(part);
  }
  return parts;
}

/** Fresh times where the file says so: the otel_* tables forget what is weeks old. */
function withTimes(text: string): string {
  const now = BigInt(Date.now()) * 1_000_000n;
  return text.replaceAll('"<now>"', `"${now}"`).replaceAll('"<now+250ms>"', `"${now + 250_000_000n}"`);
}

/** A time of arrival, the only value no file can know. */
const time = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/);

function expected(name: string): unknown[] {
  const rows = JSON.parse(readFileSync(join(folder, name, 'expected.json'), 'utf8')) as Record<string, unknown>[];
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([column, value]) => [column, value === '<time>' ? time : value])),
  );
}

describe.skipIf(skipWithoutCollector)('OTLP in, SQL out', () => {
  const names = readdirSync(folder).sort();
  const inputs = new Map<string, { about: string; steps: Step[] }>(
    names.map((name) => [name, JSON.parse(withTimes(readFileSync(join(folder, name, 'input.json'), 'utf8')))]),
  );
  let test: TestStack;

  beforeAll(async () => {
    test = await startTestStack();
    for (const { steps } of inputs.values()) {
      for (const step of steps) {
        for (const request of requests(step)) await sendOtlp(test.stack.otlp!.httpUrl, step.signal, request);
      }
    }
    await drained(test.stack.otlp!.metricsUrl);
  });
  afterAll(() => test?.stop());

  it.each(names)('%s', async (name) => {
    const sql = readFileSync(join(folder, name, 'query.sql'), 'utf8');
    expect(await test.query(sql), inputs.get(name)!.about).toEqual(expected(name));
  });
});
