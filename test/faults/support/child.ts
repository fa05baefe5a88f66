import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Fault, Outcome } from './fault.ts';
import { DEFAULT_SEED, type RunOptions, secondsFor } from './run.ts';

const main = join(import.meta.dirname, '..', 'main.ts');

/** Runs one fault in a process of its own: the outcome, or why there is none. */
export async function inChild(
  fault: Fault,
  { form, seed = DEFAULT_SEED, times }: RunOptions,
  log: (line: string) => void,
): Promise<Outcome | string> {
  const args = [main, '--one', fault.id, '--form', form, '--seed', String(seed)];
  if (times !== undefined) args.push('--times', String(times));
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const seconds = secondsFor(fault, form);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{"outcome":')) log(line);
    last = line;
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  clearTimeout(timer);
  if (late) return `not done within ${seconds} s`;
  if (child.exitCode !== 0 || !last.startsWith('{"outcome":'))
    return `ended with ${child.exitCode ?? child.signalCode}`;
  return (JSON.parse(last) as { outcome: Outcome }).outcome;
}
