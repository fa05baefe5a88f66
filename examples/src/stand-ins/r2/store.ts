import { md5 } from './body.ts';
import { R2Error } from './types.ts';

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** Absent where only the size is kept: the content is zeros. */
  readonly content?: Buffer;
  /** With its quotes. */
  readonly etag: string;
  readonly modified: Date;
  readonly storageClass: string;
  /** Content-Type, Cache-Control, …, and x-amz-meta-*. */
  readonly headers: Readonly<Record<string, string>>;
  readonly checksums: Readonly<Record<string, string>>;
}

export interface Part {
  readonly number: number;
  readonly content: Buffer;
  readonly etag: string;
  readonly modified: Date;
}

export interface MultipartUpload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly created: Date;
  readonly storageClass: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, Part>;
}

export interface Bucket {
  readonly name: string;
  readonly created: Date;
  readonly objects: Map<string, StoredObject>;
  /** Keys in order of their UTF-8 bytes; undefined when they must be sorted anew. */
  sorted?: string[] | undefined;
}

/** What the account holds. */
export class R2Store {
  readonly buckets = new Map<string, Bucket>();
  readonly uploads = new Map<string, MultipartUpload>();

  bucket(name: string): Bucket {
    const bucket = this.buckets.get(name);
    if (!bucket) throw new R2Error(404, 'NoSuchBucket', 'The specified bucket does not exist.');
    return bucket;
  }

  object(bucket: string, key: string): StoredObject {
    const object = this.bucket(bucket).objects.get(key);
    if (!object) throw new R2Error(404, 'NoSuchKey', 'The specified key does not exist.');
    return object;
  }

  create(name: string, created: Date): void {
    this.buckets.set(name, { name, created, objects: new Map() });
  }

  put(bucket: Bucket, object: StoredObject): void {
    if (!bucket.objects.has(object.key)) bucket.sorted = undefined;
    bucket.objects.set(object.key, object);
  }

  delete(bucket: Bucket, key: string): void {
    if (bucket.objects.delete(key)) bucket.sorted = undefined;
  }

  keys(bucket: Bucket): string[] {
    bucket.sorted ??= [...bucket.objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return bucket.sorted;
  }

  upload(id: string | null, bucket: string, key: string): MultipartUpload {
    const upload = this.uploads.get(id ?? '');
    if (!upload || upload.bucket !== bucket || upload.key !== key) {
      throw new R2Error(404, 'NoSuchUpload', 'The specified multipart upload does not exist.');
    }
    return upload;
  }
}

export const etagOf = (content: Uint8Array): string => `"${md5(content).toString('hex')}"`;

export const contentOf = (object: StoredObject): Buffer => object.content ?? Buffer.alloc(object.size);
