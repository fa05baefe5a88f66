import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drained, eventually, skipWithoutCollector, startTestStack, type TestStack } from '../support/stack.ts';
import { type Providers, startProviders } from './services/providers.ts';

// One folder is one case: the calls of input.json, made by a process loaded with --require through the providers' own packages →
// stand-ins on the wire → spool → real Collector → real engine → the rows of query.sql are those of expected.json.
const folder = join(import.meta.dirname, 'services');
const cases = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const register = createRequire(import.meta.url).resolve('@client-cost/instrumentation/register');

const read = <T>(name: string, file: string): T => JSON.parse(readFileSync(join(folder, name, file), 'utf8')) as T;

interface Input {
  readonly about: string;
  /** Things that providers do of their own accord, after the calls: an incoming message, for example. */
  readonly events?: readonly { readonly on: keyof Providers; readonly do: string; readonly args: readonly unknown[] }[];
}

describe.skipIf(skipWithoutCollector)('calls in, ledger, day and month out', () => {
  let test: TestStack;
  let providers: Providers;

  beforeAll(async () => {
    test = await startTestStack();
    providers = await startProviders();
    for (const name of cases) await makeCalls(name);
    await drained(test.stack.otlp!.metricsUrl);
  });
  afterAll(async () => {
    await providers?.close();
    await test?.stop();
  });

  it.each(cases)('%s', async (name) => {
    const sql = readFileSync(join(folder, name, 'query.sql'), 'utf8');
    const expected = read<unknown[]>(name, 'expected.json');
    // Updates find their charge within seconds: what is not so at first must become so, and never be anything else for long.
    const rows = await eventually(
      `the rows of ${name}`,
      async () => {
        const found = await test.query(sql);
        return JSON.stringify(found) === JSON.stringify(expected) ? found : undefined;
      },
      name.startsWith('twilio') || name.startsWith('stripe') ? 20 : 1,
    ).catch(() => test.query(sql));
    expect(rows, read<Input>(name, 'input.json').about).toEqual(expected);
  });

  async function makeCalls(name: string): Promise<void> {
    const { events = [] } = read<Input>(name, 'input.json');
    const child = fork(join(folder, 'run.cjs'), [join(folder, name, 'input.json')], {
      execArgv: ['--require', register],
      env: {
        ...process.env,
        ...test.stack.env,
        ...providers.env,
        OTEL_SERVICE_NAME: `services-${name}`,
        CLIENT_COST_SPOOL_DIR: join(test.dataDir, 'spool', name),
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exit = once(child, 'exit');
    const { app } = await said<{ app: string }>(child);
    child.send('go');
    await said(child);
    for (const { on, do: what, args } of events) {
      const filled = JSON.parse(JSON.stringify(args).replaceAll('{{app}}', app)) as unknown[];
      const provider = providers[on] as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
      await provider[what]!(...filled);
    }
    await providers.settled();
    child.send('end');
    const [code] = (await exit) as [number];
    if (code !== 0) throw new Error(`the calls of ${name} ended with ${code}`);
  }
});

async function said<T>(child: ChildProcess): Promise<T> {
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the calling process ended with ${code}`);
    }),
  ])) as [T];
  return message;
}
