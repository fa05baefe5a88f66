import type { Batch, BatchLimits, BatchSource } from '../types.ts';

interface Entry {
  readonly header: string;
  readonly record: string;
}

/** Where events wait when the disk refuses them. Bounded; does not survive a kill. */
export class MemoryQueue implements BatchSource {
  private entries: Entry[] = [];
  /** Entries before this are gone: `shift()` of a long array moves all of it. */
  private head = 0;
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
    return this.waiting + this.taken.length;
  }

  /** Events here that are not being sent. */
  get waiting(): number {
    return this.entries.length - this.head;
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

  /** What `next` handed out waits again: nobody is sending it any more. */
  takeBack(): void {
    if (this.taken.length === 0) return;
    this.entries = [...this.taken, ...this.entries.slice(this.head)];
    this.head = 0;
    this.taken = [];
  }

  /** The oldest event that is not being sent. */
  peek(): Entry | undefined {
    return this.entries[this.head];
  }

  /** Forgets what `peek` showed: it is on disk now. */
  takeOldest(): void {
    const oldest = this.entries[this.head];
    if (oldest === undefined) return;
    this.bytes -= oldest.record.length;
    this.head++;
    this.tidy();
  }

  /** Everything that waits, for a process that takes over. */
  all(): readonly Entry[] {
    return [...this.taken, ...this.entries.slice(this.head)];
  }

  private take(limits: BatchLimits): void {
    const first = this.peek();
    let bytes = 0;
    let end = this.head;
    for (; end < this.entries.length; end++) {
      const { header, record } = this.entries[end]!;
      const count = end - this.head;
      if (count >= limits.maxEvents || header !== first!.header) break;
      if (count > 0 && bytes + record.length > limits.maxBytes) break;
      bytes += record.length;
    }
    this.taken = this.entries.slice(this.head, end);
    this.head = end;
    this.tidy();
  }

  /** Lets go of what is gone, now and then: each entry is moved once on average. */
  private tidy(): void {
    if (this.head < 1024 || this.head * 2 < this.entries.length) return;
    this.entries = this.entries.slice(this.head);
    this.head = 0;
  }
}
