/** Where something breaks; the table of docs/reliability.md is ordered by it. */
export const HOPS = [
  'service',
  'host safety',
  'spool',
  'network',
  'collector',
  'clickhouse',
  'duplicates',
  'fuzz',
  'soak',
] as const;
export type Hop = (typeof HOPS)[number];

export type Form = 'short' | 'long';

/** What a fault is given to run with. */
export interface FaultRun {
  readonly form: Form;
  /** How often to try, of `times[form]`. */
  readonly times: number;
  /** Same seed, same choices. */
  readonly seed: number;
  readonly random: Random;
  /** An empty folder of this run; removed afterwards, kept when the fault failed in the long form. */
  readonly dir: string;
  log(line: string): void;
}

/** What all tries came to. Counts are sums over them. */
export interface Outcome {
  readonly tries: number;
  /** Events acknowledged to a caller (or calls made, inputs given), which the counts below are of. */
  readonly events: number;
  /** Acknowledged, and at the end not in the ledger. */
  readonly lost: number;
  /** Charged more often than once, or charged without having happened. */
  readonly doubled: number;
  /** Anything else that broke the promise, a line each: a wrong sum, a changed answer, an unexplained difference. */
  readonly wrong?: readonly string[];
  /** A few words for the table: "12 resent", "memory 118 → 121 MiB". */
  readonly remark?: string;
}

/** One way to break one hop. A file `*.fault.ts` under `cases/` has one or several of them as its default export. */
export interface Fault {
  /** Kebab-case, unique. */
  readonly id: string;
  readonly hop: Hop;
  /** What is done, as the table says it: "kill -9 at a random moment under load". */
  readonly fault: string;
  /** Ids of the promises in docs/reliability.md that it proves. */
  readonly promises: readonly string[];
  /** 0: not in that form. */
  readonly times: Readonly<Record<Form, number>>;
  /** For all tries of the long form; default 900. The short form gets 180 at most. */
  readonly timeoutSeconds?: number;
  /** Changes or needs what a process has one of: the short form, too, runs it in a process of its own. */
  readonly alone?: boolean;
  /** Needs the real Collector. Skipped with a word where there is none, failed in CI. */
  readonly collector?: boolean;
  run(run: FaultRun): Promise<Outcome>;
}

/** Seeded random numbers (mulberry32): the same seed gives the same faults. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('nothing to pick from');
    return from[this.int(0, from.length - 1)]!;
  }

  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [copy[i], copy[j]] = [copy[j]!, copy[i]!];
    }
    return copy;
  }
}
