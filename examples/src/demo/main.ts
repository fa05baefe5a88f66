/**
 * `npm run demo`: the whole pipeline on this machine, from calls to bills, in one command. Prints what it does and checks its own result.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLedgerClient, getMonthlySummary, processIo, runCli, setClient, utcDay } from '@client-cost/clickhouse';
import { type Stack, startStack } from '@client-cost/clickhouse/stack';
import { DEMO_THRESHOLDS, playAlert, playRunaway } from './alert.ts';
import { DEMO_CLIENTS, type DemoClient } from './clients.ts';
import { type ExpectedBill, expectedBills, formatPico, parsePico } from './expected.ts';
import { type LastMonth, monthBefore, planLastMonth } from './history.ts';
import { checkBills, waitForEvents } from './ledger.ts';
import { type DemoOptions, HELP, readOptions } from './options.ts';
import { startPager } from './pager.ts';
import { ended, firstMessage, startMeasured, terminate } from './processes.ts';
import { type DemoProviders, startProviders } from './providers.ts';
import { buy, numberOf, purchasesOf } from './purchases.ts';
import { billsOf, chargesOfRecord, sumBills } from './record.ts';
import { playTraffic, type TrafficResult } from './traffic.ts';

const LIVE_REQUESTS = 3;
const begun = performance.now();
const say = (line: string) => console.log(`${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s  ${line}`);

let options: DemoOptions | 'help';
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  process.exit(2);
}
if (options === 'help') {
  console.log(HELP);
  process.exit(0);
}

/** What must be undone at the end, in reverse order; the same way after a failure and after Ctrl+C. */
const undo: (() => Promise<void> | void)[] = [];
let cleaning: Promise<void> | undefined;
const cleanUp = () => {
  cleaning ??= (async () => {
    for (const step of undo.reverse()) {
      try {
        await step();
      } catch (error) {
        console.error(`While ending: ${error instanceof Error ? error.message : error}`);
      }
    }
  })();
  return cleaning;
};
const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
interrupted.then(async () => {
  await cleanUp();
  process.exit(options.keep ? 0 : 130);
});

