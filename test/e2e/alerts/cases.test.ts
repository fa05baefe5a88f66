import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientChange, setClient } from '../../../clickhouse/src/queries/index.ts';
import {
  freshLedger,
  refresh,
  rows,
  startTestEngine,
  type TestEngine,
} from '../../../clickhouse/src/queries/testing/ledger.ts';
import { type Charge, charge } from './support.ts';

// One folder is one case: input.json (clients' limits, charges) → the real engine → the rows of query.sql are those of expected.json, whose
// figures are worked out by hand in "about". Every case has clients of its own, so all share one ledger.
const folder = join(import.meta.dirname, 'cases');
const names = readdirSync(folder).sort();

interface Input {
  about: string;
  clients?: ClientChange[];
  charges: Charge[];
}

const read = (name: string, file: string): string => readFileSync(join(folder, name, file), 'utf8');
const input = (name: string): Input => JSON.parse(read(name, 'input.json')) as Input;

let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'cases');
  for (const name of names) {
    const { clients = [], charges } = input(name);
    for (const change of clients) await setClient(client, change);
    await charge(client, charges);
  }
});
afterAll(() => engine?.stop());

describe.each(['from the ledger', 'from the rollup'])('%s', (from) => {
  beforeAll(async () => {
    if (from === 'from the rollup') await refresh(client);
  });

  it.each(names)('%s', async (name) => {
    expect(await rows(client, read(name, 'query.sql')), input(name).about).toEqual(
      JSON.parse(read(name, 'expected.json')),
    );
  });
});
