import { createServer } from 'node:http';
import { unhandledRejections } from '../../testing/rejections.mts';
import { type Any, at, bytes, failure, plain, prototypes, type Shape, settings, thrown } from './world.mts';

export const CLIENT_SHAPES: Readonly<Record<string, Shape>> = {
  'retried after 503': async ({ lib, client }) =>
    plain(await client().send(new lib.PutObjectCommand(at('slow-once', { Body: 'x' })))),
  'retried after 429': async ({ lib, client }) =>
    plain(await client().send(new lib.PutObjectCommand(at('too-many-once', { Body: 'x' })))),
  'retried after a reset': async ({ lib, client }) =>
    plain(await client().send(new lib.HeadObjectCommand(at('reset-once')))),
  'retried in vain': ({ lib, client }) =>
    failure(() => client({ maxAttempts: 2 }).send(new lib.GetObjectCommand(at('slow')))),
  'not retried': ({ lib, client }) =>
    failure(() => client({ maxAttempts: 1 }).send(new lib.GetObjectCommand(at('broken')))),
  unauthorized: ({ lib, client }) =>
    failure(() =>
      client({ credentials: { accessKeyId: 'wrong', secretAccessKey: 'SK' } }).send(new lib.ListBucketsCommand({})),
    ),
  'wrong signature': ({ lib, client }) =>
    failure(() =>
      client({ maxAttempts: 1, credentials: { accessKeyId: 'AK', secretAccessKey: 'wrong' } }).send(
        new lib.ListBucketsCommand({}),
      ),
    ),
  denied: ({ lib, client }) =>
    failure(() => client().send(new lib.GetObjectCommand({ Bucket: 'denied-bucket', Key: 'k' }))),
  'no such operation': ({ lib, client }) =>
    failure(() => client({ maxAttempts: 1 }).send(new lib.GetObjectTaggingCommand(at('there')))),
  'never sent': ({ lib, client }) => failure(() => client().send(new lib.GetObjectCommand({ Key: 'there' }))),
  'no credentials': ({ lib, client }) =>
    failure(() =>
      client({ credentials: () => Promise.reject(new Error('none')) }).send(new lib.GetObjectCommand(at('there'))),
    ),
  'connection refused': async ({ lib, client }) => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as Any).port}`;
    await new Promise((resolve) => server.close(resolve));
    return failure(() => client({ endpoint, maxAttempts: 1 }).send(new lib.GetObjectCommand(at('there'))));
  },
  'abort before': ({ lib, client }) => {
    const controller = new AbortController();
    controller.abort();
    return failure(() => client().send(new lib.GetObjectCommand(at('there')), { abortSignal: controller.signal }));
  },
  'abort while waiting': ({ lib, client }) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 60);
    return failure(() => client().send(new lib.GetObjectCommand(at('hang')), { abortSignal: controller.signal }));
  },
  callback: ({ lib, client }) =>
    new Promise((resolve) => {
      const returned = client().send(new lib.HeadObjectCommand(at('there')), (error: Any, data: Any) =>
        resolve([returned, error, plain(data)]),
      );
    }),
  'callback error': ({ lib, client }) =>
    new Promise((resolve) => {
      client().send(new lib.HeadObjectCommand(at('missing')), {}, (error: Any, data: Any) =>
        resolve([thrown(error), data]),
      );
    }),
  'aggregated client': async ({ lib, url }) => {
    const s3 = new lib.S3(settings(url));
    const got = await s3.getObject(at('there'));
    const called = await new Promise((resolve) =>
      s3.headObject(at('there'), (error: Any, data: Any) => resolve([error, plain(data)])),
    );
    return [await bytes(got.Body), called, prototypes(s3)];
  },
  subclass: async ({ lib, url }) => {
    const Own: Any = class extends lib.S3Client {
      send(...given: Any[]) {
        return super.send(...given);
      }
    };
    return plain(await new Own(settings(url)).send(new lib.HeadObjectCommand(at('there'))));
  },
  'own middleware': async ({ lib, client }) => {
    const own = client();
    const seen: unknown[] = [];
    own.middlewareStack.add(
      (next: Any) => async (args: Any) => {
        seen.push(Object.keys(args));
        return next(args);
      },
      {
        step: 'build',
        name: 'own',
      },
    );
    own.middlewareStack.add(
      (next: Any) => async (args: Any) => {
        const result = await next({ input: args.input, request: args.request });
        seen.push(result.response.statusCode);
        return result;
      },
      { step: 'finalizeRequest', name: 'anew', priority: 'low' },
    );
    return [plain(await own.send(new lib.HeadObjectCommand(at('there')))), seen, own.middlewareStack.remove('own')];
  },
  'same command twice': async ({ lib, client }) => {
    const own = client();
    const command = new lib.HeadObjectCommand(at('there'));
    return plain([await own.send(command), await own.send(command), Object.keys(command)]);
  },
  'at once': async ({ lib, client }) => {
    const own = client();
    return plain(
      await Promise.all(
        [1, 2, 3].map((number) => own.send(new lib.PutObjectCommand(at(`once-${number}`, { Body: 'x' })))),
      ),
    );
  },
  'cached handlers': async ({ lib, client }) => {
    const own = client({ cacheMiddleware: true });
    const command = () => new lib.HeadObjectCommand(at('there'));
    return plain([await own.send(command()), await own.send(command())]);
  },
  'endpoint function': async ({ lib, client, url }) =>
    plain(
      await client({
        endpoint: async () => ({
          protocol: 'http:',
          hostname: '127.0.0.1',
          port: Number(new URL(url).port),
          path: '/',
        }),
      }).send(new lib.HeadObjectCommand(at('there'))),
    ),
  'endpoint object': async ({ lib, client, url }) => {
    const { hostname, port } = new URL(url);
    const endpoint = { protocol: 'http:', hostname, port: Number(port), path: '/' };
    return plain(await client({ endpoint }).send(new lib.HeadObjectCommand(at('there'))));
  },
  presigned: async ({ lib, client }) => {
    if (lib.getSignedUrl === undefined) return 'missing';
    const url: string = await lib.getSignedUrl(client(), new lib.GetObjectCommand(at('there')), { expiresIn: 60 });
    return [[...new URL(url).searchParams.keys()].sort(), await (await fetch(url)).text()];
  },
  'nobody catches': ({ lib, client }) =>
    unhandledRejections(
      () => client().send(new lib.HeadObjectCommand(at('missing'))),
      (error: Any) => error.name,
    ),
  'the promise': async ({ lib, client }) => {
    const promise = client().send(new lib.HeadObjectCommand(at('there')));
    const about = [Object.prototype.toString.call(promise), Object.keys(promise), promise.constructor === Promise];
    await promise;
    return about;
  },
  'the client': async ({ lib, client }) => {
    const own = client();
    await own.send(new lib.HeadObjectCommand(at('there')));
    own.destroy();
    return [Object.keys(own).sort(), own.send.name, own.send.length, prototypes(own), own.config.forcePathStyle];
  },
};
