import { log, messageOf, type OnceLog } from '../log.ts';
import { safely } from '../safely.ts';
import type { SpooledBatch } from '../spool/spool.ts';
import type { BatchLimits, SendResult, Transport } from '../types.ts';

const BACKOFF_MIN_MS = 250;
const BACKOFF_MAX_MS = 30_000;
/** Between attempts while somebody waits in `flush`: the deadline is near, and there are few of us. */
const BACKOFF_WAITED_MS = 250;
/** A process end waits this long for a destination that never answered since start. */
const UNMET_FLUSH_MS = 1_000;
/** Attempts with HTTP 500 before the batch is sent in parts: it may be one event that the other side stumbles over. */
const SUSPECT_AFTER = 3;

export interface Queue {
  next(limits: BatchLimits): SpooledBatch | undefined;
  /** What `next` gave is not being sent any more, without a commit: it will be asked for again. */
  putBack?(): void;
}

export interface DeliveryOptions {
  readonly transport: Transport;
  readonly queue: Queue;
  readonly limits: BatchLimits;
  /** Time to gather events between two batches, milliseconds. */
  readonly intervalMs: number;
  readonly once: OnceLog;
  /** Keeps an event that the destination refused for good. When it throws, the batch stays where it is and sending ends. */
  readonly setAside: (header: string, record: Uint8Array, reason: string) => void;
  /** Called before the queue is read. */
  readonly prepare?: () => void;
}

interface Waiter {
  /** Own events settled at which it is done. */
  readonly target: number;
  readonly replay: boolean;
  readonly deadline: number;
  /** From when on a destination that never answered since start is not waited for. Monotonic, as the clock may be set. */
  readonly hopelessAt: number;
  readonly done: (delivered: boolean) => void;
}

interface Settled {
  delivered: number;
  refused: number;
  /** Present when the rest could not be settled. */
  retry?: Extract<SendResult, { kind: 'retry' }>;
}

/**
 * Moves events from the queue to the destination: one request at a time, in order, again and again until acknowledged. Never rejects, and
 * no timer of it keeps the process alive except during `flush`.
 */
export class Delivery {
  /** Own events acknowledged, of dead processes acknowledged, and refused for good. */
  delivered = 0;
  replayed = 0;
  rejected = 0;
  failures = 0;
  /** Own events that will need no more sending, in whichever way. */
  settled = 0;
  private readonly options: DeliveryOptions;
  private waiters: Waiter[] = [];
  private running = false;
  private stopped = false;
  /** No gathering until the queue was empty once. */
  private haste = false;
  private reached = false;
  /** Counts `resume`. */
  private life = 0;
  private attempt = 0;
  private suspects = 0;
  /** Not before, because the other side named a time. Monotonic. */
  private notBefore = 0;
  private timer: NodeJS.Timeout | undefined;
  private wakeUp: (() => void) | undefined;

  constructor(options: DeliveryOptions) {
    this.options = options;
  }

  /** The last attempt failed. */
  get failing(): boolean {
    return this.attempt > 0;
  }

  /** Sends what waits after `delayMs`, unless that is arranged already. */
  schedule(delayMs: number): void {
    if (this.running || this.stopped || this.timer !== undefined) return;
    const run = safely(() => this.run());
    this.timer = setTimeout(run, delayMs).unref();
  }

  /** Sends what waits as soon as the caller is done, whatever was arranged; not before the time that the other side named. */
  hurry(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.haste = this.running;
    if (this.running) this.wakeUp?.();
    else this.schedule(0);
  }

