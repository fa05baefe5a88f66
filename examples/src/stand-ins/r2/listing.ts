import type { Bucket, R2Store } from './store.ts';
import { type R2Answer, R2Error, type R2Request } from './types.ts';
import { type Tree, xml } from './xml.ts';

const R2_PAGE = 1_000;

export function listBuckets(store: R2Store, request: R2Request): R2Answer {
  const { query } = request;
  const all = [...store.buckets.values()]
    .filter(({ name }) => name.startsWith(query.get('prefix') ?? ''))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const after = query.get('continuation-token') ?? '';
  const rest = all.filter(({ name }) => name > after);
  const page = rest.slice(0, Number(query.get('max-buckets') ?? R2_PAGE));
  const tree: Tree = {
    Buckets: { Bucket: page.map(({ name, created }) => ({ Name: name, CreationDate: created.toISOString() })) },
    Owner: { ID: 'stand-in', DisplayName: 'stand-in' },
    ContinuationToken: page.length < rest.length ? page.at(-1)?.name : undefined,
  };
  return { status: 200, body: xml('ListAllMyBucketsResult', tree) };
}

/** ListObjects (marker) and ListObjectsV2 (continuation token, opaque). Keys in order of their bytes. */
export function listObjects(store: R2Store, request: R2Request, pageLimit = R2_PAGE): R2Answer {
  const { query } = request;
  const bucket = store.bucket(request.bucket);
  const second = query.get('list-type') === '2';
  const encode = query.get('encoding-type') === 'url' ? urlEncode : (text: string) => text;
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const asked = Number(query.get('max-keys') ?? R2_PAGE);
  if (!Number.isInteger(asked) || asked < 0) throw new R2Error(400, 'InvalidArgument', 'max-keys');
  const limit = Math.min(asked, pageLimit, R2_PAGE);
  const token = query.get('continuation-token');
  const after = second ? (token === null ? query.get('start-after') : decodeToken(token)) : query.get('marker');
  const { keys, prefixes, last, truncated } = page(store.keys(bucket), prefix, delimiter, after ?? '', limit);
  const contents = keys.map((key) => contentsOf(bucket, key, encode));
  const tree: Tree = {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: asked,
    EncodingType: query.get('encoding-type') ?? undefined,
    IsTruncated: truncated,
    ...(second
      ? {
          KeyCount: keys.length + prefixes.length,
          ContinuationToken: token ?? undefined,
          NextContinuationToken: truncated ? encodeToken(last) : undefined,
        }
      : { Marker: encode(after ?? ''), NextMarker: truncated ? encode(last) : undefined }),
    Contents: contents,
    CommonPrefixes: prefixes.map((common) => ({ Prefix: encode(common) })),
  };
  return { status: 200, body: xml('ListBucketResult', tree) };
}

function page(all: readonly string[], prefix: string, delimiter: string, after: string, limit: number) {
  const keys: string[] = [];
  const prefixes: string[] = [];
  let last = after;
  for (const key of all) {
    if (!key.startsWith(prefix) || compare(key, after) <= 0) continue;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const common = cut < 0 ? undefined : key.slice(0, cut + delimiter.length);
    if (common !== undefined && (common === prefixes.at(-1) || after.startsWith(common))) {
      last = key;
      continue;
    }
    if (keys.length + prefixes.length >= limit) return { keys, prefixes, last, truncated: limit > 0 };
    if (common === undefined) keys.push(key);
    else prefixes.push(common);
    last = key;
  }
  return { keys, prefixes, last, truncated: false };
}

function contentsOf(bucket: Bucket, key: string, encode: (text: string) => string): Tree {
  const object = bucket.objects.get(key);
  if (!object) throw new Error(`stand-in: ${key} is listed and not there`);
  return {
    Key: encode(key),
    LastModified: object.modified.toISOString(),
    ETag: object.etag,
    Size: object.size,
    StorageClass: object.storageClass,
  };
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const urlEncode = (text: string): string => encodeURIComponent(text).replace(/%2F/g, '/');
const encodeToken = (key: string): string => Buffer.from(key).toString('base64url');
const decodeToken = (token: string): string => Buffer.from(token, 'base64url').toString();
