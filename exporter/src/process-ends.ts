import { isMainThread } from 'node:worker_threads';
import type { DrainJob } from './drain.ts';
import { safely } from './safely.ts';

/** What the end of the process needs of an exporter. */
export interface Participant {
  readonly exitTimeoutMs: number;
  /** Own events that are not acknowledged. */
  pending(): number;
  /** Something to do before the process returns: own events, or others' that can be sent. */
  worthFlushing(): boolean;
  /** Starts sending now, without keeping the process alive. */
  hurry(): void;
  /** Keeps the process alive until all is sent or the deadline passed. Never rejects. */
  flushAtEnd(timeoutMillis: number): Promise<boolean>;
  /** Stops sending and lets go of the files; what another process needs to send them. */
  handOver(): DrainJob;
  /** Sends again: the process outlived its end. Older copies of this package have none. */
  resume?(): void;
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
const MIN_DRAIN_MS = 100;
/** Who lives so long after the signal was sent again lives on: process 1 of a container, or a handler that came meanwhile. */
const SURVIVED_MS = 1_000;

/**
 * Something else that must leave the process before it ends: spans, metrics. Given the milliseconds that are left, and why the process
 * ends: after a signal the program goes on meanwhile.
 */
export type LastWork = (timeoutMillis: number, why: 'return' | 'signal') => Promise<unknown>;

/**
 * One set of handlers for all exporters of a process or worker thread: return of the program, signals, `process.exit()`, uncaught exceptions.
 * None of them changes the exit code, the signal, or what the application's own handlers do.
 */
class ProcessEnds {
  private readonly participants = new Set<Participant>();
  private readonly lastWorks = new Set<LastWork>();
  private readonly lastMoments = new Set<() => void>();
  private readonly drain: (jobs: readonly DrainJob[], timeoutMs: number) => void;
  /** Milliseconds already waited for at the end of this process. */
  private spent = 0;
  /** Pending events after the last wait: with no new ones since, waiting again is pointless. */
  private leftOver = 0;
  private dying = false;
  private survived: NodeJS.Timeout | undefined;

  constructor(drain: (jobs: readonly DrainJob[], timeoutMs: number) => void) {
    this.drain = drain;
  }

  add(participant: Participant): void {
    this.participants.add(participant);
    if (this.participants.size === 1) this.install();
  }

  remove(participant: Participant): void {
    if (this.participants.delete(participant) && this.participants.size === 0) this.uninstall();
  }

  /** Done at a return of the program and at a signal, beside the events; it never changes how the process ends. */
  addLastWork(work: LastWork): void {
    this.lastWorks.add(work);
  }

  /** Done right before a signal ends the process, when no more of the program runs. */
  addLastMoment(work: () => void): void {
    this.lastMoments.add(work);
  }

  private install(): void {
    process.on('beforeExit', this.onBeforeExit);
    process.on('exit', this.onExit);
    // In front: when we step aside, the application's handlers must not see us.
    if (isMainThread) for (const signal of SIGNALS) process.prependListener(signal, this.onSignal);
  }

  private uninstall(): void {
    process.removeListener('beforeExit', this.onBeforeExit);
    process.removeListener('exit', this.onExit);
    for (const signal of SIGNALS) process.removeListener(signal, this.onSignal);
  }

  private pending(): number {
    let sum = 0;
    for (const participant of this.participants) sum += participant.pending();
    return sum;
  }

  private remaining(): number {
    let longest = 0;
    for (const { exitTimeoutMs } of this.participants) longest = Math.max(longest, exitTimeoutMs);
    return Math.max(0, longest - this.spent);
  }

  private async flushAll(why: 'return' | 'signal'): Promise<void> {
    const remaining = this.remaining();
    const start = performance.now();
    // First, because they may emit the last events.
    const works = [...this.lastWorks].map((work) => inTime(work, remaining, why));
    const left = (participant: Participant) =>
      Math.min(remaining, participant.exitTimeoutMs) - (performance.now() - start);
    const flush = async (participant: Participant): Promise<void> => {
      const delivered = !participant.worthFlushing() || (await participant.flushAtEnd(left(participant)));
      await Promise.all(works);
      // Events of those works; an unsuccessful flush is not repeated.
      if (delivered && participant.pending() > 0 && left(participant) > 0)
        await participant.flushAtEnd(left(participant));
    };
    await Promise.all([...works, ...[...this.participants].map(flush)]);
    this.spent += performance.now() - start;
    this.leftOver = this.pending();
  }