  /**
   * @param target value of `settled` to wait for
   * @param replay wait for events of dead processes too
   * @param ending the process ends: do not wait long for a destination that never answered
   * @returns true when reached, false when the deadline passed or waiting is pointless before it
   */
  flush(target: number, timeoutMs: number, { replay = false, ending = false } = {}): Promise<boolean> {
    const pointless = this.stopped || this.notBefore >= performance.now() + timeoutMs;
    if (pointless || (this.settled >= target && !replay)) return Promise.resolve(this.settled >= target);
    return new Promise((resolve) => {
      // Keeps the loop alive; every other timer and socket here is unref'd.
      const held = safely(() => finish(this.settled >= target && !replay));
      const hold = setTimeout(held, Math.max(0, timeoutMs));
      const now = performance.now();
      const waiter: Waiter = {
        target,
        replay,
        deadline: now + timeoutMs,
        hopelessAt: ending ? now + UNMET_FLUSH_MS : Number.POSITIVE_INFINITY,
        done: (ok) => finish(ok),
      };
      const finish = (ok: boolean) => {
        clearTimeout(hold);
        this.waiters = this.waiters.filter((other) => other !== waiter);
        resolve(ok);
      };
      this.waiters.push(waiter);
      if (this.running) this.wakeUp?.();
      else this.run();
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.wakeUp?.();
    this.options.transport.close();
    for (const waiter of [...this.waiters]) waiter.done(this.settled >= waiter.target);
  }

  /**
   * After `stop`: the process goes on.
   * @param settled own events that are not waited for here any more, those that somebody else has now included
   */
  resume(settled: number): void {
    this.stopped = false;
    this.settled = settled;
    this.life++;
  }

  private run(): void {
    if (this.running || this.stopped) return;
    const { timer } = this;
    this.timer = undefined;
    clearTimeout(timer);
    this.running = true;
    const interrupted = safely((error: unknown) => {
      this.running = false;
      this.schedule(BACKOFF_MAX_MS);
      this.options.queue.putBack?.();
      this.options.once.say('error', 'loop', `sending was interrupted: ${messageOf(error)}`);
      this.idle();
    });
    this.loop().catch(interrupted);
  }

  /** Synchronous with the last look at the queue: an event emitted from now on arranges its own sending. */
  private idle(): void {
    this.running = false;
    this.haste = false;
    for (const waiter of [...this.waiters]) waiter.done(this.settled >= waiter.target);
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      if (performance.now() < this.notBefore && !(await this.pause(this.notBefore - performance.now()))) continue;
      this.options.prepare?.();
      const next = this.options.queue.next(this.options.limits);
      if (next === undefined) break;
      const result = await this.deliver(next);
      for (const waiter of [...this.waiters]) if (!waiter.replay && this.settled >= waiter.target) waiter.done(true);
      if (result === undefined) {
        this.attempt = 0;
        // A short batch was the last one: gather the next, unless somebody waits or the end may be near.
        const short = next.own && next.batch.records.length < this.options.limits.maxEvents / 2;
        if (short && this.waiters.length === 0 && !this.haste) await this.pause(this.options.intervalMs);
        continue;
      }
      this.options.queue.putBack?.();
      this.failed(result);
      const after = result.retryAfterMs ?? 0;
      if (after > 0) this.notBefore = performance.now() + after;
      // A time that has come already (`Retry-After: 0`, a date in the past) asks for no storm of requests.
      const pause = this.backoff();
      if (after <= pause) await this.pause(pause);
    }
    this.idle();
  }

  /** Settles the batch, or tells why it has to be tried again. */
  private async deliver({ batch, own }: SpooledBatch): Promise<Extract<SendResult, { kind: 'retry' }> | undefined> {
    const { records, header } = batch;
    const { life } = this;
    const result = await this.options.transport.send(header, records);
    let settled: Settled = { delivered: 0, refused: 0 };
    if (result.kind === 'ok') settled = this.accepted(header, records, result);
    else if (result.kind === 'invalid') settled = await this.divide(header, records, result.reason, true);
    else if (result.suspect && records.length > 1 && ++this.suspects >= SUSPECT_AFTER) {
      this.suspects = 0;
      settled = await this.divide(header, records, result.reason, false);
    } else settled.retry = result;
    if (settled.retry !== undefined) return settled.retry;
    batch.commit();
    this.arrived();
    if (own) {
      this.delivered += settled.delivered;
      // What was being sent when it was handed over is counted already.
      if (life === this.life) this.settled += records.length;
    } else {
      this.replayed += settled.delivered;
    }
    this.rejected += settled.refused;
    return undefined;
  }

  /**
   * Sends a refused batch in halves until the events that are refused stand alone; those are set aside, so that they hold up nothing.
   * @param certain the answer said that the content is at fault; otherwise an event is only blamed when others of the batch pass
   */
  private async divide(
    header: string,
    records: readonly Uint8Array[],
    reason: string,
    certain: boolean,
  ): Promise<Settled> {
    const blamed: { record: Uint8Array; reason: string }[] = [];
    const total: Settled = { delivered: 0, refused: 0 };
    // A whole way down to single events without one that passes: it is not the content, and more tries are only a burden.
    let tries = certain ? Number.POSITIVE_INFINITY : 2 * Math.ceil(Math.log2(records.length)) + 2;
    const pass = async (part: readonly Uint8Array[], why: string): Promise<boolean> => {
      if (part.length === 1) {
        blamed.push({ record: part[0]!, reason: why });
        return true;
      }
      const middle = part.length >> 1;
      const failing: { half: readonly Uint8Array[]; reason: string }[] = [];
      // Both before any part of them: with few events at fault one of the first parts passes.
      for (const half of [part.slice(0, middle), part.slice(middle)]) {
        if (this.stopped || (total.delivered === 0 && tries-- <= 0)) return false;
        const result = await this.options.transport.send(header, half);
        if (result.kind === 'ok') {
          const { delivered, refused } = this.accepted(header, half, result);
          total.delivered += delivered;
          total.refused += refused;
        } else if (result.kind === 'retry' && !(result.suspect && !certain)) {
          total.retry = result;
          return false;
        } else failing.push({ half, reason: result.reason });
      }
      for (const { half, reason: cause } of failing) if (!(await pass(half, cause))) return false;
      return true;
    };
    const whole = await pass(records, reason);
    if (!whole || (!certain && total.delivered === 0)) {
      return { ...total, retry: total.retry ?? { kind: 'retry', reached: true, reason } };
    }
    for (const { record, reason: why } of blamed) {
      // A failure may have passed meanwhile: the others got through, so a second refusal is the event's own.
      if (!certain) {
        const again = await this.options.transport.send(header, [record]);
        if (again.kind === 'retry' && !again.suspect) return { ...total, retry: again };
        if (again.kind === 'ok') {
          total.delivered++;
          continue;
        }
      }
      this.options.setAside(header, record, why);
      total.refused++;
    }
    return total;
  }

  /** A 2xx. With a partial success the protocol forbids another try and does not say which: all of them are kept aside. */
  private accepted(
    header: string,
    records: readonly Uint8Array[],
    { refused = 0, reason = '' }: { refused?: number; reason?: string },
  ): Settled {
    if (refused === 0) {
      if (reason !== '')
        this.options.once.say(
          'warn',
          'partial',
          `${this.options.transport.target} accepted a batch and said: ${reason}`,
        );
      return { delivered: records.length, refused: 0 };
    }
    const count = Math.min(refused, records.length);
    const message = `${this.options.transport.target} accepted a batch of ${records.length} but refused ${count}: ${reason}`;
    this.options.once.say('error', 'partial', `${message}; a copy of the batch is kept aside`);
    for (const record of records) this.options.setAside(header, record, message);
    return { delivered: records.length - count, refused: count };
  }

  private arrived(): void {
    this.reached = true;
    this.suspects = 0;
    if (this.options.once.clear('send')) log('info', `${this.options.transport.target} takes usage events again`);
  }

  private failed(result: Extract<SendResult, { kind: 'retry' }>): void {
    this.failures++;
    this.attempt++;
    if (result.reached) this.reached = true;
    this.options.once.say('warn', 'send', `${result.reason}. Usage events are kept and sent again until it works.`);
    // Nobody is made to wait for an attempt that comes after his deadline.
    const next = performance.now() + (result.retryAfterMs ?? 0);
    for (const waiter of [...this.waiters]) {
      const limit = this.reached ? waiter.deadline : Math.min(waiter.deadline, waiter.hopelessAt);
      if (next >= limit) waiter.done(this.settled >= waiter.target);
    }
  }

  private backoff(): number {
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(this.attempt - 1, 12));
    return ceiling * (0.5 + Math.random() / 2);
  }

  /** Waits without keeping the process alive; `flush` cuts it short. True when the whole time passed. */
  private async pause(ms: number): Promise<boolean> {
    const hurried = this.waiters.length > 0;
    const wait = hurried ? Math.min(ms, Math.max(BACKOFF_WAITED_MS, this.notBefore - performance.now())) : ms;
    return new Promise((resolve) => {
      const end = (whole: boolean) => {
        clearTimeout(timer);
        this.wakeUp = undefined;
        resolve(whole);
      };
      const waited = safely(() => end(true));
      const timer = setTimeout(waited, wait).unref();
      this.wakeUp = () => end(false);
    });
  }
}
