/* What the shapes share: see shapes.mts. */

// biome-ignore lint/suspicious/noExplicitAny: one script for all minors of the SDK.
export type Any = any;

export interface World {
  /** `@aws-sdk/client-s3` and, where there are, `Upload` and `getSignedUrl`. */
  readonly lib: Any;
  readonly url: string;
  client(options?: Record<string, unknown>): Any;
}

export type Shape = (world: World) => Promise<unknown>;

/** Keys whose requests fail, for the stand-in's `failures`. */
export function failing({ key, bucket }: { readonly key: string; readonly bucket: string }): Any {
  if (bucket === 'slow-bucket') return { status: 503, code: 'SlowDown' };
  if (key === 'slow-once') return { status: 503, code: 'SlowDown', times: 1 };
  if (key === 'too-many-once') return { status: 429, code: 'TooManyRequests', times: 1 };
  if (key === 'slow') return { status: 503, code: 'SlowDown' };
  if (key === 'broken') return { status: 500, code: 'InternalError' };
  if (key === 'reset-once') return { reset: true, times: 1 };
  if (key === 'hang') return { hang: true };
  if (key === 'locked') return { status: 403, code: 'ObjectLockedByBucketPolicy' };
  return undefined;
}

export const at = (Key: string, more: object = {}): Any => ({ Bucket: 'media', Key, ...more });
export const MB = 1024 * 1024;

export async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { returned: await work() };
  } catch (error) {
    return thrown(error);
  }
}

export function thrown(error: Any): unknown {
  return {
    prototypes: prototypes(error),
    keys: Object.keys(error).sort(),
    name: error.name,
    // Ports differ from run to run.
    message: String(error.message).replace(/:\d{4,5}\b/g, ':port'),
    code: error.Code ?? error.code,
    fault: error.$fault,
    status: error.$metadata?.httpStatusCode,
    attempts: error.$metadata?.attempts,
    response: error.$response?.statusCode,
    exception: error.constructor?.name,
  };
}

export function prototypes(value: object): string[] {
  const names: string[] = [];
  for (let at = Object.getPrototypeOf(value); at; at = Object.getPrototypeOf(at)) names.push(at.constructor?.name);
  return names;
}

/** An answer with what changes from run to run left out. */
export function plain(value: Any): unknown {
  if (value instanceof Date) return 'a date';
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value.transformToString === 'function') return prototypes(value);
  const volatile = /^(totalRetryDelay|UploadId|LastModified|requestId|cfId|extendedRequestId)$/;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, volatile.test(key) ? typeof inner : plain(inner)]),
  );
}

export async function bytes(body: Any): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

export const KEYS = { accessKeyId: 'AK', secretAccessKey: 'SK' };
export const settings = (url: string) => ({ region: 'auto', endpoint: url, forcePathStyle: true, credentials: KEYS });
