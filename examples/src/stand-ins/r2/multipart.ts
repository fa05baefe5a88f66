import { checkedDigests, md5 } from './body.ts';
import { copySource, keptHeaders, storageClassOf } from './objects.ts';
import { contentOf, etagOf, type Part, type R2Store } from './store.ts';
import { type R2Answer, R2Error, type R2Request } from './types.ts';
import { elements, xml } from './xml.ts';

const MIN_PART = 5 * 1024 * 1024;
let made = 0;

export function createUpload(store: R2Store, request: R2Request, now: Date): R2Answer {
  const { bucket, key } = request;
  store.bucket(bucket);
  made += 1;
  const id = Buffer.from(`stand-in upload ${made} ${now.getTime()}`).toString('base64url');
  const about = { storageClass: storageClassOf(request), headers: keptHeaders(request.headers) };
  store.uploads.set(id, { id, bucket, key, created: now, parts: new Map(), ...about });
  return { status: 200, body: xml('InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId: id }) };
}

export function uploadPart(store: R2Store, request: R2Request, given: Record<string, unknown>, now: Date): R2Answer {
  const upload = store.upload(request.query.get('uploadId'), request.bucket, request.key);
  const number = Number(request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new R2Error(400, 'InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive.');
  }
  const copy = request.operation === 'UploadPartCopy';
  const content = copy ? copied(store, request) : request.body;
  const checksums = copy ? {} : checkedDigests(given, content);
  const part: Part = { number, content, etag: etagOf(content), modified: now };
  upload.parts.set(number, part);
  if (!copy) return { status: 200, headers: { etag: part.etag, ...checksums } };
  return { status: 200, body: xml('CopyPartResult', { ETag: part.etag, LastModified: now.toISOString() }) };
}

function copied(store: R2Store, request: R2Request): Buffer {
  const whole = contentOf(copySource(store, request));
  const range = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-amz-copy-source-range'] ?? ''));
  return range === null ? whole : whole.subarray(Number(range[1]), Number(range[2]) + 1);
}

export function completeUpload(store: R2Store, request: R2Request, now: Date): R2Answer {
  const upload = store.upload(request.query.get('uploadId'), request.bucket, request.key);
  const document = request.body.toString();
  const numbers = elements(document, 'PartNumber').map(Number);
  const tags = elements(document, 'ETag');
  const parts = numbers.map((number, index) => {
    const part = upload.parts.get(number);
    if (!part || part.etag.replaceAll('"', '') !== tags[index]?.replaceAll('"', '')) {
      throw new R2Error(400, 'InvalidPart', 'One or more of the specified parts could not be found.');
    }
    return part;
  });
  if (parts.length === 0)
    throw new R2Error(400, 'MalformedXML', 'The XML you provided was not well formed or did not validate.');
  const full = parts.slice(0, -1);
  if (full.some(({ content }) => content.length < MIN_PART)) {
    throw new R2Error(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size.');
  }
  if (full.some(({ content }) => content.length !== parts[0]?.content.length)) {
    throw new R2Error(400, 'InvalidPart', 'All non-trailing parts must have the same length.');
  }
  const content = Buffer.concat(parts.map((part) => part.content));
  const digests = parts.map((part) => Buffer.from(part.etag.replaceAll('"', ''), 'hex'));
  const etag = `"${md5(Buffer.concat(digests)).toString('hex')}-${parts.length}"`;
  const about = { storageClass: upload.storageClass, headers: upload.headers, checksums: {} };
  store.put(store.bucket(request.bucket), {
    key: request.key,
    size: content.length,
    content,
    etag,
    modified: now,
    ...about,
  });
  store.uploads.delete(upload.id);
  const tree = { Location: `/${request.bucket}/${request.key}`, Bucket: request.bucket, Key: request.key, ETag: etag };
  return { status: 200, body: xml('CompleteMultipartUploadResult', tree) };
}

export function listParts(store: R2Store, request: R2Request): R2Answer {
  const upload = store.upload(request.query.get('uploadId'), request.bucket, request.key);
  const parts = [...upload.parts.values()].sort((a, b) => a.number - b.number);
  const tree = {
    Bucket: upload.bucket,
    Key: upload.key,
    UploadId: upload.id,
    StorageClass: upload.storageClass,
    MaxParts: 1_000,
    IsTruncated: false,
    Part: parts.map(({ number, modified, etag, content }) => ({
      PartNumber: number,
      LastModified: modified.toISOString(),
      ETag: etag,
      Size: content.length,
    })),
  };
  return { status: 200, body: xml('ListPartsResult', tree) };
}

export function listUploads(store: R2Store, request: R2Request): R2Answer {
  store.bucket(request.bucket);
  const uploads = [...store.uploads.values()].filter(({ bucket }) => bucket === request.bucket);
  const tree = {
    Bucket: request.bucket,
    MaxUploads: 1_000,
    IsTruncated: false,
    Upload: uploads.map(({ key, id, created, storageClass }) => ({
      Key: key,
      UploadId: id,
      Initiated: created.toISOString(),
      StorageClass: storageClass,
    })),
  };
  return { status: 200, body: xml('ListMultipartUploadsResult', tree) };
}
