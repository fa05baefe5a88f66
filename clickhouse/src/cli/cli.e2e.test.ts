import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send, startTestEngine, type TestEngine, usage } from '../queries/testing/ledger.ts';
import { runCli } from './program.ts';

let engine: TestEngine;
const database = 'cli';
const NOW = '2026-02-10T12:00:00Z';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(argv: string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
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
    now: () => new Date(NOW),
  });
  return { code, out, err };
}

beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine?.stop());

describe('before and after migrate', () => {
  test('an unmigrated database is said to be one', async () => {
    const { code, err } = await run(['report']);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('run "client-cost migrate"') });
    expect((await run(['migrate', 'status'])).code).toBe(1);
    expect((await run(['doctor', '--no-collector'])).out).toMatch(/FAIL {2}migrations/);
  });

  test('migrate, twice, and its status', async () => {
    expect(await run(['migrate', '--dry-run'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('usage_events'),
    });
    expect(await run(['migrate', '--retention-days', '0'])).toMatchObject({
      code: 0,
      err: expect.stringMatching(/up 0001_otel_logs/),
    });
    expect((await run(['migrate', '--retention-days', '0'])).out).toMatch(/up to date/);
    expect(await run(['migrate', 'status'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('0001_otel_logs  applied'),
    });
  });
});

