import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Any, at, bytes, failure, plain, type Shape } from './world.mts';

export const OBJECT_SHAPES: Readonly<Record<string, Shape>> = {
  put: async ({ lib, client }) => plain(await client().send(new lib.PutObjectCommand(at('put', { Body: 'hello' })))),
  'put stream': async ({ lib, client }) =>
    plain(
      await client().send(
        new lib.PutObjectCommand(at('stream', { Body: Readable.from([Buffer.from('abc')]), ContentLength: 3 })),
      ),
    ),
  get: async ({ lib, client }) => {
    const answer = await client().send(new lib.GetObjectCommand(at('there')));
    return [plain(answer), Object.keys(answer), await answer.Body.transformToString?.()];
  },
  'get bytes': async ({ lib, client }) => {
    const { Body } = await client().send(new lib.GetObjectCommand(at('there')));
    return Body.transformToByteArray === undefined ? bytes(Body) : [...(await Body.transformToByteArray())];
  },
  'get web stream': async ({ lib, client }) => {
    const { Body } = await client().send(new lib.GetObjectCommand(at('there')));
    return bytes(Body.transformToWebStream?.() ?? Body);
  },
  'get piped': async ({ lib, client }) => {
    const { Body } = await client().send(new lib.GetObjectCommand(at('large')));
    let size = 0;
    const sink = new Writable({
      write(chunk, _encoding, done) {
        size += chunk.length;
        done();
      },
    });
    await pipeline(Body, sink);
    return [size, Body instanceof Readable, Body.readableEnded];
  },
  'get left': async ({ lib, client }) => {
    const { Body } = await client().send(new lib.GetObjectCommand(at('large')));
    for await (const _ of Body) break;
    return Body.destroyed;
  },
  'get unread': async ({ lib, client }) => {
    const own = client();
    const { Body } = await own.send(new lib.GetObjectCommand(at('there')));
    const read = String(Body.readableFlowing);
    Body.destroy();
    return read;
  },
  'get range': async ({ lib, client }) => {
    const answer = await client().send(new lib.GetObjectCommand(at('there', { Range: 'bytes=1-3' })));
    return [plain(answer), await bytes(answer.Body)];
  },
  'get missing': ({ lib, client }) => failure(() => client().send(new lib.GetObjectCommand(at('missing')))),
  'get missing instanceof': async ({ lib, client }) =>
    client()
      .send(new lib.GetObjectCommand(at('missing')))
      .catch((error: Any) => [error instanceof lib.NoSuchKey, error instanceof Error]),
  'get not modified': ({ lib, client }) =>
    failure(() =>
      client().send(new lib.GetObjectCommand(at('there', { IfNoneMatch: '"5d41402abc4b2a76b9719d911017c592"' }))),
    ),
  'get infrequent access': async ({ lib, client }) => {
    const answer = await client().send(new lib.GetObjectCommand(at('rare')));
    return [answer.StorageClass, await bytes(answer.Body)];
  },
  head: async ({ lib, client }) => plain(await client().send(new lib.HeadObjectCommand(at('there')))),
  'head missing': ({ lib, client }) => failure(() => client().send(new lib.HeadObjectCommand(at('missing')))),
  'object locked': ({ lib, client }) =>
    failure(() => client().send(new lib.CopyObjectCommand(at('locked', { CopySource: 'media/there' })))),
  'precondition failed': ({ lib, client }) =>
    failure(() => client().send(new lib.PutObjectCommand(at('there', { Body: 'hello', IfNoneMatch: '*' })))),
  'if-match fails': ({ lib, client }) =>
    failure(() => client().send(new lib.GetObjectCommand(at('there', { IfMatch: '"x"' })))),
  'bad digest': ({ lib, client }) =>
    failure(() =>
      client().send(new lib.PutObjectCommand(at('bad', { Body: 'x', ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }))),
    ),
  'put infrequent access': async ({ lib, client }) =>
    plain(await client().send(new lib.PutObjectCommand(at('rare-too', { Body: 'x', StorageClass: 'STANDARD_IA' })))),
  copy: async ({ lib, client }) =>
    plain(await client().send(new lib.CopyObjectCommand(at('copy', { CopySource: 'media/there' })))),
  delete: async ({ lib, client }) => plain(await client().send(new lib.DeleteObjectCommand(at('gone')))),
  'delete many': async ({ lib, client }) =>
    plain(
      await client().send(
        new lib.DeleteObjectsCommand({ Bucket: 'media', Delete: { Objects: [{ Key: 'a' }, { Key: 'b' }] } }),
      ),
    ),
  buckets: async ({ lib, client }) => {
    const own = client();
    const made = await own.send(new lib.CreateBucketCommand({ Bucket: 'fresh-bucket' }));
    const head = await own.send(new lib.HeadBucketCommand({ Bucket: 'fresh-bucket' }));
    const gone = await own.send(new lib.DeleteBucketCommand({ Bucket: 'fresh-bucket' }));
    const list = await own.send(new lib.ListBucketsCommand({}));
    return [
      plain(made),
      head.$metadata.httpStatusCode,
      plain(gone),
      plain(list.Buckets.map((bucket: Any) => bucket.Name)),
    ];
  },
  'list v1': async ({ lib, client }) => {
    const { Contents } = await client().send(
      new lib.ListObjectsCommand({ Bucket: 'media', Prefix: 'page/', MaxKeys: 2 }),
    );
    return Contents.map(({ Key }: Any) => Key);
  },
  'list v2': async ({ lib, client }) =>
    plain(
      await client().send(
        new lib.ListObjectsV2Command({ Bucket: 'media', Prefix: 'page/', Delimiter: '/', MaxKeys: 2 }),
      ),
    ),
  paginator: async ({ lib, client }) => {
    const pages: unknown[] = [];
    const pager = lib.paginateListObjectsV2({ client: client(), pageSize: 2 }, { Bucket: 'media', Prefix: 'page/' });
    for await (const page of pager) pages.push(page.Contents.map(({ Key }: Any) => Key));
    return pages;
  },
  'paginator left': async ({ lib, client }) => {
    const pager = lib.paginateListObjectsV2({ client: client(), pageSize: 2 }, { Bucket: 'media', Prefix: 'page/' });
    for await (const page of pager) return page.KeyCount;
    return 'nothing';
  },
  waiter: async ({ lib, client }) =>
    plain((await lib.waitUntilObjectExists({ client: client(), maxWaitTime: 10 }, at('there'))).state),
  'waiter gives up': ({ lib, client }) =>
    lib.waitUntilObjectExists({ client: client(), maxWaitTime: 2, minDelay: 1, maxDelay: 1 }, at('missing')).then(
      (result: Any) => result.state,
      (error: Any) => error.name,
    ),
};
