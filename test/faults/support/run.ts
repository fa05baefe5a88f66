import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fault, type Form, type Outcome, Random } from './fault.ts';

export const DEFAULT_SEED = 20261123;
export const SHORT_SECONDS = 180;

export interface RunOptions {
  readonly form: Form;
  readonly seed?: number;
  readonly times?: number;
  readonly log?: (line: string) => void;
}

/** Seconds that all tries of a fault may take. */
export function secondsFor(fault: Fault, form: Form): number {
  const long = fault.timeoutSeconds ?? 900;
  return form === 'long' ? long : Math.min(long, SHORT_SECONDS);
}

/** What broke the promise in an outcome, in words; empty when it held. */
export function broken(outcome: Outcome): string[] {
  const words = [...(outcome.wrong ?? [])];
  if (outcome.tries <= 0) words.unshift('nothing was tried');
  if (outcome.events <= 0) words.unshift('no event was acknowledged: the fault proves nothing');
  if (outcome.lost !== 0) words.unshift(`${outcome.lost} of ${outcome.events} lost`);
  if (outcome.doubled !== 0) words.unshift(`${outcome.doubled} of ${outcome.events} doubled`);
  return words;
}

/** Runs all tries of one fault in a folder of its own. */
export async function runFault(fault: Fault, options: RunOptions): Promise<Outcome> {
  const { form, seed = DEFAULT_SEED, log = () => {} } = options;
  const dir = mkdtempSync(join(tmpdir(), `client-cost-fault-${fault.id}-`));
  let held = false;
  try {
    const times = options.times ?? fault.times[form];
    const outcome = await fault.run({ form, times, seed, random: new Random(seed), dir, log });
    held = broken(outcome).length === 0;
    return outcome;
  } finally {
    if (held || form === 'short') rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    else log(`kept for a look: ${dir}`);
  }
}