describe('report', () => {
  beforeAll(async () => {
    const call = (time: string, client: string, cost: string, over: Record<string, string> = {}) => ({
      time,
      attributes: usage({ 'client.id': client, 'cost.amount': cost, ...over }),
    });
    await send(engine.client(database), [
      call('2026-01-05T00:00:00Z', 'acme', '4'),
      call('2026-02-05T00:00:00Z', 'acme', '5.8074795'),
      call('2026-02-06T00:00:00Z', 'acme', '0.0079', {
        'usage.service': 'twilio_sms',
        'usage.operation': 'send_sms',
        'usage.quantity': '2',
        'gen_ai.provider.name': '',
        'gen_ai.request.model': '',
        'gen_ai.response.model': '',
      }),
      call('2026-02-06T00:00:00Z', 'globex', '0.000027'),
      call('2026-02-07T00:00:00Z', 'globex', '', { 'cost.source': 'unpriced', 'gen_ai.request.model': 'mystery' }),
      call('2026-02-07T00:00:00Z', 'evil\u001b[31m,"x"\n', '0.5'),
    ]);
  });

  test('all clients of this month', async () => {
    const { code, out } = await run(['report']);
    expect(code).toBe(0);
    expect(out).toMatch(/2026-02, so far/);
    expect(out).toMatch(/^Client +OpenAI +SMS +Voice +Phone +Stripe +Places +R2 +Other +Total +vs last month$/m);
    expect(out).toMatch(/Total cost +\$6\.315407 +3 active clients/);
    expect(out).toMatch(/OpenAI +\$6\.307507 +4 calls/);
    expect(out).toMatch(/Twilio SMS +\$0\.0079 +2 messages/);
    expect(out).toMatch(/Average per client +\$2\.105136/);
    expect(out).toMatch(/^acme +\$5\.80748 +\$0\.0079( +\$0\.00){6} +\$5\.81538 +\+45 %$/m);
    expect(out).toMatch(/^globex +\$0\.000027 .* –$/m);
    expect(out).toMatch(/1 of 5 requests have no known price/);
    expect(out).not.toContain('\u001b');
  });

  test('JSON and CSV are exact', async () => {
    const json = JSON.parse((await run(['report', '--format', 'json'])).out);
    expect(json.totals.totalCost).toBe('6.3154065');
    expect(json.clients[0]).toMatchObject({
      clientId: 'acme',
      totalCost: '5.8153795',
      previousMonthCost: '4',
      costChangePercent: 45,
    });
    const { out } = await run(['report', '--format', 'csv', '--month', '2026-02']);
    expect(out.split('\r\n')[0]).toMatch(/^from,to,client_id,client_name,active,openai_cost/);
    expect(out).toContain('2026-02-01,2026-02-28,acme,acme,true,5.8074795,0.0079,');
    expect(out).toContain('"evil\u001b[31m,""x""\n"');
  });

  test('one client', async () => {
    const { out } = await run(['report', '--client', 'acme']);
    expect(out).toMatch(/Month to date +\$5\.81538 +day 10 of 28/);
    expect(out).toMatch(/Projected total +\$16\.283063 +18 days remaining/);
    expect(out).toMatch(/Last month +\$4\.00 +\+45 %/);
    expect(out).toMatch(/^send_sms +twilio_sms +1 +\$0\.0079$/m);
    expect(out.match(/^2026-02-\d\d/gm), 'days with usage').toEqual(['2026-02-05', '2026-02-06']);
    expect(JSON.parse((await run(['report', '--client', 'acme', '--format', 'json'])).out)).toMatchObject({
      total: { cost: '5.8153795' },
      currentMonth: { projectedCost: '16.2830626', dailyAverage: '0.58153795' },
    });
    expect(
      (await run(['report', '--client', 'acme', '--from', '2026-02-05', '--to', '2026-02-05', '--format', 'csv'])).out,
    ).toContain('acme,2026-02-05,2026-02-05,total,,,,,,1,0,100,20,5.8074795,0,0');
  });

  test('the operations of a CSV file add up: all are in it, not only the ten that the table shows', async () => {
    await send(
      engine.client(database),
      Array.from({ length: 12 }, (_, index) => ({
        time: '2026-07-02T00:00:00Z',
        attributes: usage({ 'client.id': 'many', 'usage.operation': `op ${index}`, 'cost.amount': '1' }),
      })),
    );
    const { out } = await run(['report', '--client', 'many', '--month', '2026-07', '--format', 'csv']);
    expect(out).toMatch(/^many,2026-07-01,2026-07-31,total,,,,,,12,0,1200,240,12,0,0\r$/m);
    expect(out.match(/^many,2026-07-01,2026-07-31,operation,,openai,op \d+,,,1,0,100,20,1,0,0\r$/gm)).toHaveLength(12);
    expect((await run(['report', '--client', 'many', '--month', '2026-07'])).out.match(/^op \d+ /gm)).toHaveLength(10);
  });

  test('a long amount does not run into what stands beside it', async () => {
    await send(engine.client(database), [
      {
        time: '2026-06-01T00:00:00Z',
        attributes: usage({ 'client.id': 'tiny', 'cost.amount': '0.000001234567' }),
      },
    ]);
    expect((await run(['report', '--month', '2026-06'])).out).toMatch(
      /^Total cost +\$0\.00000123457 1 active client\nOpenAI +\$0\.00000123457 1 call$/m,
    );
  });

  test('one client that used nothing yet: what last month cost is said', async () => {
    expect((await run(['report', '--client', 'acme', '--month', '2026-03'])).out).toMatch(
      /^Last month +\$5\.81538 +-100 %$/m,
    );
    expect(
      JSON.parse((await run(['report', '--client', 'acme', '--month', '2026-04', '--format', 'json'])).out),
    ).toMatchObject({ previousMonthCost: null, costChangePercent: null });
  });

  test('a client without usage, a period without usage', async () => {
    expect(await run(['report', '--client', "nobody'; --"])).toMatchObject({
      code: 0,
      out: expect.stringContaining('No usage'),
    });
    expect(await run(['report', '--month', '2025-01'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('No usage'),
    });
  });
});

test('clients', async () => {
  expect(
    (await run(['clients', 'set', 'acme', '--name', 'Acme "Inc"', '--warning', '50', '--critical', '99.5'])).code,
  ).toBe(0);
  expect((await run(['clients', 'deactivate', 'acme'])).out).toMatch(
    /^acme +Acme "Inc" +no +\$50\.00 +\$99\.50 +default +default +default$/m,
  );
  const { out } = await run(['clients', '--json']);
  expect(JSON.parse(out)).toContainEqual({
    id: 'acme',
    name: 'Acme "Inc"',
    active: false,
    monthlyWarning: '50',
    monthlyCritical: '99.5',
    spikePercent: null,
    spikeCriticalPercent: null,
    anomalyPercent: null,
    marginPercent: null,
    marginFixed: null,
  });
  expect(JSON.parse(out).map((client: { id: string }) => client.id)).toContain('globex');
  expect((await run(['report'])).out).toMatch(/^Acme "Inc" \(acme\)/m);
  expect(await run(['clients', 'set', 'acme', '--warning', 'much'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('"much"'),
  });
});

test('backfill', async () => {
  expect(await run(['backfill', '--from', '2026-02-01', '--to', '2026-02-10'])).toMatchObject({
    code: 0,
    out: '10 days rebuilt, 2026-02-01 to 2026-02-10\n',
  });
  expect((await run(['report', '--format', 'json'])).out).toContain('"totalCost": "6.3154065"');
});

test('doctor names what is wrong', async () => {
  const spool = mkdtempSync(join(tmpdir(), 'client-cost-doctor-'));
  const env = { CLIENT_COST_SPOOL_DIR: spool };
  const fine = await run(['doctor', '--no-collector'], env);
  expect(fine.out).toMatch(/ok {4}migrations/);
  expect(fine.out).toMatch(/warn {2}prices .*missing|ok {4}prices/);
  expect(fine.code).toBe(0);
  await send(engine.client(database), [{ time: new Date().toISOString(), attributes: usage({ 'cost.amount': '-1' }) }]);
  const bad = await run(['doctor'], {
    ...env,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    CLIENT_COST_COLLECTOR_HEALTH_URL: 'http://127.0.0.1:9',
  });
  expect(bad.code).toBe(1);
  expect(bad.out).toMatch(/FAIL {2}rejected +1 events in 24 hours, mostly: cost.amount/);
  expect(bad.out).toMatch(/FAIL {2}OTLP endpoint/);
  expect(bad.err).toMatch(/problems found/);
});

describe('what goes wrong has its exit code and says the way out', () => {
  test.each<[string, string[], NodeJS.ProcessEnv, number, RegExp]>([
    [
      'no server',
      ['report'],
      { CLICKHOUSE_URL: 'http://127.0.0.1:9' },
      3,
      /cannot reach ClickHouse at http:\/\/127\.0\.0\.1:9/,
    ],
    ['no URL', ['report'], { CLICKHOUSE_URL: 'localhost' }, 2, /CLICKHOUSE_URL "localhost"/],
    [
      'a password in the URL',
      ['report'],
      { CLICKHOUSE_URL: 'http://u:p@127.0.0.1:9' },
      2,
      /CLICKHOUSE_USER and CLICKHOUSE_PASSWORD/,
    ],
    ['wrong password', ['report'], { CLICKHOUSE_PASSWORD: 'wrong' }, 3, /does not accept user default/],
    [
      'password file missing',
      ['report'],
      { CLICKHOUSE_PASSWORD_FILE: '/nonexistent' },
      2,
      /CLICKHOUSE_PASSWORD_FILE \/nonexistent/,
    ],
    ['bad month', ['report', '--month', '2026-13'], {}, 2, /--month "2026-13"/],
    ['month and days', ['report', '--month', '2026-01', '--from', '2026-01-01'], {}, 2, /exclude each other/],
    ['days in the wrong order', ['report', '--from', '2026-02-02', '--to', '2026-02-01'], {}, 2, /is after/],
    ['unknown command', ['repotr'], {}, 2, /unknown command/],
    ['unknown format', ['report', '--format', 'xml'], {}, 2, /table, json, csv/],
    ['down without consent', ['migrate', 'down', '--to', '0'], {}, 2, /--yes/],
    ['no day', ['backfill', '--from', '2026-02-30', '--to', '2026-03-01'], {}, 2, /from "2026-02-30"/],
  ])('%s', async (_, argv, env, code, message) => {
    const result = await run(argv, env);
    expect(result.err).toMatch(message);
    expect(result.code).toBe(code);
  });

  test.each([
    [],
    ['migrate'],
    ['report'],
    ['clients'],
    ['clients', 'set'],
    ['alerts'],
    ['alerts', 'check'],
    ['backfill'],
    ['bill'],
    ['reprice'],
    ['prices', 'check'],
    ['coverage'],
    ['doctor'],
    ['start'],
  ])('help of %j', async (...argv) => {
    expect(await run([...argv, '--help'])).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringContaining('Usage: client-cost'),
    });
  });
});

test('the executable runs, and says what is wrong with a file that holds no password', () => {
  const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const file = join(mkdtempSync(join(tmpdir(), 'client-cost-cli-')), 'password');
  writeFileSync(file, '\n');
  const env = { ...process.env, CLICKHOUSE_URL: engine.url, CLICKHOUSE_DATABASE: database };
  const executable = (...more: string[]) =>
    spawnSync(process.execPath, [main, 'migrate', 'status', ...more], { env, encoding: 'utf8' });
  const { status, stdout } = executable();
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('0001_otel_logs') });
  const refused = executable('--password-file', file);
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining(`${file} is empty`) });
});
