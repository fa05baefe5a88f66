import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../../clickhouse/src/cli/program.ts';
import { startTestService } from '../../../grafana/src/sms/server/testing/service.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

// Hostile texts in every place where somebody may type one: they are names, or they are refused, and they are never run.

const HOSTILE = [
  "'; DROP TABLE clients; --",
  "' OR '1'='1",
  '" OR ""="',
  '`; DROP DATABASE client_cost; --',
  "\\'; DROP TABLE clients; --",
  '\\',
  '{id:String}',
  "{id:String}'; DROP TABLE usage_events; --",
  '/* */ -- # $$',
  "'||(SELECT password FROM users)||'",
  'a\tb',
  '%00%27',
  '＇；ＤＲＯＰ ＴＡＢＬＥ clients',
  '𝓐\u202Eclient',
];
/** Each command takes a while: one text of each kind. */
const NAMES = [
  "'; DROP TABLE clients; --",
  "' OR '1'='1",
  '\\',
  "{id:String}'; DROP TABLE usage_events; --",
  'a\tb',
  '＇；ＤＲＯＰ ＴＡＢＬＥ clients',
];
/** No argument of a process can have these, but a webhook can. */
const HARDER = ['a\u0000b', "'\u0000'; DROP TABLE alerts; --", 'line\r\nbreak', '\ud800'];

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ collector: 'none' });
});
afterAll(() => stack?.stop());

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env: { ...stack.stack.clientEnv },
    tty: false,
    now: () => new Date(),
  });
  return { code, out, err };
}

const tables = () =>
  stack.query(
    "SELECT database, name, engine FROM system.tables WHERE database NOT IN ('system') ORDER BY database, name",
  );

describe('the command', () => {
  test.each(NAMES)('%j is a client, a name, a filter', async (text) => {
    const before = await tables();
    expect(await cli('clients', 'set', '--name', text, '--warning', '5', '--', text)).toMatchObject({ code: 0 });
    const listed = JSON.parse((await cli('clients', '--json')).out) as {
      clientId?: string;
      id?: string;
      name: string;
    }[];
    expect(listed.filter(({ name }) => name === text)).toHaveLength(1);
    const [row] = await stack.query<{ id: string; name: string }>(
      `SELECT id, name FROM clients FINAL WHERE hex(id) = '${Buffer.from(text).toString('hex').toUpperCase()}'`,
    );
    expect(row).toEqual({ id: text, name: text });

    // Nobody has used anything: no row of another client may come.
    const report = await cli('report', `--client=${text}`, '--month', '2026-01');
    expect([report.code, report.err]).toEqual([0, '']);
    expect(report.out).not.toMatch(/\$[1-9]/);
    expect((await cli('bill', '--json', '--', text)).code).toBe(0);
    expect((await cli('alerts', 'states', `--client=${text}`, '--json')).code).toBe(0);
    expect((await cli('alerts', `--client=${text}`, '--json')).out).toBe('[]\n');
    const price = await cli(
      'clients',
      'price',
      `--service=${text}`,
      `--operation=${text}`,
      `--unit=${text}`,
      `--sku=${text}`,
      '--per-unit',
      '0.5',
      '--from',
      '2026-01-01',
      '--',
      text,
    );
    expect([0, 2], price.err).toContain(price.code);
    expect(await tables()).toEqual(before);
  });

  test.each(HOSTILE.slice(0, 4))('%j is no day, month, amount, database or user', async (text) => {
    const before = await tables();
    for (const args of [
      ['report', `--month=${text}`],
      ['report', `--from=${text}`],
      ['report', `--from=2026-01-01`, `--to=${text}`],
      ['bill', 'acme', `--month=${text}`],
      ['coverage', `--month=${text}`],
      ['backfill', `--from=${text}`, `--to=${text}`],
      ['clients', 'set', 'acme', `--warning=${text}`],
      ['alerts', 'states', `--as-of=${text}`],
      ['report', `--database=${text}`],
      ['report', `--user=${text}`],
      ['migrate', `--database=${text}`, '--dry-run'],
    ]) {
      const { code } = await cli(...args);
      // A database may have any name; that its statements are printed runs nothing.
      if (args[0] !== 'migrate') expect([args, code]).not.toEqual([args, 0]);
    }
    expect(await tables()).toEqual(before);
  });
});

test('parameters of the HTTP interface are values', async () => {
  const { url, user, password } = stack.stack.clickhouse;
  for (const text of HOSTILE) {
    const query = new URLSearchParams({ param_x: text.replace(/\\/g, '\\\\').replace(/\t/g, '\\t') });
    const answer = await fetch(`${url}/?${query}`, {
      method: 'POST',
      headers: { 'x-clickhouse-user': user, 'x-clickhouse-key': password },
      body: 'SELECT hex({x:String})',
    });
    expect([text, (await answer.text()).trim()]).toEqual([text, Buffer.from(text).toString('hex').toUpperCase()]);
  }
  // Names of settings and of parameters become a part of SET; none gets that far.
  for (const name of [
    "max_threads = 1, readonly = '0' --",
    'a b',
    "param_x = '1'; DROP TABLE clients; --",
    'param_x`',
  ]) {
    const answer = await fetch(`${url}/?${new URLSearchParams({ [name]: '1' })}`, {
      method: 'POST',
      headers: { 'x-clickhouse-user': user, 'x-clickhouse-key': password },
      body: 'SELECT 1',
    });
    expect([name, answer.status]).toEqual([name, 404]);
  }
});

test('a webhook and an answer of the SMS service are values', async () => {
  const service = await startTestService();
  try {
    const schema = () => service.rows('SELECT type, name, sql FROM sqlite_master ORDER BY name');
    const before = schema();
    const all = [...HOSTILE, ...HARDER];
    for (const [index, text] of all.entries()) {
      const answer = await service.webhook([
        { client: `${text}${index}`, name: text, summary: text, type: 'threshold', month: '2026-11' },
      ]);
      expect([text, answer.status === 200 || answer.status === 400]).toEqual([text, true]);
      await service.reply('+14035551234', text.replaceAll('\u0000', ''));
      const link = await fetch(`${service.url}/a/${encodeURIComponent(text.toWellFormed())}`, {
        method: 'POST',
        body: new URLSearchParams({ by: text }),
      });
      expect([text, link.status]).toEqual([text, expect.any(Number)]);
      expect(link.status).toBeLessThan(500);
    }
    const [{ n }] = service.rows<{ n: number }>('SELECT count(*) AS n FROM alerts') as [{ n: number }];
    expect(n).toBeGreaterThanOrEqual(HOSTILE.length);
    expect(schema()).toEqual(before);
  } finally {
    await service.close();
  }
});
