import type { Attributes } from '@opentelemetry/api';

/** One billable attempt as it leaves the process: becomes one OTLP log record named `client_cost.usage`. */
export interface UsageEvent {
  /** UUIDv7; the ledger's key. Also present as the attribute `usage.id`. */
  readonly id: string;
  /** When the call ended, in nanoseconds since the Unix epoch. */
  readonly timeUnixNano: bigint;
  /** The attributes of docs/architecture.md; money and quantities are decimal strings, counts are integers. */
  readonly attributes: Attributes;
  /** Lower-case hex of the call's span, when there is one (also for unsampled spans). */
  readonly traceId?: string;
  readonly spanId?: string;
  readonly traceFlags?: number;
}

export interface UsageExporterStats {
  /** Events accepted by `emit` since start. */
  readonly emitted: number;
  /** Events acknowledged by the Collector or ClickHouse. */
  readonly delivered: number;
  /** Events in the spool (or, without a usable disk, in memory) that wait for an acknowledgement. */
  readonly pending: number;
  /** Sending attempts that failed. */
  readonly failures: number;
  /** Events of earlier or dead processes that this one delivered. */
  readonly replayed: number;
  /** Events the destination refused for good; they are kept in `rejected.jsonl` beside the spool. */
  readonly rejected: number;
  /** Events lost: neither disk nor memory could take them, or they could not be serialised at all. */
  readonly dropped: number;
}

/** What waits in the spool of this process now, and what became of its events since its start. */
export interface SpoolState {
  /** Own events that wait for an acknowledgement. */
  readonly pending: number;
  /** Bytes that wait on disk, those of dead processes that this one took over included. */
  readonly bytes: number;
  /** Age of the oldest event that waits, milliseconds; 0 when none does. */
  readonly oldestAgeMs: number;
  /** Events lost: neither disk nor memory could take them, or they could not be kept when they were refused for good. */
  readonly dropped: number;
  readonly rejected: number;
  readonly failures: number;
  /** Events that wait in memory because the disk refuses them; a crash would lose them. */
  readonly memory: number;
}

/** Takes usage events out of the process without loss. No method throws into the caller. */
export interface UsageExporter {
  /** Synchronous: when it returns, the event is in the spool. Never throws. */
  emit(event: UsageEvent): void;
  /** Resolves when everything emitted so far is acknowledged (true) or the deadline passed (false). */
  flush(timeoutMillis?: number): Promise<boolean>;
  /** Flushes, releases the spool and removes every process handler. */
  shutdown(timeoutMillis?: number): Promise<boolean>;
  stats(): UsageExporterStats;
  /** Reads files: for a metric every now and then, not for each call. */
  spool(): SpoolState;
}

/** The part of an OpenTelemetry `Resource` that is read here, so that any SDK version's resource fits. */
export interface ResourceLike {
  readonly attributes: Attributes;
  readonly asyncAttributesPending?: boolean;
  readonly schemaUrl?: string;
  waitForAsyncAttributes?(): Promise<void>;
  getRawAttributes?(): [string, unknown][];
}

export interface UsageExporterOptions {
  /** Who emits. Default: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` of the process. */
  readonly resource?: ResourceLike;
  /** Version of the scope `@client-cost/instrumentation`. */
  readonly scopeVersion?: string;
}

/** A contiguous run of event records that share one resource and scope, taken from the head of a source. */
export interface Batch {
  /** OTLP/JSON LogRecord objects, UTF-8, one per event. */
  readonly records: readonly Uint8Array[];
  /** JSON of `{ resource, scope, schemaUrl? }`. */
  readonly header: string;
  /** Call once when every record is acknowledged or set aside: the source forgets them. */
  commit(): void;
}

export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** Something that events wait in: this process's spool, a dead process's spool, memory. */
export interface BatchSource {
  /** The next batch from the head, or undefined when empty. Without `commit` the same events come again. */
  next(limits: BatchLimits): Batch | undefined;
}

/** What one sending attempt came to. */
export type SendResult =
  | { readonly kind: 'ok'; readonly refused?: number; readonly reason?: string }
  /** Not now: keep and try again, not before `retryAfterMs` when the other side named a time. */
  | {
      readonly kind: 'retry';
      readonly reason: string;
      readonly retryAfterMs?: number;
      readonly reached: boolean;
      /** The answer may come from one event of the batch (HTTP 500): worth sending in parts. */
      readonly suspect?: boolean;
    }
  /** The content was refused for good: one of the records is bad, or it is too large. */
  | { readonly kind: 'invalid'; readonly reason: string };

/** A destination. `send` never rejects. */
export interface Transport {
  /** Address for messages, without credentials. */
  readonly target: string;
  send(header: string, records: readonly Uint8Array[]): Promise<SendResult>;
  close(): void;
}
