import { checkedDigests } from './body.ts';
import { contentOf, etagOf, type R2Store, type StoredObject } from './store.ts';
import { type R2Answer, R2Error, type R2Request } from './types.ts';
import { xml } from './xml.ts';

export const STANDARD = 'STANDARD';
const KEPT = /^(content-type|cache-control|content-disposition|content-language|expires|x-amz-meta-.+)$/;

/** What is kept of a request's headers with an object. */
export function keptHeaders(headers: R2Request['headers']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (KEPT.test(name)) kept[name] = String(value);
  const encoding = String(headers['content-encoding'] ?? '').replace(/,?\s*\baws-chunked\b,?\s*/, '');
  if (encoding !== '') kept['content-encoding'] = encoding;
  return kept;
}

export function storageClassOf(request: R2Request): string {
  return String(request.headers['x-amz-storage-class'] ?? STANDARD);
}

/** R2's conditional writes and reads: 412 where the condition does not hold, 304 for a read that is not modified. */
function checkConditions(request: R2Request, object: StoredObject | undefined): R2Answer | undefined {
  const { headers } = request;
  const failed = new R2Error(
    412,
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold.',
  );
  const same = (tags: string | undefined) =>
    object !== undefined &&
    (tags ?? '')
      .split(',')
      .some((tag) => tag.trim() === '*' || tag.trim().replace(/^"?/, '"').replace(/"?$/, '"') === object.etag);
  if (headers['if-match'] !== undefined && !same(headers['if-match'])) throw failed;
  const unless = headers['if-none-match'];
  if (unless !== undefined && same(String(unless))) {
    if (request.method === 'PUT' || object === undefined) throw failed;
    return { status: 304, headers: { etag: object.etag, 'last-modified': object.modified.toUTCString() } };
  }
  const since = Date.parse(String(headers['if-unmodified-since'] ?? ''));
  if (object && Math.floor(object.modified.getTime() / 1_000) * 1_000 > since) throw failed;
  return undefined;
}

export function putObject(store: R2Store, request: R2Request, given: Record<string, unknown>, now: Date): R2Answer {
  const bucket = store.bucket(request.bucket);
  const checksums = checkedDigests(given, request.body);
  checkConditions(request, bucket.objects.get(request.key));
  const object: StoredObject = {
    key: request.key,
    size: request.body.length,
    content: request.body,
    etag: etagOf(request.body),
    modified: now,
    storageClass: storageClassOf(request),
    headers: keptHeaders(request.headers),
    checksums,
  };
  store.put(bucket, object);
  return { status: 200, headers: { etag: object.etag, ...checksums } };
}

/** The object that `x-amz-copy-source` names: `/bucket/key`, encoded, perhaps without the first slash. */
export function copySource(store: R2Store, request: R2Request): StoredObject {
  const source = decodeURIComponent(String(request.headers['x-amz-copy-source'])).replace(/^\//, '');
  const slash = source.indexOf('/');
  return store.object(source.slice(0, slash), source.slice(slash + 1).replace(/\?versionId=.*$/, ''));
}

export function copyObject(store: R2Store, request: R2Request, now: Date): R2Answer {
  const bucket = store.bucket(request.bucket);
  const source = copySource(store, request);
  const replace = request.headers['x-amz-metadata-directive'] === 'REPLACE';
  const storageClass = request.headers['x-amz-storage-class'];
  store.put(bucket, {
    ...source,
    key: request.key,
    modified: now,
    storageClass: storageClass === undefined ? source.storageClass : String(storageClass),
    ...(replace ? { headers: keptHeaders(request.headers) } : {}),
  });
  return { status: 200, body: xml('CopyObjectResult', { ETag: source.etag, LastModified: now.toISOString() }) };
}

export function readObject(store: R2Store, request: R2Request): R2Answer {
  const object = store.object(request.bucket, request.key);
  const unmodified = checkConditions(request, object);
  if (unmodified) return unmodified;
  const headers: Record<string, string> = {
    ...object.headers,
    etag: object.etag,
    'last-modified': object.modified.toUTCString(),
    'accept-ranges': 'bytes',
    'content-type': object.headers['content-type'] ?? 'application/octet-stream',
    // S3 and R2 leave it out for the standard class.
    ...(object.storageClass === STANDARD ? {} : { 'x-amz-storage-class': object.storageClass }),
  };
  const range = /^bytes=(\d*)-(\d*)$/.exec(String(request.headers.range ?? ''));
  if (range === null || (range[1] === '' && range[2] === '')) {
    if (String(request.headers['x-amz-checksum-mode']).toUpperCase() === 'ENABLED')
      Object.assign(headers, object.checksums);
    return { status: 200, headers: { ...headers, 'content-length': String(object.size) }, body: body(request, object) };
  }
  const last = object.size - 1;
  const from = range[1] === '' ? Math.max(0, object.size - Number(range[2])) : Number(range[1]);
  const to = range[1] === '' || range[2] === '' ? last : Math.min(last, Number(range[2]));
  if (from > to) throw new R2Error(416, 'InvalidRange', 'The requested range is not satisfiable');
  const part = { 'content-length': String(to - from + 1), 'content-range': `bytes ${from}-${to}/${object.size}` };
  return { status: 206, headers: { ...headers, ...part }, body: body(request, object).subarray(from, to + 1) };
}

function body(request: R2Request, object: StoredObject): Buffer {
  return request.method === 'HEAD' ? Buffer.alloc(0) : contentOf(object);
}
