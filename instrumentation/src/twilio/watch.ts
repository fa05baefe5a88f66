import type { Context } from '@opentelemetry/api';
import type { Fields } from './internal-types.ts';

/** What follows a REST call from its request to its answer. */
export interface Watch {
  /** To make the request in; the active one where absent. */
  readonly context?: Context | undefined;
  answered(status: number | undefined, body: unknown): void;
  /** @param sent whether the request may have reached Twilio */
  failed(error: unknown, sent: boolean): void;
  /** An answer came that threw when it was read. */
  unreadable(): void;
}

/** Longest text that is parsed: some HTTP clients hand on the answer's text. */
const MAX_TEXT = 1_000_000;

/** The object in an answer's body; undefined where there is none. */
export function fieldsOf(body: unknown): Fields | undefined {
  let value = body;
  if (typeof body === 'string' && body.length <= MAX_TEXT) {
    try {
      value = JSON.parse(body);
    } catch {
      return undefined;
    }
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** A text that is no more than an id; undefined for anything else. */
export function sidOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Z]{2}[0-9a-zA-Z]{1,64}$/.test(value) ? value : undefined;
}