  /** The program returned: nothing keeps it alive any more, except us until the events are gone. */
  private readonly onBeforeExit = (): void => {
    if (this.pending() > this.leftOver || this.spent === 0) {
      const due = this.lastWorks.size > 0 || [...this.participants].some((participant) => participant.worthFlushing());
      if (due) void this.flushAll('return');
    }
  };

  /** Synchronous: after `process.exit()`, an uncaught exception, or a return. What is pending lies on disk. */
  private readonly onExit = (): void => {
    try {
      const pending = this.pending();
      const remaining = this.remaining();
      const jobs: DrainJob[] = [];
      const again = pending > this.leftOver;
      for (const participant of this.participants) {
        const due = participant.pending() > 0;
        const job = participant.handOver();
        if (due && again) jobs.push(job);
      }
      if (jobs.length > 0 && remaining >= MIN_DRAIN_MS) this.drain(jobs, remaining);
    } catch {
      // the events stay in the spool, and the next start sends them
    }
  };

  private readonly onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) {
      // The application handles it. Libraries such as signal-exit count listeners to decide who ends the process: out of their sight.
      process.removeListener(signal, this.onSignal);
      const again = safely(() => {
        process.removeListener(signal, this.onSignal);
        if (this.participants.size > 0) process.prependListener(signal, this.onSignal);
      });
      setImmediate(again);
      for (const participant of this.participants) participant.hurry();
      return;
    }
    // A second signal while we wait: at once.
    if (this.dying || (this.pending() === 0 && this.lastWorks.size === 0)) {
      this.raise(signal, this.dying);
      return;
    }
    this.dying = true;
    const end = () => {
      if (this.dying) this.raise(signal);
    };
    this.flushAll('signal').then(end, end);
  };

  /** Dies of the signal as if we had never listened. */
  private raise(signal: NodeJS.Signals, again = false): void {
    for (const work of this.lastMoments) {
      try {
        work();
      } catch {
        // not ours to report, and the process ends
      }
    }
    const jobs: DrainJob[] = [];
    for (const participant of this.participants) {
      const due = participant.pending() > 0;
      const job = participant.handOver();
      if (due) jobs.push(job);
    }
    // Events of that moment; where earlier ones could not be sent, these will not be either, and a second signal means now.
    if (jobs.length > 0 && this.leftOver === 0 && !again && this.remaining() >= MIN_DRAIN_MS) {
      try {
        this.drain(jobs, this.remaining());
      } catch {
        // the next start sends them
      }
    }
    this.uninstall();
    clearTimeout(this.survived);
    const goOn = safely(() => this.goOn());
    this.survived = setTimeout(goOn, SURVIVED_MS).unref();
    process.kill(process.pid, signal);
  }

  /** The signal ended nothing: everything is as before it. */
  private goOn(): void {
    this.dying = false;
    this.spent = 0;
    this.leftOver = 0;
    this.uninstall();
    if (this.participants.size > 0) this.install();
    for (const participant of this.participants) participant.resume?.();
  }
}

/** Waits for the work, not longer than the time given, whatever it does. */
async function inTime(work: LastWork, millis: number, why: 'return' | 'signal'): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, millis);
  });
  try {
    await Promise.race([work(millis, why), deadline]);
  } catch {
    // not ours to report, and the process ends
  } finally {
    clearTimeout(timer);
  }
}

const KEY = Symbol.for('@client-cost/exporter/process-ends/1');

/** The one set of handlers, shared by every copy of this package that the process loaded. */
export function processEnds(
  drain: (jobs: readonly DrainJob[], timeoutMs: number) => void,
): Pick<ProcessEnds, 'add' | 'remove' | 'addLastWork' | 'addLastMoment'> {
  const shared = globalThis as { [KEY]?: ProcessEnds };
  shared[KEY] ??= new ProcessEnds(drain);
  return shared[KEY];
}
