import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedgerClient } from '../../../clickhouse/dist/client.js';
import { writeCharges } from '../../../clickhouse/dist/corrections/index.js';
import { applyUpdates, runCli } from '../../../clickhouse/dist/index.js';
import type { ClickHouseAddress } from '../../../clickhouse/dist/stack/index.js';
import { newCharge } from '../../../clickhouse/src/corrections/row.ts';
import { send, usage, uuidv7 } from '../../../clickhouse/src/queries/testing/ledger.ts';
import { ACCOUNT } from '../../../clickhouse/src/settle/testing/bench.ts';
import { delivered, sid, sms, twilio } from '../../../clickhouse/src/settle/testing/twilio.ts';
import { createOpenAIAdminStandIn } from '../../../examples/src/stand-ins/openai-admin/index.ts';
import { createR2StandIn } from '../../../examples/src/stand-ins/r2/index.ts';
import { createStripeStandIn } from '../../../examples/src/stand-ins/stripe/index.ts';
import { createTwilioStandIn } from '../../../examples/src/stand-ins/twilio/index.ts';
import { exportEvents, pendingEvents } from '../../../grafana/src/sms/life/export.ts';
import { type Accounts, startAccounts } from '../../support/accounts.ts';

// Each command, and the SMS service's export, with the rights of its own user: enough, and of the reading user's only what reads.
const scratch = mkdtempSync(join(tmpdir(), 'client-cost-commands-'));
const NOW = '2026-02-10T12:00:00Z';
let accounts: Accounts;
let owner: ReturnType<typeof createLedgerClient>;

