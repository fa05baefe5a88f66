import { listBuckets, listObjects } from './listing.ts';
import { completeUpload, createUpload, listParts, listUploads, uploadPart } from './multipart.ts';
import { copyObject, putObject, readObject } from './objects.ts';
import type { R2Store } from './store.ts';
import { type R2Answer, R2Error, type R2Request } from './types.ts';
import { elements, xml } from './xml.ts';

/**
 * Performs a request that has been let in.
 * @param given the request's headers and the trailers of its body: where checksums are
 */
export function perform(
  store: R2Store,
  request: R2Request,
  given: Record<string, unknown>,
  now: Date,
  pageLimit?: number,
): R2Answer {
  switch (request.operation) {
    case 'ListBuckets':
      return listBuckets(store, request);
    case 'CreateBucket':
      return createBucket(store, request, now);
    case 'HeadBucket':
      store.bucket(request.bucket);
      return { status: 200, headers: { 'x-amz-bucket-region': 'auto' } };
    case 'DeleteBucket':
      return deleteBucket(store, request);
    case 'GetBucketLocation':
      store.bucket(request.bucket);
      return { status: 200, body: xml('LocationConstraint', {}) };
    case 'ListObjects':
    case 'ListObjectsV2':
      return listObjects(store, request, pageLimit);
    case 'ListMultipartUploads':
      return listUploads(store, request);
    case 'DeleteObjects':
      return deleteObjects(store, request);
    case 'PutObject':
      return putObject(store, request, given, now);
    case 'CopyObject':
      return copyObject(store, request, now);
    case 'GetObject':
    case 'HeadObject':
      return readObject(store, request);
    case 'DeleteObject':
      store.delete(store.bucket(request.bucket), request.key);
      return { status: 204 };
    case 'CreateMultipartUpload':
      return createUpload(store, request, now);
    case 'UploadPart':
    case 'UploadPartCopy':
      return uploadPart(store, request, given, now);
    case 'CompleteMultipartUpload':
      return completeUpload(store, request, now);
    case 'AbortMultipartUpload':
      store.uploads.delete(store.upload(request.query.get('uploadId'), request.bucket, request.key).id);
      return { status: 204 };
    case 'ListParts':
      return listParts(store, request);
    default:
      throw new R2Error(501, 'NotImplemented', `${request.method} ${request.path}?${request.rawQuery} not implemented`);
  }
}

function createBucket(store: R2Store, { bucket }: R2Request, now: Date): R2Answer {
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new R2Error(400, 'InvalidBucketName', 'The specified bucket is not valid.');
  }
  if (store.buckets.has(bucket)) {
    throw new R2Error(
      409,
      'BucketAlreadyOwnedByYou',
      'Your previous request to create the named bucket succeeded and you already own it.',
    );
  }
  store.create(bucket, now);
  return { status: 200, headers: { location: `/${bucket}` } };
}

function deleteBucket(store: R2Store, { bucket }: R2Request): R2Answer {
  if (store.bucket(bucket).objects.size > 0) {
    throw new R2Error(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty (account-owned).');
  }
  store.buckets.delete(bucket);
  return { status: 204 };
}

function deleteObjects(store: R2Store, request: R2Request): R2Answer {
  const bucket = store.bucket(request.bucket);
  const document = request.body.toString();
  const keys = elements(document, 'Key');
  if (keys.length === 0 || keys.length > 1_000) {
    throw new R2Error(400, 'MalformedXML', 'The XML you provided was not well formed or did not validate.');
  }
  for (const key of keys) store.delete(bucket, key);
  const quiet = elements(document, 'Quiet')[0] === 'true';
  return { status: 200, body: xml('DeleteResult', { Deleted: quiet ? [] : keys.map((key) => ({ Key: key })) }) };
}
