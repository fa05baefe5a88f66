/** What R2's price list calls an operation: `usage.sku`. */
export type OperationClass = 'class_a' | 'class_b' | 'free' | 'unknown';

/*
 * https://developers.cloudflare.com/r2/pricing/ (checked 2026-11-22), by command of the AWS SDK. `PutBucket` is its CreateBucket. DeleteObjects
 * is not in the list by its name; the page's examples say that delete operations are free.
 */
const CLASSES: Readonly<Record<Exclude<OperationClass, 'unknown'>, readonly string[]>> = {
  class_a: [
    'ListBuckets',
    'CreateBucket',
    'ListObjects',
    'ListObjectsV2',
    'PutObject',
    'CopyObject',
    'CompleteMultipartUpload',
    'CreateMultipartUpload',
    'ListMultipartUploads',
    'UploadPart',
    'UploadPartCopy',
    'ListParts',
    'PutBucketEncryption',
    'PutBucketCors',
    'PutBucketLifecycleConfiguration',
  ],
  class_b: [
    'HeadBucket',
    'HeadObject',
    'GetObject',
    'GetBucketEncryption',
    'GetBucketLocation',
    'GetBucketCors',
    'GetBucketLifecycleConfiguration',
  ],
  free: ['DeleteObject', 'DeleteObjects', 'DeleteBucket', 'AbortMultipartUpload'],
};

export interface Operation {
  /** As in the S3 API: `PutObject`. */
  readonly method: string;
  /** `usage.operation`: `put_object`. */
  readonly name: string;
  readonly class: OperationClass;
}

const known = new Map<string, Operation>();
const MAX_KNOWN = 1_000;

/** The operation of a command (`PutObjectCommand`). One that the price list does not name has the class `unknown`: it is unpriced. */
export function operationOf(commandName: unknown): Operation {
  const command = typeof commandName === 'string' && commandName !== '' ? commandName : 'UnknownCommand';
  let operation = known.get(command);
  if (operation === undefined) {
    const method = command.replace(/Command$/, '');
    const found = Object.entries(CLASSES).find(([, methods]) => methods.includes(method))?.[0] as OperationClass;
    operation = { method, name: snakeCase(method), class: found ?? 'unknown' };
    if (known.size < MAX_KNOWN) known.set(command, operation);
  }
  return operation;
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

/** How the S3 API writes R2's Infrequent Access storage class. */
export const INFREQUENT_ACCESS = 'STANDARD_IA';

/** The price of an operation depends on the storage class of its object, free and unknown ones apart. */
export function skuOf(operation: Operation, infrequentAccess: boolean): string {
  const priced = operation.class === 'class_a' || operation.class === 'class_b';
  return priced && infrequentAccess ? `${operation.class}_infrequent_access` : operation.class;
}
