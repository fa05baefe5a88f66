import type { AnyFunction } from '../instrument/package-instrumentation.ts';

/** What every REST call of the package hands to the client's `request`. */
export interface RequestOptions {
  readonly method?: unknown;
  /** Absolute, without the region and edge of the client. */
  readonly uri?: unknown;
  /** The form's fields: `To`, `Body`, … */
  readonly data?: unknown;
}

/** The client, as far as we look at it. */
export interface Client {
  readonly edge?: unknown;
  readonly region?: unknown;
  getHostname?(hostname: string, edge: unknown, region: unknown): string;
}

/** What the client's `request` answers; an HTTP error is an answer too. */
export interface Answer {
  readonly statusCode?: unknown;
  /** Parsed JSON; text from some HTTP clients. */
  readonly body?: unknown;
}

export interface ClientPrototype {
  request: AnyFunction;
}

export type Fields = Readonly<Record<string, unknown>>;
