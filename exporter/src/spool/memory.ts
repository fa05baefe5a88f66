import type { Batch, BatchLimits, BatchSource } from '../types.ts';

interface Entry {
  readonly header: string;
  readonly record: string;
}

/** Where events wait when the disk refuses them. Bounded; does not survive a kill. */
export class MemoryQueue implements BatchSource {
  private entries: Entry[] = [];
  /** Handed out by `next` and not committed yet. */
  private taken: Entry[] = [];
  private bytes = 0;
  private readonly maxEvents: number;
  private readonly maxBytes: number;

  constructor(maxEvents = 100_000, maxBytes = 64 * 1024 * 1024) {
    this.maxEvents = maxEvents;
    this.maxBytes = maxBytes;
  }

  /** Events here, those being sent included. */
  get length(): number {
    return this.entries.length + this.taken.length;
  }

  /** Events here that are not being sent. */
  get waiting(): number {
    return this.entries.length;
  }

  /** False when it is full. */
  push(header: string, record: string): boolean {
    if (this.length >= this.maxEvents || this.bytes + record.length > this.maxBytes) return false;
    this.entries.push({ header, record });
    this.bytes += record.length;
    return true;
  }

  next(limits: BatchLimits): Batch | undefined {
    if (this.taken.length === 0) this.take(limits);
    const [first] = this.taken;
    if (first === undefined) return undefined;
    return {
      records: this.taken.map(({ record }) => Buffer.from(record)),
      header: first.header,
      commit: () => {
        for (const { record } of this.taken) this.bytes -= record.length;
        this.taken = [];
      },
    };
  }

  /** The oldest event that is not being sent. */
  peek(): Entry | undefined {
    return this.entries[0];
  }

  /** Forgets what `peek` showed: it is on disk now. */
  takeOldest(): void {
    this.bytes -= this.entries.shift()?.record.length ?? 0;
  }

  /** Everything that waits, for a process that takes over. */
  all(): readonly Entry[] {
    return [...this.taken, ...this.entries];
  }

  private take(limits: BatchLimits): void {
    const [first] = this.entries;
    let bytes = 0;
    let count = 0;
    for (const { header, record } of this.entries) {
      if (count >= limits.maxEvents || header !== first!.header) break;
      if (count > 0 && bytes + record.length > limits.maxBytes) break;
      bytes += record.length;
      count++;
    }
    this.taken = this.entries.splice(0, count);
  }
}
