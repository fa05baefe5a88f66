import { unhandledRejections } from '../../testing/rejections.mts';

// biome-ignore lint/suspicious/noExplicitAny: whatever the packages export.
export type Any = any;

export interface Env {
  /** Base URL of the stand-in. */
  readonly url: string;
  readonly grpcPort: number;
  /** `@googlemaps/places`, as it was imported. */
  readonly places: Any;
  /** Its main file: what it depends on is loaded from there. */
  readonly placesFile: string;
  /** `@googlemaps/google-maps-services-js` */
  readonly services: Any;
  readonly axios: Any;
}

export interface Shape {
  run(env: Env): Promise<unknown>;
  readonly recorded: readonly string[];
}

export const KEY = { 'X-Goog-Api-Key': 'key' };
export const masked = (mask: string) => ({ ...KEY, 'X-Goog-FieldMask': mask });
export const withMask = (mask: string) => ({ otherArgs: { headers: { 'X-Goog-FieldMask': mask } } });
export const post = (body: unknown, headers: Record<string, string>) => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers,
});
export const legacy = (env: Env, path: string) => `${env.url}/maps/api/place/${path}`;
export const ID = 'ChIJstandIn0001';

export async function said(response: Response): Promise<unknown> {
  const { status, ok, redirected, type, bodyUsed } = response;
  const text = await response.text();
  return { status, ok, redirected, type, bodyUsed, contentType: response.headers.get('content-type'), text };
}

/** An error as an application sees it: class, message, code, own names. */
export function failure(error: Any): unknown {
  const names = Object.keys(error ?? {}).sort();
  const { name, message, code, reason, domain, statusDetails } = error ?? {};
  return { class: error?.constructor?.name, name, message, code, reason, domain, statusDetails, names };
}

/** What reaches `unhandledRejection` while something runs that nobody catches. */
export const unhandled = (run: () => unknown) => unhandledRejections(run, failure);

export async function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value: Any) => ({ value: value?.status !== undefined && value?.headers !== undefined ? axiosSaid(value) : value }),
    (error: Any) => ({ error: failure(error), answer: error?.response && axiosSaid(error.response) }),
  );
}

export function axiosSaid(response: Any): unknown {
  const { status, data, headers } = response;
  const shown = Buffer.isBuffer(data) ? data.toString('base64') : data;
  const proto = Object.getPrototypeOf(headers)?.constructor?.name;
  return { status, data: shown, keys: Object.keys(response), proto, type: headers['content-type'] };
}
