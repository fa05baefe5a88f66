import { Readable } from 'node:stream';
import { type Any, at, failure, MB, plain, type Shape } from './world.mts';

export const UPLOAD_SHAPES: Readonly<Record<string, Shape>> = {
  'multipart by hand': async ({ lib, client }) => {
    const own = client();
    const { UploadId } = await own.send(
      new lib.CreateMultipartUploadCommand(at('parts', { StorageClass: 'STANDARD_IA' })),
    );
    const { ETag } = await own.send(new lib.UploadPartCommand(at('parts', { UploadId, PartNumber: 1, Body: 'part' })));
    const listed = await own.send(new lib.ListPartsCommand(at('parts', { UploadId })));
    const Parts = [{ PartNumber: 1, ETag }];
    const done = await own.send(
      new lib.CompleteMultipartUploadCommand(at('parts', { UploadId, MultipartUpload: { Parts } })),
    );
    return [ETag, plain(listed.Parts), plain(done)];
  },
  'multipart aborted': async ({ lib, client }) => {
    const own = client();
    const { UploadId } = await own.send(new lib.CreateMultipartUploadCommand(at('parts')));
    const { Uploads } = await own.send(new lib.ListMultipartUploadsCommand({ Bucket: 'media' }));
    const gone = await own.send(new lib.AbortMultipartUploadCommand(at('parts', { UploadId })));
    return [
      Uploads.length,
      plain(gone),
      await failure(() => own.send(new lib.ListPartsCommand(at('parts', { UploadId })))),
    ];
  },
  'upload small': async ({ lib, client }) => {
    const upload = new lib.Upload({ client: client(), params: at('up-small', { Body: 'small' }) });
    const seen: unknown[] = [];
    upload.on('httpUploadProgress', (progress: Any) => seen.push(plain(progress)));
    return [plain({ ...(await upload.done()), Location: '' }), seen];
  },
  'upload large': async ({ lib, client }) => {
    const upload = new lib.Upload({
      client: client(),
      queueSize: 1,
      params: at('up-large', { Body: Readable.from(chunks(11)) }),
    });
    const seen: number[] = [];
    upload.on('httpUploadProgress', (progress: Any) => seen.push(progress.loaded));
    return [plain(await upload.done()), seen];
  },
  'upload infrequent access': async ({ lib, client }) => {
    const params = at('up-rare', { Body: Buffer.alloc(6 * MB), StorageClass: 'STANDARD_IA' });
    return plain(await new lib.Upload({ client: client(), queueSize: 1, params }).done());
  },
};

async function* chunks(megabytes: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < megabytes; index += 1) yield Buffer.alloc(MB, index);
}
