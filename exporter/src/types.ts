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
  /** Events in the spool that wait for an acknowledgement. */
  readonly pending: number;
  /** Sending attempts that failed. */
  readonly failures: number;
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
}
