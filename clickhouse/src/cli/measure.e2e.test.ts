import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createR2StandIn, type R2StandIn } from '../../../examples/src/stand-ins/r2/index.ts';
import { createTwilioStandIn, type TwilioStandIn } from '../../../examples/src/stand-ins/twilio/index.ts';
import { numberMonthId } from '../../../instrumentation/src/twilio/creation.ts';
import { getMonthlySummary } from '../queries/index.ts';
import { select } from '../queries/run.ts';
import { freshLedger, refresh, send, startTestEngine, type TestEngine, usage } from '../queries/testing/ledger.ts';
import { runCli } from './program.ts';

let engine: TestEngine;
let ledger: ClickHouseClient;
let database: string;
let number = 0;
let now = '2026-02-10T12:00:00Z';
const dir = mkdtempSync(join(tmpdir(), 'client-cost-measure-'));
let env: NodeJS.ProcessEnv = {};

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(argv, {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env: { CLICKHOUSE_URL: engine.url, CLICKHOUSE_DATABASE: database, ...env },
    tty: false,
    now: () => new Date(now),
  });
  return { code, out, err };
}

const file = (name: string, content: unknown): string => {
  const path = join(dir, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

/** The ledger as it counts. */
const charges = async (): Promise<string[]> => {
  const rows = await select(
    ledger,
    `SELECT toString(day) AS d, client_id, operation, sku, quantity, unit, cost, version FROM usage_events_current ORDER BY d, client_id, operation, sku, quantity`,
  );
  return rows.map((row) => Object.values(row).map(String).join(' '));
};

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine?.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  number += 1;
  database = `measure_${number}`;
  ledger = await freshLedger(engine, database);
  now = '2026-02-10T12:00:00Z';
});

