import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshLedger, rows, startTestEngine, type TestEngine, uuidv7 } from '../queries/testing/ledger.ts';
import { newCharge, writeCharges } from './index.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());

test('more charges than one query can name', async () => {
  const client = await freshLedger(engine, 'large');
  const time = '2026-02-03T00:00:00Z';
  const charges = Array.from({ length: 10_001 }, () =>
    newCharge({ usage_id: uuidv7(time), time, service: 'acme', operation: 'lookup' }),
  );
  expect(await writeCharges(client, charges)).toBe(10_001);
  expect(await rows(client, 'SELECT toUInt32(count()) AS n FROM usage_events')).toEqual([{ n: 10_001 }]);
});
