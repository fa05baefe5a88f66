/** Which operation of the S3 API a request is. Sub-resources are named by the query: `?uploads`, `?cors`. */
export function operationName(
  method: string,
  query: URLSearchParams,
  headers: Readonly<Record<string, unknown>>,
  bucket: string,
  key: string,
): string {
  const copy = headers['x-amz-copy-source'] !== undefined;
  if (bucket === '') return method === 'GET' ? 'ListBuckets' : 'Unknown';
  if (key === '') return ofBucket(method, query);
  switch (method) {
    case 'PUT':
      if (query.has('partNumber')) return copy ? 'UploadPartCopy' : 'UploadPart';
      return copy ? 'CopyObject' : subResource('PutObject', query);
    case 'GET':
      return query.has('uploadId') ? 'ListParts' : subResource('GetObject', query);
    case 'HEAD':
      return 'HeadObject';
    case 'DELETE':
      return query.has('uploadId') ? 'AbortMultipartUpload' : subResource('DeleteObject', query);
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      return query.has('uploadId') ? 'CompleteMultipartUpload' : 'Unknown';
    default:
      return 'Unknown';
  }
}

function ofBucket(method: string, query: URLSearchParams): string {
  if (method === 'HEAD') return 'HeadBucket';
  if (method === 'POST') return query.has('delete') ? 'DeleteObjects' : 'Unknown';
  if (method === 'GET') {
    if (query.get('list-type') === '2') return 'ListObjectsV2';
    if (query.has('uploads')) return 'ListMultipartUploads';
    return query.has('location') ? 'GetBucketLocation' : subResource('ListObjects', query);
  }
  if (method === 'PUT') return subResource('CreateBucket', query);
  return method === 'DELETE' ? subResource('DeleteBucket', query) : 'Unknown';
}

/** Sub-resources that R2 does not have (`?tagging`, `?acl`, `?versioning`) or that this stand-in leaves out (`?cors`). */
const SUB_RESOURCES = [
  'acl',
  'tagging',
  'versioning',
  'policy',
  'torrent',
  'retention',
  'legal-hold',
  'cors',
  'lifecycle',
  'encryption',
  'website',
];

function subResource(operation: string, query: URLSearchParams): string {
  return SUB_RESOURCES.some((name) => query.has(name)) ? 'Unknown' : operation;
}