beforeAll(async () => {
  accounts = await startAccounts();
  owner = createLedgerClient(accounts.owner, 'ledger');
  await send(owner, [
    sms(1),
    { time: '2026-02-03T00:00:00Z', attributes: usage() },
    { time: '2026-01-03T00:00:00Z', attributes: usage() },
  ]);
});
afterAll(async () => {
  await owner?.close();
  await accounts?.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function command(
  who: ClickHouseAddress,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  now = new Date(NOW),
) {
  let out = '';
  let err = '';
  const code = await runCli(argv, {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env: {
      CLICKHOUSE_URL: who.url,
      CLICKHOUSE_USER: who.user,
      CLICKHOUSE_PASSWORD: who.password,
      CLICKHOUSE_DATABASE: who.database,
      ...env,
    },
    tty: false,
    now: () => now,
  });
  return { code, out, err };
}

const READING: readonly (readonly string[])[] = [
  ['report'],
  ['report', '--month', '2026-02', '--format', 'json'],
  ['report', '--client', 'acme', '--month', '2026-02'],
  ['bill', 'acme', '--month', '2026-02'],
  ['coverage'],
  ['clients'],
  ['alerts'],
  ['alerts', 'states'],
  ['alerts', 'check', '--dry-run'],
  ['migrate', 'status'],
];

describe.each(['reader', 'operator'] as const)('as the %s', (kind) => {
  it.each(READING.map((argv) => [argv.join(' '), argv] as const))('client-cost %s', async (_, argv) => {
    const done = await command(accounts[kind], argv);
    expect(done, done.err).toMatchObject({ code: 0 });
  });

  it('client-cost doctor finds nothing that it may not look at', async () => {
    const { out } = await command(accounts[kind], ['doctor', '--no-collector']);
    expect(out).toMatch(/rollups/);
    expect(out).not.toMatch(/privileges|lacks a right/);
  });
});

describe('what the operating user writes, and the reading user may not', () => {
  const both = async (argv: readonly string[], env: NodeJS.ProcessEnv = {}, now = new Date(NOW)) => {
    const refused = await command(accounts.reader, argv, env, now);
    expect(refused.err).toMatch(/privileges|readonly/i);
    expect(refused.code).not.toBe(0);
    const done = await command(accounts.operator, argv, env, now);
    expect(done, done.err).toMatchObject({ code: 0 });
    return done;
  };

  it('client-cost clients: names, thresholds, prices, margins', async () => {
    await both(['clients', 'set', 'acme', '--name', 'Acme', '--warning', '10', '--critical', '20']);
    await both(['clients', 'price', 'acme', '--service', 'twilio_sms', '--per-unit', '0.01']);
    await both(['clients', 'margin', 'acme', '--percent', '10']);
  });

  it('client-cost reprice', async () => {
    const file = join(scratch, 'prices.json');
    const per = { provider: 'openai', model: 'gpt-4o-mini', usd_per_million: { input: '1', output: '2' } };
    writeFileSync(file, JSON.stringify({ prices: [per] }));
    const done = await both(['reprice', '--from', '2026-02-01', '--to', '2026-02-28'], { CLIENT_COST_PRICES: file });
    expect(done.out).toMatch(/^openai +1 +1 /m);
  });

  it('client-cost backfill', async () => {
    await both(['backfill', '--from', '2026-02-01', '--to', '2026-02-03']);
  });

  it('client-cost settle, for each provider', async () => {
    const api = await twilio();
    api.things.set(sid('SM', 1), delivered(1));
    const stripe = await createStripeStandIn({ now: () => Date.parse('2026-02-03T00:00:00Z') });
    const answer = await fetch(`${stripe.url}/v1/charges`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_x' },
      body: new URLSearchParams({ amount: '1000', currency: 'usd', source: 'tok_visa' }),
    });
    const { id } = (await answer.json()) as { id: string };
    const charge = { usage_id: uuidv7('2026-02-03T00:00:00Z'), time: '2026-02-03T00:00:00Z', service: 'stripe' };
    await writeCharges(owner, [
      newCharge({
        ...charge,
        operation: 'charge',
        unit: 'usd',
        quantity: '10',
        cost: '0.1',
        cost_source: 'price_book',
        external_id: id,
      }),
    ]);
    const env = { TWILIO_ACCOUNT_SID: ACCOUNT, TWILIO_AUTH_TOKEN: 'b'.repeat(32), STRIPE_API_KEY: 'sk_test_x' };
    const rest = ['--since', '2026-02-01', '--rate', '1000', '--api-url'];
    try {
      await both(['settle', 'twilio', ...rest, api.url, '--state-dir', join(scratch, 't')], env);
      await both(['settle', 'stripe', ...rest, stripe.url, '--state-dir', join(scratch, 's')], env);
    } finally {
      await api.close();
      await stripe.close();
    }
    const settled = await accounts.ask(
      accounts.owner,
      'SELECT count() FROM usage_events_current WHERE version >= 1000',
    );
    expect(settled.text.trim()).toBe('2');
  });

  it('client-cost reconcile reads', async () => {
    const openai = await createOpenAIAdminStandIn({
      costs: [{ day: '2026-02-03', lineItem: 'gpt-4o, input', value: 0.25 }],
    });
    try {
      const argv = ['reconcile', 'openai', '--month', '2026-02', '--api-url', `${openai.url}/v1`];
      for (const who of [accounts.reader, accounts.operator]) {
        expect(await command(who, argv, { OPENAI_ADMIN_KEY: 'sk-admin-x' })).toMatchObject({ code: 0 });
      }
    } finally {
      await openai.close();
    }
  });

  it('client-cost measure', async () => {
    const r2 = await createR2StandIn({ accessKeyId: 'AK', secretAccessKey: 'SK' });
    r2.store('uploads', 'a', 28_000_000);
    const numbers = await createTwilioStandIn();
    const map = join(scratch, 'map.json');
    writeFileSync(map, JSON.stringify({ uploads: 'acme' }));
    try {
      await both(['measure', 'r2', '--buckets', map, '--endpoint', r2.url, '--state-dir', scratch], {
        R2_ACCESS_KEY_ID: 'AK',
        R2_SECRET_ACCESS_KEY: 'SK',
      });
      const form = new URLSearchParams({ PhoneNumber: '+12025550123' });
      const authorization = `Basic ${btoa(`${numbers.accountSid}:${numbers.authToken}`)}`;
      await fetch(`${numbers.url}/2010-04-01/Accounts/${numbers.accountSid}/IncomingPhoneNumbers.json`, {
        method: 'POST',
        headers: { authorization },
        body: form,
      });
      const account = { TWILIO_ACCOUNT_SID: numbers.accountSid, TWILIO_AUTH_TOKEN: numbers.authToken };
      await both(['measure', 'twilio-numbers', '--api-url', numbers.url], account, new Date());
    } finally {
      await r2.close();
      await numbers.close();
    }
  });

  it('later reports are brought to their charges', async () => {
    const client = createLedgerClient(accounts.operator, 'ledger');
    try {
      await applyUpdates(client, { waitSeconds: 0 });
    } finally {
      await client.close();
    }
  });
});

it('the SMS service writes what became of its alerts', async () => {
  const client = createLedgerClient(accounts.sms, 'ledger');
  const row = JSON.stringify({ id: '1', at: '2026-02-10 12:00:00', alert_key: 'k', event: 'fired' });
  const db = { prepare: () => ({ run: () => undefined, all: () => [{ id: '1', row }] }) };
  const deps = { db, clock: { now: () => 0 } } as unknown as Parameters<typeof exportEvents>[0];
  try {
    await exportEvents(deps, client, pendingEvents(deps), new AbortController().signal);
  } finally {
    await client.close();
  }
  expect((await accounts.ask(accounts.owner, 'SELECT count() FROM usage_alerts')).text.trim()).toBe('1');
});
