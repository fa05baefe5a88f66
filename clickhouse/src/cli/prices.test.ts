import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli } from './program.ts';

async function run(argv: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(['prices', ...argv], {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env,
    tty: false,
    now: () => new Date('2026-11-22T12:00:00Z'),
  });
  return { code, out, err };
}

const file = (text: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'client-cost-prices-')), 'prices.json');
  writeFileSync(path, text);
  return path;
};

describe('client-cost prices', () => {
  test('what it costs on a date, and where that is from', async () => {
    const argv = ['--service', 'twilio_sms', '--operation', 'send_sms', '--unit', 'segment', '--sku', 'us_ca'];
    const february = await run([...argv, '--on', '2026-02-28']);
    expect(february.code).toBe(0);
    expect(february.out).toMatch(
      /^twilio_sms +send_sms +us_ca\* +0\.0079 per segment +– +2026-03-01 +overlay +price list of February 2026/m,
    );
    const { out } = await run([...argv, '--on', '2026-03-01']);
    expect(out).toMatch(/ 2026-03-01 +– +overlay +https:\/\/www\.twilio\.com/);
  });

  test('a model in the library, with a price of the own file over it', async () => {
    const own = file(
      '{"prices":[{"provider":"openai","model":"gpt-4o","usd_per_million":{"input":"2","output":"8"},"source":"contract"}]}',
    );
    const argv = ['--service', 'openai', '--model', 'gpt-4o-2024-08-06'];
    expect((await run(argv)).out).toMatch(
      /gpt-4o-2024-08-06 +per 1M tokens: input 2\.5, cached_input 1\.25, output 10 .*genai-prices +https/,
    );
    const { out } = await run(argv, { CLIENT_COST_PRICES: own });
    expect(out).toMatch(/gpt-4o +per 1M tokens: input 2, output 8 +– +– +user +contract/);
    const json = JSON.parse((await run([...argv, '--all', '--json'], { CLIENT_COST_PRICES: own })).out);
    expect(json).toMatchObject({ on: '2026-11-22T12:00:00.000Z', priceVersion: expect.stringContaining('+user.') });
    expect(json.prices.map(({ layer }: { layer: string }) => layer)).toEqual(
      expect.arrayContaining(['user', 'genai-prices']),
    );
  });

  test('what has no price is said to be recorded as unpriced; a wrong day is wrong usage', async () => {
    expect(await run(['--model', 'mystery-9'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/mystery-9 on 2026-11-22: .* unpriced/),
    });
    expect(await run(['--on', '2026-02-30'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--on "2026-02-30"'),
    });
  });
});

describe('client-cost prices check', () => {
  test('names each problem with its line and ends with 1', async () => {
    const bad = file('{\n  "prices": [\n    { "service": "acme", "unit": "request", "usd_per_unit": "0,4" }\n  ]\n}\n');
    const { code, out, err } = await run(['check', bad]);
    expect(code).toBe(1);
    expect(out).toBe(`${bad}:3:61: prices[0].usd_per_unit: "0,4" is not a decimal number such as "0.15"\n`);
    expect(err).toMatch(/1 problem in/);
  });

  test('a usable file, the one of the environment, one that is missing, none', async () => {
    const good = file(
      '{"prices":[{"service":"a","unit":"u","usd_per_unit":"1"}],"exchange_rates":[{"currency":"CAD","usd":"0.7"}]}',
    );
    expect(await run(['check', good])).toMatchObject({
      code: 0,
      out: `${good}: 1 price and 1 exchange rate, all usable\n`,
    });
    expect((await run(['check'], { CLIENT_COST_PRICES: good })).code).toBe(0);
    expect(await run(['check', '/nonexistent.json'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('/nonexistent.json: cannot be read'),
    });
    expect(await run(['check'])).toMatchObject({ code: 2, err: expect.stringContaining('CLIENT_COST_PRICES') });
  });
});