describe('measure r2', () => {
  let r2: R2StandIn;
  let failures = 0;
  const MB = 1_000_000;
  const map = () =>
    file('map.json', { 'acme-uploads': 'acme', 'media/clients/{client}/': '{client}', 'media/clients/vip/': 'big' });
  const measure = (...more: string[]) =>
    run('measure', 'r2', '--buckets', map(), '--endpoint', r2.url, '--state-dir', dir, '--rate', '1000', ...more);

  beforeEach(async () => {
    failures = 0;
    r2 = await createR2StandIn({
      accessKeyId: 'AK',
      secretAccessKey: 'SK',
      maxKeys: 2,
      failures: ({ query }) =>
        query.has('continuation-token') && failures-- > 0 ? { status: 503, code: 'SlowDown' } : undefined,
    });
    env = { R2_ACCESS_KEY_ID: 'AK', R2_SECRET_ACCESS_KEY: 'SK' };
    r2.store('acme-uploads', 'a', 28 * MB);
    r2.store('acme-uploads', 'ä b+c&<d>', 28 * MB);
    r2.store('acme-uploads', 'old', 280 * MB, 'STANDARD_IA');
    r2.store('media', 'clients/globex/1', 7 * MB);
    r2.store('media', 'clients/globex/2', 21 * MB);
    r2.store('media', 'clients/vip/1', 56 * MB);
    r2.store('media', 'logo.png', 2_800_000);
    return () => r2.close();
  });

  const FIRST = [
    '2026-02-10 acme storage infrequent_access 0.01 gb_month 0.0001 1',
    '2026-02-10 acme storage standard 0.002 gb_month 0.00003 1',
    '2026-02-10 big storage standard 0.002 gb_month 0.00003 1',
    '2026-02-10 globex storage standard 0.001 gb_month 0.000015 1',
    '2026-02-10 unattributed storage standard 0.0001 gb_month 0.0000015 1',
  ];

  test('one charge for each client, bucket and day; twice a day is once', async () => {
    const first = await measure();
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/globex +media +clients\/globex\/ +STANDARD +2 +0\.028 +0\.001 +\$0\.000015 +new/);
    expect(first.out).toContain('2026-02-10: $0.0001765 for this day, 5 charges, 5 written; 5 requests');
    expect(await charges()).toEqual(FIRST);
    const second = await measure();
    expect(second.out).toContain('5 charges, 0 written');
    expect(await charges()).toEqual(FIRST);
  });

  test('the day’s peak counts; another day is another charge; the month is their sum', async () => {
    await measure();
    r2.store('media', 'clients/globex/3', 28 * MB);
    r2.remove('acme-uploads', 'a');
    r2.remove('media', 'clients/vip/1');
    await measure();
    const peaks = [...FIRST];
    peaks[3] = '2026-02-10 globex storage standard 0.002 gb_month 0.00003 2';
    expect(await charges()).toEqual(peaks);
    now = '2026-02-11T00:00:05Z';
    await measure();
    const next = (await charges()).filter((line) => line.startsWith('2026-02-11'));
    expect(next).toEqual([
      '2026-02-11 acme storage infrequent_access 0.01 gb_month 0.0001 1',
      '2026-02-11 acme storage standard 0.001 gb_month 0.000015 1',
      '2026-02-11 globex storage standard 0.002 gb_month 0.00003 1',
      '2026-02-11 unattributed storage standard 0.0001 gb_month 0.0000015 1',
    ]);
    await refresh(ledger, 'usage_daily_wide_refresh');
    const { clients } = await getMonthlySummary(ledger, { month: '2026-02' });
    expect(clients.find(({ clientId }) => clientId === 'acme')).toMatchObject({
      storageCost: '0.000245',
      totalCost: '0.000245',
    });
  });

  test('another map on the same day replaces what it says otherwise', async () => {
    await measure();
    const other = file('other.json', { 'acme-uploads': 'acme', media: 'media-team' });
    const { out } = await run('measure', 'r2', '--buckets', other, '--endpoint', r2.url, '--state-dir', dir);
    expect(out).toMatch(/globex .* removed/);
    expect(await charges()).toEqual([
      FIRST[0],
      FIRST[1],
      '2026-02-10 media-team storage standard 0.0031 gb_month 0.0000465 2',
    ]);
  });

  test('and with the first map again the day is as at first, its peak included', async () => {
    await measure();
    r2.remove('media', 'clients/globex/1');
    const other = file('other.json', { 'acme-uploads': 'acme', media: 'media-team' });
    const narrow = file('narrow.json', { 'acme-uploads/x/': 'acme', 'media/x/': 'media-team' });
    for (const map of [other, narrow])
      expect((await run('measure', 'r2', '--buckets', map, '--endpoint', r2.url, '--state-dir', dir)).code).toBe(0);
    const { out } = await measure();
    expect(out).toMatch(/globex .* new/);
    const withoutVersion = (lines: readonly string[]) => lines.map((line) => line.replace(/ \d+$/, '')).sort();
    expect(withoutVersion(await charges())).toEqual(withoutVersion(FIRST));
    expect((await measure()).out).toContain('5 charges, 0 written');
  });

  test('a charge that somebody took back stays so', async () => {
    await measure();
    await ledger.command({
      query: `INSERT INTO usage_events (* EXCEPT (version, is_deleted), version, is_deleted)
        SELECT * EXCEPT (version, is_deleted), version + 100, 1 FROM usage_events FINAL WHERE client_id = 'globex'`,
    });
    const { out } = await measure();
    expect(out).toMatch(/globex .* kept/);
    expect(await charges()).toEqual(FIRST.filter((line) => !line.includes('globex')));
  });

  test('a dry run writes nothing; JSON is exact', async () => {
    const { code, out } = await measure('--dry-run', '--format', 'json');
    expect(code).toBe(0);
    const said = JSON.parse(out);
    expect(said).toMatchObject({ day: '2026-02-10', dryRun: true, requests: 5, cost: '0.0001765' });
    expect(
      said.charges.find(({ storageClass }: { storageClass: string }) => storageClass !== 'STANDARD'),
    ).toMatchObject({
      client: 'acme',
      bytes: '280000000',
      gbMonths: '0.01',
      cost: '0.0001',
      change: 'new',
    });
    expect(await charges()).toEqual([]);
  });

  test('SlowDown is waited for', async () => {
    failures = 1;
    expect((await measure()).code).toBe(0);
    expect(r2.requests.filter(({ status }) => status === 503).length).toBe(1);
    expect(await charges()).toEqual(FIRST);
  });

  test('a ledger out of reach loses no listing: --resume', async () => {
    const down = await measure('--url', 'http://127.0.0.1:9');
    expect(down.code).toBe(3);
    const requests = r2.count;
    expect((await measure('--resume')).code).toBe(0);
    // The list of buckets only.
    expect(r2.count).toBe(requests + 1);
    expect(await charges()).toEqual(FIRST);
    expect(() => readFileSync(join(dir, 'measure-r2.json'))).toThrow();
    expect((await measure('--resume')).err).toContain('nothing to resume');
  });

  test('keys for single buckets measure those of the map', async () => {
    const narrow = await createR2StandIn({ accessKeyId: 'AK', secretAccessKey: 'SK', denied: ['', 'media'] });
    narrow.store('acme-uploads', 'a', 28 * MB);
    const about = ['--endpoint', narrow.url, '--state-dir', dir];
    const one = await run('measure', 'r2', '--buckets', file('one.json', { 'acme-uploads': 'acme' }), ...about);
    expect(one).toMatchObject({ code: 0, err: expect.stringContaining('only those of the map are measured') });
    expect(await charges()).toEqual(['2026-02-10 acme storage standard 0.001 gb_month 0.000015 1']);
    const none = await run('measure', 'r2', '--buckets', file('any.json', { '*/{client}/': '{client}' }), ...about);
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('name them in the map file') });
    const both = await run('measure', 'r2', '--buckets', map(), ...about);
    expect(both).toMatchObject({ code: 1, err: expect.stringContaining('no right to /media (403 AccessDenied') });
    await narrow.close();
  });

  test('wrong keys, no keys, wrong maps and buckets that are not there are said', async () => {
    env = { R2_ACCESS_KEY_ID: 'AK', R2_SECRET_ACCESS_KEY: 'wrong-secret' };
    const refused = await measure();
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining('check R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY'),
    });
    expect(refused.err).not.toContain('wrong-secret');
    env = {};
    expect(await measure()).toMatchObject({ code: 2, err: expect.stringContaining('R2_ACCESS_KEY_ID is not set') });
    env = { R2_ACCESS_KEY_ID: 'AK', R2_SECRET_ACCESS_KEY: 'SK' };
    const bad = file('bad.json', { 'media/{client}/': 'acme' });
    expect(await run('measure', 'r2', '--buckets', bad, '--endpoint', r2.url)).toMatchObject({
      code: 2,
      err: expect.stringContaining('"media/{client}/": has {client}, and its client does not use it'),
    });
    expect(await run('measure', 'r2', '--buckets', map())).toMatchObject({
      code: 2,
      err: expect.stringContaining('R2_ACCOUNT_ID is not set'),
    });
    const more = file('more.json', { 'gone-bucket': 'acme', 'acme-uploads': 'acme' });
    const { code, err } = await run('measure', 'r2', '--buckets', more, '--endpoint', r2.url, '--state-dir', dir);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('gone-bucket') });
  });
});

