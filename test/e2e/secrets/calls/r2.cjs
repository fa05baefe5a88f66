const { mark } = require('../marks.cjs');

/** Cloudflare R2 through the S3 client, lib-storage, and a URL that was signed before. */
module.exports = async function r2({ places, attempt }) {
  const sdk = require('@aws-sdk/client-s3');
  const { Upload } = require('@aws-sdk/lib-storage');
  const make = (endpoint = places.r2, secret = mark('r2 secret')) =>
    new sdk.S3Client({
      region: 'auto',
      endpoint,
      forcePathStyle: true,
      maxAttempts: 2,
      credentials: { accessKeyId: mark('r2 key id'), secretAccessKey: secret, sessionToken: mark('r2 session token') },
    });
  const client = make();
  const Bucket = `files-${mark('bucket')}`;
  const Key = (name) => `people/${mark(`${name} key`)}/cv.pdf`;
  const send = (command, input) => client.send(new sdk[command](input));
  const read = async (answer) => (await answer).Body?.transformToString();

  await attempt('make', () => send('CreateBucketCommand', { Bucket }));
  await attempt('put', () =>
    send('PutObjectCommand', {
      Bucket,
      Key: Key('put'),
      Body: `content ${mark('object content')}`,
      Metadata: { owner: mark('object metadata') },
      ContentDisposition: `attachment; filename="${mark('file name')}"`,
      Tagging: `a=${mark('object tag')}`,
    }),
  );
  await attempt('get', () => read(send('GetObjectCommand', { Bucket, Key: Key('put') })));
  await attempt('copy', () =>
    send('CopyObjectCommand', { Bucket, Key: Key('copy'), CopySource: `${Bucket}/${encodeURIComponent(Key('put'))}` }),
  );
  await attempt('list', () =>
    send('ListObjectsV2Command', { Bucket, Prefix: mark('prefix'), StartAfter: mark('after') }),
  );
  await attempt('missing', () => read(send('GetObjectCommand', { Bucket, Key: Key('missing') })));
  await attempt('no bucket', () => send('HeadBucketCommand', { Bucket: `none-${mark('no bucket')}` }));
  await attempt('slow down', () =>
    send('PutObjectCommand', { Bucket, Key: `slow/${mark('slow key')}`, Body: mark('slow body') }),
  );
  await attempt('upload', () =>
    new Upload({
      client,
      params: { Bucket, Key: Key('upload'), Body: Buffer.alloc(6 * 1024 * 1024, mark('uploaded')) },
    }).done(),
  );
  await attempt('delete', () => send('DeleteObjectsCommand', { Bucket, Delete: { Objects: [{ Key: Key('copy') }] } }));
  await attempt('signed before', async () => {
    const url = `${places.r2}/${Bucket}/${Key('signed')}?X-Amz-Signature=${mark('url signature')}&X-Amz-Credential=${mark('url credential')}`;
    await (await fetch(url)).text();
  });
  for (const [index] of require('../hostile.cjs').ANSWERS.entries()) {
    await attempt(`malformed ${index}`, () =>
      read(make(`${places.hostile}/${index}`).send(new sdk.GetObjectCommand({ Bucket, Key: Key('malformed') }))),
    );
  }
};
