import { diag } from '@opentelemetry/api';

export type Level = 'error' | 'warn' | 'info';

/** Messages to OpenTelemetry's `diag`, each cause once until it is cleared. */
export class OnceLog {
  private readonly said = new Set<string>();

  /** @param cause identifies the cause; the same one is not said again before `clear` */
  say(level: Level, cause: string, message: string): void {
    if (this.said.has(cause)) return;
    this.said.add(cause);
    log(level, message);
  }

  /** The cause went away: a later one is news again. True when it had been said. */
  clear(cause: string): boolean {
    return this.said.delete(cause);
  }
}

/** One line through `diag`; a logger that throws must not reach the measured service. */
export function log(level: Level, message: string): void {
  try {
    diag[level](`client-cost exporter: ${message}`);
  } catch {
    // the application's own logger failed; there is nowhere left to say so
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
