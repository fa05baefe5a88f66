import type { Escalator } from '../escalation/escalator.ts';
import type { LifeExporter } from '../life/exporter.ts';
import type { SmsMetrics } from '../metrics/metrics.ts';
import type { SmsDeps } from '../types.ts';

/** What the endpoints work with, beside the outbox. */
export interface ServerContext {
  readonly deps: SmsDeps;
  readonly metrics: SmsMetrics;
  /** Texts may be due. */
  wakeSender(): void;
  readonly escalator: Pick<Escalator, 'wake'>;
  readonly life: Pick<LifeExporter, 'wake'>;
  readonly silencer: { wake(): void };
}

/** Whether SQLite could not do it (locked, read-only, full, broken): the sender should repeat, nothing is lost. */
export function isDatabaseError(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_SQLITE_ERROR';
}
