import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createR2StandIn, type R2StandIn } from './index.ts';

// biome-ignore lint/suspicious/noExplicitAny: the SDK reads what the stand-in writes
const s3: any = createRequire(import.meta.url)('@aws-sdk/client-s3');

let stand: R2StandIn;
// biome-ignore lint/suspicious/noExplicitAny: a client of it
let client: any;
const KEYS = { accessKeyId: 'AK', secretAccessKey: 'SK' };

beforeAll(async () => {
  stand = await createR2StandIn({
    ...KEYS,
    buckets: ['media', 'secret-bucket'],
    denied: ['secret-bucket'],
    maxKeys: 3,
  });
  client = new s3.S3Client({ region: 'auto', endpoint: stand.url, forcePathStyle: true, credentials: KEYS });
});
afterAll(() => stand.close());

const failure = async (work: Promise<unknown>) => {
  // biome-ignore lint/suspicious/noExplicitAny: an error of the SDK
  const error: any = await work.then(
    () => undefined,
    (caught) => caught,
  );
  return [error?.$metadata?.httpStatusCode, error?.name];
};

describe('the S3 API as the SDK speaks it', () => {
  test('keys of all kinds are stored, listed page by page in order, read and deleted', async () => {
    const keys = ['a b', 'a/ü', 'z+1', '&<"\'>', '日本', 'a', '%41', '(x)*!'];
    for (const Key of keys) await client.send(new s3.PutObjectCommand({ Bucket: 'media', Key: `k/${Key}`, Body: Key }));
    const listed: string[] = [];
    for await (const page of s3.paginateListObjectsV2({ client }, { Bucket: 'media', Prefix: 'k/' })) {
      expect(page.KeyCount).toBeLessThanOrEqual(3);
      for (const { Key } of page.Contents) listed.push(Key.slice(2));
    }
    expect(listed).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    for (const Key of keys) {
      const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: 'media', Key: `k/${Key}` }));
      expect(await Body.transformToString()).toBe(Key);
    }
    const Objects = keys.map((Key) => ({ Key: `k/${Key}` }));
    const { Deleted } = await client.send(new s3.DeleteObjectsCommand({ Bucket: 'media', Delete: { Objects } }));
    expect(Deleted).toHaveLength(keys.length);
    expect((await client.send(new s3.ListObjectsV2Command({ Bucket: 'media', Prefix: 'k/' }))).KeyCount).toBe(0);
  });

  test('common prefixes over pages are said once', async () => {
    for (const Key of ['d/1/a', 'd/1/b', 'd/2/a', 'd/3', 'd/4/x', 'd/5']) stand.store('media', Key, 1);
    const prefixes: string[] = [];
    const keys: string[] = [];
    for await (const page of s3.paginateListObjectsV2(
      { client, pageSize: 2 },
      { Bucket: 'media', Prefix: 'd/', Delimiter: '/' },
    )) {
      for (const { Prefix } of page.CommonPrefixes ?? []) prefixes.push(Prefix);
      for (const { Key } of page.Contents ?? []) keys.push(Key);
    }
    expect({ prefixes, keys }).toEqual({ prefixes: ['d/1/', 'd/2/', 'd/4/'], keys: ['d/3', 'd/5'] });
  });

  test('errors have R2’s status and code', async () => {
    const get = (Key: string, more: object = {}) =>
      client.send(new s3.GetObjectCommand({ Bucket: 'media', Key, ...more }));
    await client.send(new s3.PutObjectCommand({ Bucket: 'media', Key: 'x', Body: 'hello' }));
    expect(await failure(get('none'))).toEqual([404, 'NoSuchKey']);
    expect(await failure(get('x', { Bucket: 'gone-bucket' }))).toEqual([404, 'NoSuchBucket']);
    expect(await failure(get('x', { Bucket: 'secret-bucket' }))).toEqual([403, 'AccessDenied']);
    expect(await failure(get('x', { IfMatch: '"other"' }))).toEqual([412, 'PreconditionFailed']);
    expect(await failure(get('x', { Range: 'bytes=9-' }))).toEqual([416, 'InvalidRange']);
    expect(await failure(client.send(new s3.CreateBucketCommand({ Bucket: 'No' })))).toEqual([
      400,
      'InvalidBucketName',
    ]);
    expect(await failure(client.send(new s3.DeleteBucketCommand({ Bucket: 'media' })))).toEqual([
      409,
      'BucketNotEmpty',
    ]);
    const Key = 'x';
    expect(
      await failure(client.send(new s3.UploadPartCommand({ Bucket: 'media', Key, UploadId: 'no', PartNumber: 1 }))),
    ).toEqual([404, 'NoSuchUpload']);
    const wrong = new s3.S3Client({
      region: 'auto',
      forcePathStyle: true,
      endpoint: stand.url,
      credentials: { ...KEYS, secretAccessKey: 'no' },
    });
    expect(await failure(wrong.send(new s3.ListBucketsCommand({})))).toEqual([403, 'SignatureDoesNotMatch']);
    expect((await fetch(`${stand.url}/media/x`)).status).toBe(400);
  });

  test('ranges, from the beginning and the end', async () => {
    await client.send(new s3.PutObjectCommand({ Bucket: 'media', Key: 'r', Body: '0123456789' }));
    const read = async (Range: string) => {
      const { Body, ContentRange, $metadata } = await client.send(
        new s3.GetObjectCommand({ Bucket: 'media', Key: 'r', Range }),
      );
      return [$metadata.httpStatusCode, ContentRange, await Body.transformToString()];
    };
    expect(await read('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234']);
    expect(await read('bytes=8-')).toEqual([206, 'bytes 8-9/10', '89']);
    expect(await read('bytes=-3')).toEqual([206, 'bytes 7-9/10', '789']);
    expect(await read('bytes=5-99')).toEqual([206, 'bytes 5-9/10', '56789']);
  });

  test('parts must be there, large enough and alike', async () => {
    const about = { Bucket: 'media', Key: 'm' };
    const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand(about));
    const part = async (PartNumber: number, size: number) => {
      const Body = Buffer.alloc(size, PartNumber);
      const { ETag } = await client.send(new s3.UploadPartCommand({ ...about, UploadId, PartNumber, Body }));
      return { PartNumber, ETag };
    };
    const complete = (Parts: object[]) =>
      client.send(new s3.CompleteMultipartUploadCommand({ ...about, UploadId, MultipartUpload: { Parts } }));
    const small = await part(1, 10);
    const last = await part(2, 20);
    expect(await failure(complete([small, last]))).toEqual([400, 'EntityTooSmall']);
    expect(await failure(complete([{ PartNumber: 3, ETag: '"x"' }]))).toEqual([400, 'InvalidPart']);
    const first = await part(1, 5 * 1024 * 1024);
    expect((await complete([first, last])).ETag).toMatch(/^"[0-9a-f]{32}-2"$/);
    expect((await client.send(new s3.HeadObjectCommand(about))).ContentLength).toBe(5 * 1024 * 1024 + 20);
  });
});
