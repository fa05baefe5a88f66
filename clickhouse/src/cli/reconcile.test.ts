import { expect, test } from 'vitest';
import { runCli } from './program.ts';

const ACCOUNT = `AC${'1'.repeat(32)}`;
const ENV = {
  CLICKHOUSE_URL: 'http://127.0.0.1:1',
  TWILIO_ACCOUNT_SID: ACCOUNT,
  TWILIO_AUTH_TOKEN: 't',
  STRIPE_API_KEY: 'sk_1',
  OPENAI_ADMIN_KEY: 'sk-admin-1',
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
  [['reconcile', '--month', '2026-13'], {}, 'expected a month'],
  [['reconcile', '--month', '2026-02', '--api-url', 'http://127.0.0.1:1'], {}, '--api-url needs a provider'],
  [
    ['reconcile', 'stripe', '--month', '2026-02', '--account', `AC${'1'.repeat(32)}`],
    {},
    '--account is for twilio only',
  ],
  [['reconcile', '--month', '2026-02', '--fail-over', '-1'], {}, 'number of percent'],
  [
    ['reconcile', '--month', '2026-02'],
    { TWILIO_ACCOUNT_SID: '', STRIPE_API_KEY: '', OPENAI_ADMIN_KEY: '' },
    'no credentials are set',
  ],
  [['reconcile', 'openai', '--month', '2026-02'], { OPENAI_ADMIN_KEY: '' }, 'OPENAI_ADMIN_KEY is not set'],
])('%j', async (argv, env, message) => {
  expect(await run(argv, env)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
});