try {
  process.exitCode = (await demo(options)) ? 0 : 1;
} catch (error) {
  if (cleaning === undefined) console.error(`The demo failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
await cleanUp();
process.exit();

async function demo({ keep, live }: DemoOptions): Promise<boolean> {
  const clients = live ? DEMO_CLIENTS.map((client) => ({ ...client, requests: LIVE_REQUESTS })) : DEMO_CLIENTS;
  const dataDir = mkdtempSync(join(tmpdir(), 'client-cost-demo-'));
  undo.push(() => rmSync(dataDir, { recursive: true, force: true }));

  const stack = await startStack({ dataDir, collector: 'auto', log: say });
  undo.push(() => stack.stop());
  say(
    stack.mode === 'collector' ? 'usage goes through the OpenTelemetry Collector' : 'usage goes by the direct sender',
  );

  const providers = live ? undefined : await startProviders(clients);
  if (providers) undo.push(() => providers.close());
  const standIn = providers?.openai;
  say(
    providers
      ? 'OpenAI, Twilio, Stripe, Google Places and Cloudflare R2 are played on this machine'
      : 'calling the real OpenAI API, at most 0.02 USD',
  );

  const env = serviceEnvironment(stack, providers, join(dataDir, 'spool'));
  const service = startMeasured('../service.js', env, 'ignore');
  undo.push(() => terminate(service, 'The service'));
  const { port } = await firstMessage<{ port: number }>(service, 'The service');
  const serviceUrl = `http://127.0.0.1:${port}`;
  say(`the example service runs with --require @client-cost/instrumentation/register at ${serviceUrl}`);

  const traffic = await playTraffic(serviceUrl, clients, { onProgress: progress() });
  const failures = traffic.filter(({ status }) => status !== 200);
  if (failures.length > 0) throw new Error(`${failures.length} requests failed, the first with ${failures[0]?.status}`);
  if (providers) await playPurchases(serviceUrl, clients, providers);

  const ids = clients.map(({ id }) => id);
  const numbers = Object.fromEntries(ids.map((id, index) => [numberOf(index), id]));
  const charges = providers ? chargesOfRecord(providers, ids, numbers) : [];
  const history = standIn ? planLastMonth(clients, traffic, standIn.requests, charges, new Date()) : undefined;
  if (history) await recordLastMonth(stack, history.months, join(dataDir, 'spool'));

  const ledger = createLedgerClient(stack.clickhouse);
  undo.push(() => ledger.close());
  const bought = billsOf(charges);
  const boughtEvents = [...bought.values()].reduce((sum, { calls }) => sum + calls, 0);
  const events = traffic.length + boughtEvents + (history?.events ?? 0);
  const found = await waitForEvents(ledger, events, 45_000);
  say(`the ledger holds ${found} of ${events} usage events`);
  for (const { id, name } of clients) await setClient(ledger, { id, name });

  const month = utcDay().slice(0, 7);
  const summary = await getMonthlySummary(ledger, { month });
  const dearest = summary.clients[0];
  if (!dearest) throw new Error('The ledger has no client');
  await command(stack, 'report');
  await command(stack, 'report', '--client', dearest.clientId);
  if (history)
    console.log(
      `  Last month is made up for this demo: ${history.events} events dated ${monthBefore(month)}, recorded the ordinary way.\n`,
    );

  let ok = standIn
    ? check(sumBills(expectedBills(traffic, standIn.requests), bought), summary) &&
      check(history!.bills, await getMonthlySummary(ledger, { month: monthBefore(month) }))
    : checkCount(traffic, found);
  say(ok ? 'the bills are exact' : 'THE BILLS ARE WRONG');

  if (standIn) {
    const { clientId, clientName } = dearest;
    const pager = await startPager(stack, dataDir);
    undo.push(() => pager.close());
    await setClient(ledger, { id: clientId, ...DEMO_THRESHOLDS });
    const runaway = await playRunaway(serviceUrl, clientId);
    await waitForEvents(ledger, events + runaway.length, 45_000);
    say(`costs rise: ${runaway.length} calls of ${clientName} with whole transcripts in them`);
    const alertCommand = (...args: string[]) =>
      command({ ...stack, clientEnv: { ...stack.clientEnv, ...pager.env } }, ...args);
    const paged = await playAlert({ clientId, clientName, month, pager, command: alertCommand, say });
    const after = await getMonthlySummary(ledger, { month });
    const exact = check(sumBills(expectedBills([...traffic, ...runaway], standIn.requests), bought), after);
    say(
      paged && exact
        ? 'the alert was sent, answered and acknowledged; the bills are still exact'
        : 'THE ALERT WENT WRONG',
    );
    ok = ok && paged && exact;
  }
  if (!keep) await terminate(service, 'The service');
  if (keep) await stay(stack, serviceUrl, providers, service);
  return ok;
}

/** Runs the `client-cost` command as a user would, in this process. */
async function command(stack: Stack, ...args: string[]): Promise<void> {
  console.log(`\n$ npx client-cost ${args.join(' ')}\n`);
  const io = { ...processIo(), env: { ...process.env, ...stack.clientEnv }, tty: false };
  const code = await runCli(args, io);
  if (code !== 0) throw new Error(`client-cost ${args.join(' ')} ended with ${code}`);
  console.log();
}

function serviceEnvironment(stack: Stack, providers: DemoProviders | undefined, spool: string): Record<string, string> {
  return {
    ...stack.env,
    ...providers?.env,
    OTEL_SERVICE_NAME: 'lead-follow-up',
    CLIENT_COST_CLIENT_HEADER: 'x-client-id',
    CLIENT_COST_SPOOL_DIR: spool,
    PORT: '0',
  };
}

/** What is bought beside model calls, and what Twilio reports of it: answers of leads, ends of calls, recordings. */
async function playPurchases(
  serviceUrl: string,
  clients: readonly DemoClient[],
  { twilio }: DemoProviders,
): Promise<void> {
  const purchases = clients.flatMap((client, index) => purchasesOf(client, index));
  await buy(serviceUrl, purchases);
  for (const index of clients.keys()) {
    const url = `${serviceUrl}/twilio/incoming`;
    const { status } = await twilio.receiveSms({ to: numberOf(index), from: '+15035551000', body: 'Yes please', url });
    if (status !== 200) throw new Error(`The service answered Twilio's webhook with ${status}`);
  }
  await twilio.idle();
  const refused = twilio.callbacks.filter(({ status }) => status >= 300);
  if (refused.length > 0) throw new Error(`The service refused ${refused.length} callbacks of Twilio`);
  say(
    `texts, calls, numbers, payments, places and files: ${purchases.length} requests, ${twilio.callbacks.length} callbacks`,
  );
}

async function recordLastMonth(stack: Stack, months: readonly LastMonth[], spool: string): Promise<void> {
  const child = startMeasured('./last-month.js', {
    ...stack.env,
    OTEL_SERVICE_NAME: 'demo-history',
    CLIENT_COST_SPOOL_DIR: spool,
  });
  undo.push(() => terminate(child, 'Recording last month'));
  child.send(months);
  await ended(child, 'Recording last month');
}

/** One line at each quarter of the way. */
function progress(): (done: number, total: number) => void {
  let quarter = 0;
  return (done, total) => {
    const reached = Math.floor((done * 4) / total);
    if (reached > quarter) say(`traffic: ${done} of ${total} requests`);
    quarter = Math.max(quarter, reached);
  };
}

function sumOf(summary: Parameters<typeof checkBills>[1]): bigint {
  return summary.clients.reduce((sum, { totalCost }) => sum + parsePico(totalCost), 0n);
}

function check(expected: ReadonlyMap<string, ExpectedBill>, summary: Parameters<typeof checkBills>[1]): boolean {
  const lines = checkBills(expected, summary);
  console.log(`  Check of ${summary.month}: what the provider answered × its prices = the bill`);
  for (const { clientId, expected: want, billed, ok } of lines) {
    console.log(`    ${clientId.padEnd(20)} ${want.padEnd(16)} ${ok ? '=' : '≠'} ${billed}`);
  }
  const total = [...expected.values()].reduce((sum, { amount }) => sum + amount, 0n);
  const ok = lines.every((line) => line.ok);
  console.log(
    `    ${'all'.padEnd(20)} ${formatPico(total).padEnd(16)} ${ok ? '=' : '≠'} ${formatPico(sumOf(summary))}\n`,
  );
  return ok && sumOf(summary) === total;
}

/** The real API keeps no record that we can read: every call must at least be in the ledger. */
function checkCount(traffic: readonly TrafficResult[], found: number): boolean {
  console.log(`  Check: ${traffic.length} calls made, ${found} in the ledger\n`);
  return found === traffic.length;
}

async function stay(
  stack: Stack,
  serviceUrl: string,
  providers: DemoProviders | undefined,
  service: ChildProcess,
): Promise<void> {
  const { url, user, password, database } = stack.clickhouse;
  const example = `curl -H 'x-client-id: ${DEMO_CLIENTS[0]?.id}' -H 'content-type: application/json' -d '{"message":"Hello"}' ${serviceUrl}/leads/1/reply`;
  console.log(
    [
      'Everything stays up; Ctrl+C ends it and removes its data.',
      `  service      ${serviceUrl}    try: ${example}`,
      providers ? `  OpenAI       ${providers.openai.url} (stand-in)` : '  OpenAI       the real one',
      stack.otlp
        ? `  Collector    ${stack.otlp.httpUrl} (OTLP/HTTP)`
        : '  Collector    none here: services write to ClickHouse directly',
      `  ClickHouse   ${url}   user ${user}   password ${password}   database ${database}`,
      '  report       in this folder, with these set:',
      `    ${Object.entries(stack.clientEnv)
        .map(([name, value]) => `${name}='${value}'`)
        .join(' ')} npx client-cost report`,
    ].join('\n'),
  );
  await Promise.race([interrupted, stack.failed, once(service, 'exit')]);
}
