import { setAside } from './aside.ts';
import type { ExporterConfig } from './config.ts';
import { type DrainJob, drainInChild } from './drain.ts';
import { log, messageOf, OnceLog } from './log.ts';
import { type Participant, processEnds } from './process-ends.ts';
import { recordedAt, serializeEvent, serializeHeader } from './record.ts';
import { safely } from './safely.ts';
import { Delivery } from './sender/delivery.ts';
import { HEARTBEAT_MS } from './spool/identity.ts';
import { defaultSpoolRoots } from './spool/place.ts';
import { Spool } from './spool/spool.ts';
import { batchLimits, createTransport } from './transport.ts';
import type { ResourceLike, SpoolState, UsageEvent, UsageExporter, UsageExporterStats } from './types.ts';

const FLUSH_TIMEOUT_MS = 10_000;

/** Spool and delivery of one process; what `createUsageExporter` gives for `otlp` and `clickhouse`. */
export class SpoolingExporter implements UsageExporter, Participant {
  readonly exitTimeoutMs: number;
  private readonly config: ExporterConfig;
  private readonly once = new OnceLog();
  private readonly events: Spool;
  private readonly delivery: Delivery;
  private heartbeat: NodeJS.Timeout | undefined;
  private readonly ends = processEnds(drainInChild);
  private emitted = 0;
  private dropped = 0;
  /** Refused for good and not kept. */
  private unkept = 0;
  /** Own events that were sent, refused or left on disk when the files were handed over. */
  private left = 0;
  private closed: Promise<boolean> | undefined;

  /** An application that logs what it holds logs no token and no password of ours. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return 'SpoolingExporter {}';
  }

  toJSON(): Record<string, never> {
    return {};
  }

  constructor(config: ExporterConfig, resource: ResourceLike, scopeVersion: string, env: NodeJS.ProcessEnv) {
    this.config = config;
    this.exitTimeoutMs = config.exitTimeoutMs;
    const header = serializeHeader(resource, scopeVersion);
    const { attributes } = JSON.parse(header).resource as {
      attributes: { key: string; value: { stringValue?: string } }[];
    };
    const serviceName = attributes.find(({ key }) => key === 'service.name')?.value.stringValue;
    const roots = config.spoolDir === undefined ? defaultSpoolRoots(serviceName, env) : [config.spoolDir];
    const { spoolMaxBytes: maxBytes, keepMs, keepBytes, fsync } = config;
    this.events = new Spool({ roots, maxBytes, keepMs, keepBytes, fsync, header }, this.once);
    this.delivery = new Delivery({
      transport: createTransport(config),
      queue: this.events,
      limits: batchLimits(config),
      intervalMs: config.flushIntervalMs,
      once: this.once,
      setAside: (shared, record, reason) => {
        if (!setAside(this.events.folder, this.once, shared, record, reason)) this.unkept++;
      },
      prepare: () => {
        this.events.adoptOrphans();
        this.events.syncLater();
      },
    });
    if (resource.asyncAttributesPending) {
      resource
        .waitForAsyncAttributes?.()
        .then(() => this.events.setHeader(serializeHeader(resource, scopeVersion)))
        .catch((error: unknown) => log('warn', `resource attributes stay incomplete: ${messageOf(error)}`));
    }
    this.start();
    this.ends.add(this);
  }

  emit(event: UsageEvent): void {
    this.emitted++;
    try {
      if (!this.events.append(serializeEvent(event, observedAt(event)))) this.dropped++;
      if (this.closed === undefined) this.delivery.schedule(this.config.flushIntervalMs);
      else
        this.once.say('warn', 'closed', 'a usage event came after shutdown: it waits in the spool for the next start');
    } catch (error) {
      this.dropped++;
      this.once.say('error', 'emit', `a usage event could not be recorded and is lost: ${messageOf(error)}`);
    }
  }

  flush(timeoutMillis = FLUSH_TIMEOUT_MS): Promise<boolean> {
    return this.delivery.flush(this.deliverable(), bounded(timeoutMillis));
  }

  shutdown(timeoutMillis = FLUSH_TIMEOUT_MS): Promise<boolean> {
    this.closed ??= this.flush(timeoutMillis).then((delivered) => {
      this.stop();
      this.events.release();
      this.ends.remove(this);
      return delivered;
    });
    return this.closed;
  }

  stats(): UsageExporterStats {
    const { delivered, failures, replayed, rejected } = this.delivery;
    const dropped = this.dropped + this.events.lost + this.unkept;
    return { emitted: this.emitted, delivered, pending: this.pending(), failures, replayed, rejected, dropped };
  }

  spool(): SpoolState {
    const { pending, dropped, rejected, failures } = this.stats();
    const times = this.events.oldest().map((record) => recordedAt(record) ?? Date.now());
    const oldestAgeMs = Math.max(0, ...times.map((time) => Date.now() - time));
    return {
      pending,
      bytes: this.events.bytes,
      oldestAgeMs,
      dropped,
      rejected,
      failures,
      memory: this.events.inMemory,
    };
  }

  pending(): number {
    return Math.max(0, this.deliverable() - this.delivery.settled);
  }

  worthFlushing(): boolean {
    return this.pending() > 0 || (this.events.hasAdopted && !this.delivery.failing);
  }

  hurry(): void {
    this.delivery.hurry();
  }

  flushAtEnd(timeoutMillis: number): Promise<boolean> {
    return this.delivery.flush(this.deliverable(), timeoutMillis, { replay: !this.delivery.failing, ending: true });
  }

  handOver(): DrainJob {
    this.stop();
    const handOver = this.events.handOver();
    this.left = this.deliverable() - handOver.memory.length;
    return { config: this.config, ...handOver };
  }

  resume(): void {
    if (this.closed !== undefined) return;
    this.events.resume();
    this.delivery.resume(this.left);
    this.start();
  }

  /** Value of `delivery.settled` at which everything emitted so far is acknowledged or refused for good. */
  private deliverable(): number {
    return this.emitted - this.dropped - this.events.lost;
  }

  private start(): void {
    const beat = safely(() => this.beat());
    clearInterval(this.heartbeat);
    this.heartbeat = setInterval(beat, HEARTBEAT_MS).unref();
    this.delivery.schedule(this.config.flushIntervalMs);
  }

  private stop(): void {
    clearInterval(this.heartbeat);
    this.delivery.stop();
  }

  private beat(): void {
    this.events.maintain();
    this.events.adoptOrphans();
    if (this.events.hasAdopted || this.pending() > 0) this.delivery.schedule(this.config.flushIntervalMs);
  }
}

/** Nanoseconds since the epoch: now, or when the event happened where the clock is none (a mocked one). */
function observedAt(event: UsageEvent): bigint {
  const now = Date.now();
  return now >= 0 && now <= 8.64e15 ? BigInt(Math.floor(now)) * 1_000_000n : event.timeUnixNano;
}

/** Node's timers turn anything over 2^31-1 ms into 1 ms. */
function bounded(timeoutMillis: number): number {
  return Number.isNaN(timeoutMillis) ? FLUSH_TIMEOUT_MS : Math.min(Math.max(timeoutMillis, 0), 2 ** 31 - 1);
}