describe('measure twilio-numbers', () => {
  let twilio: TwilioStandIn;
  const sid = (digit: number) => `PN${String(digit).repeat(32)}`;
  const hold = (digit: number, phone_number: string, bought: string, friendly_name = phone_number) => {
    const date_created = new Date(bought).toUTCString();
    twilio.numbers.set(sid(digit), {
      sid: sid(digit),
      account_sid: twilio.accountSid,
      phone_number,
      friendly_name,
      date_created,
    });
  };
  const measure = (...more: string[]) =>
    run('measure', 'twilio-numbers', '--api-url', twilio.url, '--rate', '1000', ...more);

  beforeEach(async () => {
    twilio = await createTwilioStandIn();
    env = { TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: twilio.authToken };
    hold(1, '+14155550001', '2025-12-31T10:00:00Z');
    hold(2, '+18335550002', '2026-02-09T23:59:59Z', 'Support line');
    hold(3, '+442071234567', '2026-01-20T00:00:00Z');
    // The purchase of the second, as it was recorded when it was made.
    const id = numberMonthId(sid(2), new Date('2026-02-09T23:59:59Z'));
    const attributes = usage({
      'usage.id': id,
      'client.id': 'globex',
      'usage.service': 'twilio_phone',
      'usage.operation': 'provision_number',
      'usage.unit': 'number_month',
      'usage.quantity': '1',
      'usage.sku': 'toll_free',
      'usage.external_id': sid(2),
      'cost.amount': '2.15',
    });
    await send(ledger, [{ time: '2026-02-09T23:59:59Z', attributes }]);
    return () => twilio.close();
  });

  const BOUGHT = '2026-02-09 globex provision_number toll_free 1 number_month 2.15 1';

  test('every month that has begun is one charge, once', async () => {
    const { code, out } = await measure();
    expect({ code }).toEqual({ code: 0 });
    expect(out).toMatch(/3 numbers, 3 months charged/);
    const expected = [
      '2026-01-20 unattributed provision_number +44_number 1 number_month null 1',
      '2025-12-31 unattributed provision_number local 1 number_month 1.15 1',
      '2026-01-31 unattributed provision_number local 1 number_month 1.15 1',
      BOUGHT,
    ].sort();
    expect((await charges()).sort()).toEqual(expected);
    expect((await measure()).out).toMatch(/3 numbers, 0 months charged/);
    expect((await charges()).sort()).toEqual(expected);
  });

  test('the next months are their buyer’s; a released number is charged no more', async () => {
    now = '2026-03-31T08:00:00Z';
    twilio.numbers.delete(sid(1));
    await measure('--since', '2026-03-01');
    expect(await charges()).toEqual([
      BOUGHT,
      '2026-03-09 globex provision_number toll_free 1 number_month 2.15 1',
      '2026-03-20 unattributed provision_number +44_number 1 number_month null 1',
    ]);
  });

  test('a file names clients by SID, number or friendly name; what was nobody’s is theirs, what was somebody’s is not', async () => {
    await measure();
    const clients = file('clients.json', {
      [sid(3)]: 'initech',
      '+14155550001': 'acme',
      'Support line': 'nobody-asked',
    });
    const { out } = await measure('--clients', clients);
    expect(out).toContain('3 months of nobody have a client now');
    expect((await charges()).map((line) => line.split(' ').slice(0, 2).join(' ')).sort()).toEqual([
      '2025-12-31 acme',
      '2026-01-20 initech',
      '2026-01-31 acme',
      '2026-02-09 globex',
    ]);
    const before = await charges();
    expect((await measure('--clients', clients)).out).not.toContain('nobody');
    expect(await charges()).toEqual(before);
  });

  test('a dry run, wrong files and logins', async () => {
    const dry = await measure('--dry-run', '--format', 'json');
    expect(JSON.parse(dry.out)).toMatchObject({ dryRun: true, cost: '2.3' });
    expect(await charges()).toEqual([BOUGHT]);
    const bad = file('bad-clients.json', { PN1: 7 });
    expect(await measure('--clients', bad)).toMatchObject({
      code: 2,
      err: expect.stringContaining('PN1: expected a client id'),
    });
    expect(await measure('--since', '2026-02-30')).toMatchObject({ code: 2, err: expect.stringContaining('--since') });
    env = { TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: 'f'.repeat(32) };
    expect(await measure()).toMatchObject({ code: 1, err: expect.stringContaining('does not accept the login') });
  });
});
