import fc from 'fast-check';
import type { FaultRun, Outcome } from './fault.ts';

/** An input that takes longer is a hang. */
export const HANG_MS = 2000;
const SHRINK_MS = 20_000;
const SHOWN = 700;

/** One kind of input and what must hold for each. */
export interface Target<T> {
  readonly name: string;
  readonly inputs: fc.Arbitrary<T>;
  /** How many of a fault's `times` are of this kind, beside the other kinds' shares; default 1. */
  readonly share?: number;
  /** Inputs that one generated value stands for (a batch); default 1. */
  readonly weight?: number;
  /** For an input that is made of many; default {@link HANG_MS}. */
  readonly hangMs?: number;
  /** A word on what is wrong, or undefined. What it throws is wrong too. */
  check(input: T): string | undefined | Promise<string | undefined>;
  /** An input as the report shows it; default: fast-check's own way. */
  show?(input: T): string;
}

/** A target with its input's type forgotten, so that targets of several kinds stand in one list. */
export type AnyTarget = Target<unknown>;

export function target<T>(description: Target<T>): AnyTarget {
  return description as unknown as AnyTarget;
}

/** What the inputs of some targets came to. */
export interface Fuzzed {
  readonly tries: number;
  readonly wrong: string[];
}

/**
 * Gives each target its share of `run.times` inputs, made from the run's seed; of what breaks a target the smallest input is told, with what is
 * needed to get it again. An input over {@link HANG_MS} is wrong, too.
 */
export async function drive(run: FaultRun, targets: readonly AnyTarget[], times = run.times): Promise<Fuzzed> {
  const shares = targets.reduce((sum, { share = 1 }) => sum + share, 0);
  const wrong: string[] = [];
  let tries = 0;
  for (const one of targets) {
    const { name, inputs, share = 1, weight = 1, hangMs = HANG_MS, check } = one;
    const numRuns = Math.max(1, Math.ceil((times * share) / shares / weight));
    const begun = performance.now();
    let brokeAt = Number.POSITIVE_INFINITY;
    const property = fc.asyncProperty(inputs, async (input) => {
      const start = performance.now();
      // Slow inputs shrink slowly: after a while the smallest so far will do.
      if (start - brokeAt > SHRINK_MS) return;
      tries += weight;
      let said: string | undefined;
      try {
        said = await check(input);
      } catch (error) {
        brokeAt = Math.min(brokeAt, start);
        throw error;
      }
      if (said !== undefined) brokeAt = Math.min(brokeAt, start);
      const took = performance.now() - start;
      if (said !== undefined) throw new Error(said);
      if (took > hangMs) throw new Error(`took ${Math.round(took)} ms`);
    });
    const result = await fc.check(property, { seed: run.seed | 0, numRuns });
    if (result.failed) wrong.push(complaint(one, result));
    const seconds = (performance.now() - begun) / 1000;
    run.log(`${name}: ${result.numRuns * weight} in ${seconds.toFixed(1)} s${result.failed ? ': BROKEN' : ''}`);
  }
  return { tries, wrong };
}

function complaint({ name, show }: AnyTarget, result: fc.RunDetails<[unknown]>): string {
  const input = result.counterexample?.[0];
  const shown = show && input !== undefined ? show(input) : fc.stringify(input);
  const error = result.errorInstance;
  const why = error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : String(error);
  const path = cut(result.counterexamplePath ?? '?', 60);
  return `${name}: ${cut(why)} for ${cut(shown)} (seed ${result.seed}, path ${path})`;
}

export function cut(text: string, most = SHOWN): string {
  return text.length > most ? `${text.slice(0, most)}… (${text.length})` : text;
}

/** A fuzzed outcome in the table's terms: an input is an event; what is wrong is told, not counted as lost or doubled. */
export function outcomeOf({ tries, wrong }: Fuzzed, remark?: string): Outcome {
  return { tries, events: tries, lost: 0, doubled: 0, wrong, ...(remark === undefined ? {} : { remark }) };
}
