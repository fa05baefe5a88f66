import { expect, test } from 'vitest';
import { runCli } from './program.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
const ENV = {
  CLICKHOUSE_URL: 'http://127.0.0.1:1',
  TWILIO_ACCOUNT_SID: ACCOUNT,
  TWILIO_AUTH_TOKEN: 't',
  STRIPE_API_KEY: 'sk_1',
};

async function run(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  let err = '';
  const code = await runCli(argv, {
    stdout: () => {},
    stderr: (text) => {
      err += text;
    },
    env: { ...ENV, ...env },
    tty: false,
    now: () => new Date('2026-02-10T12:00:00Z'),
  });
  return { code, err };
}

test.each([
  [['settle', 'paypal', '--since', '2026-02-01'], 'choices are twilio, stripe, openai'],
  [['settle', 'twilio'], "required option '--since <day>'"],
  [['settle', 'twilio', '--since', '2026-02-30'], 'from "2026-02-30": expected a day that exists'],
  [['settle', 'twilio', '--since', '2026-02-05', '--until', '2026-02-01'], 'is after'],
  [['settle', 'twilio', '--since', '2026-02-01', '--account', '../x'], '--account ../x: expected an account SID'],
  [['settle', 'stripe', '--since', '2026-02-01', '--account', ACCOUNT], '--account is for twilio only'],
  [['settle', 'twilio', '--since', '2026-02-01', '--rate', '0'], 'whole number from 1'],
])('%j', async (argv, message) => {
  expect(await run(argv)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
});

test.each([
  ['twilio', 'TWILIO_AUTH_TOKEN'],
  ['stripe', 'STRIPE_API_KEY'],
  ['openai', 'OPENAI_API_KEY'],
])('%s without %s', async (provider, variable) => {
  expect(await run(['settle', provider, '--since', '2026-02-01'], { [variable]: '' })).toMatchObject({
    code: 2,
    err: expect.stringContaining(`${variable} is not set`),
  });
});
