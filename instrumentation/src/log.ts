import { diag } from '@opentelemetry/api';

const logger = diag.createComponentLogger({ namespace: 'client-cost' });
const MAX_CAUSES = 500;
const said = new Set<string>();

/**
 * Warns through OpenTelemetry's `diag`, once per cause in the life of the process. Never throws.
 *
 * @param cause what makes two warnings the same; must not hold unbounded user input
 */
export function warnOnce(cause: string, message: string, error?: unknown): void {
  try {
    if (said.has(cause) || said.size >= MAX_CAUSES) return;
    said.add(cause);
    logger.warn(error === undefined ? message : `${message}: ${describeError(error)}`);
  } catch {
    // A logger that throws must not reach a caller.
  }
}

/** An error for OpenTelemetry's `diag`, as it is. Never throws: an application's logger may. */
export function logError(message: string, error?: unknown): void {
  try {
    if (error === undefined) diag.error(message);
    else diag.error(message, error);
  } catch {
    // Nobody to say it to.
  }
}

/** An error in one short line, for a log. */
export function describeError(error: unknown): string {
  try {
    if (error instanceof Error) return `${error.name}: ${error.message}`.slice(0, 500);
    return String(error).slice(0, 500);
  } catch {
    return 'an unknown error';
  }
}

/** A value as it may stand in a log line: quoted, short, no line breaks. */
export function quote(value: unknown): string {
  try {
    if (typeof value !== 'string') return value === null ? 'null' : `a ${typeof value}`;
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  } catch {
    return 'a value';
  }
}

/** For tests: every cause may be said again. */
export function forgetWarnings(): void {
  said.clear();
}
