/*
 * A service that makes a script of calls and writes down what it saw of them: values, errors, their order. Runs bare or under `register`,
 * with a breakage (break.cts) in front. HOST_ORDER is a HostOrder, HOST_OUT the file to write a HostReport to.
 */
import { writeFileSync } from 'node:fs';
import { type Provider, scriptsOf } from './providers.ts';

export interface HostOrder {
  readonly provider: Provider;
  /** By position among the provider's scripts; undefined: all. */
  readonly every?: number;
  readonly first?: number;
  /** Each of them so often; a breakage may strike at another moment each time. */
  readonly rounds: number;
}

export interface HostReport {
  /** What each script saw, by name; one for each round. */
  readonly results: Readonly<Record<string, readonly unknown[]>>;
  /** Rejections and exceptions that nobody caught, and warnings of the process. */
  readonly stray: readonly string[];
  /** How often the breakage struck. */
  readonly struck: number;
  /** Listeners of the process that a library could count, and those of the exit. */
  readonly listeners: Readonly<Record<string, number>>;
}

// As they were before anything was broken for us.
const { HOST_ORDER = '{}', HOST_OUT = '' } = process.env;
const { stringify } = JSON;
const order = JSON.parse(HOST_ORDER) as HostOrder;
const broken = (globalThis as { hostBreak?: { begin?(lib: unknown): void; struck(): number } }).hostBreak;

const stray: string[] = [];
const note = (kind: string) => (error: unknown) => {
  const { name, message, stack } = (error ?? {}) as Error;
  stray.push(`${kind} ${name}: ${message} ${process.env.HOST_STACKS ? stack : ''}`);
};
process.on('unhandledRejection', note('rejection'));
process.on('uncaughtException', note('exception'));
process.on('warning', (warning) => {
  if (!/Deprecation|Experimental|Security/.test(warning.name)) note('warning')(warning);
});

const scripts = await scriptsOf(order.provider);
const chosen = scripts.names.filter((_, i) => i % (order.every ?? 1) === (order.first ?? 0) % (order.every ?? 1));
broken?.begin?.(scripts.lib);
const results: Record<string, unknown[]> = {};
for (const name of chosen) results[name] = [];
for (let round = 0; round < order.rounds; round++) {
  for (const name of chosen) {
    if (process.env.HOST_STACKS) process.stderr.write(`${name}\n`);
    results[name]!.push(await scripts.run(name));
  }
}
await new Promise((resolve) => setTimeout(resolve, 50));
const listeners: Record<string, number> = {};
for (const event of [
  'unhandledRejection',
  'uncaughtException',
  'uncaughtExceptionMonitor',
  'warning',
  'message',
  'SIGUSR1',
  'SIGUSR2',
  'SIGCHLD',
  'SIGPIPE',
])
  listeners[event] = process.listenerCount(event);
const report: HostReport = { results, stray, struck: broken?.struck() ?? 0, listeners };
writeFileSync(HOST_OUT, stringify(report));
process.exit(0);
