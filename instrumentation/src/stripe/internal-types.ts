/** An object of Stripe's API as it comes: any field may be missing or of another type. */
export type Said = Readonly<Record<string, unknown>>;

/** The sender of requests of a client, as far as it is used here. */
export interface Sender {
  readonly _stripe?: { getApiField?(name: string): unknown };
}

export type Callback = (this: unknown, error: unknown, response?: unknown) => unknown;

export function isObject(value: unknown): value is Said {
  return typeof value === 'object' && value !== null;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
