import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RecorderDouble } from '../openai/testing/recorder.ts';
import { setRecorder } from '../recorder/index.ts';
import { configureHosts, r2EndpointOf } from './hosts.ts';
import { CloudflareR2Instrumentation } from './index.ts';

const ACCOUNT = '0123456789abcdef0123456789abcdef';
const https = (hostname: string, port?: number) => ({ protocol: 'https:', hostname, port });

afterEach(() => {
  delete process.env.CLIENT_COST_PROVIDER_HOSTS;
  configureHosts(undefined, true);
});

describe('which requests go to R2', () => {
  test.each([
    `${ACCOUNT}.r2.cloudflarestorage.com`,
    `${ACCOUNT}.eu.r2.cloudflarestorage.com`,
    `${ACCOUNT}.fedramp.r2.cloudflarestorage.com`,
    `my-bucket.${ACCOUNT}.r2.cloudflarestorage.com`,
    `${ACCOUNT}.R2.CloudflareStorage.com`,
  ])('%s', (hostname) => {
    expect(r2EndpointOf(https(hostname))).toEqual({ address: hostname.toLowerCase(), port: 443 });
  });

  test.each([
    's3.eu-central-1.amazonaws.com',
    'my-bucket.s3.amazonaws.com',
    'r2.cloudflarestorage.com.evil.example',
    'notr2.cloudflarestorage.com',
    'localhost',
    '',
  ])('not %s', (hostname) => {
    expect(r2EndpointOf(https(hostname))).toBeUndefined();
  });

  test('nor what is no request', () => {
    for (const request of [undefined, null, {}, 7, { hostname: 7 }]) expect(r2EndpointOf(request)).toBeUndefined();
  });

  test('hosts named by the user, with the bucket in front or in the path', () => {
    configureHosts({
      'storage.corp:8443': 'cloudflare_r2',
      '127.0.0.1': 'cloudflare_r2',
      [`${ACCOUNT}.r2.cloudflarestorage.com`]: 'other',
    });
    expect(r2EndpointOf(https('storage.corp', 8443))).toEqual({ address: 'storage.corp', port: 8443 });
    expect(r2EndpointOf(https('media.storage.corp', 8443))).toBeDefined();
    expect(r2EndpointOf(https('storage.corp'))).toBeUndefined();
    expect(r2EndpointOf({ protocol: 'http:', hostname: '127.0.0.1' })).toEqual({ address: '127.0.0.1', port: 80 });
    expect(r2EndpointOf(https(`${ACCOUNT}.r2.cloudflarestorage.com`))).toBeUndefined();
    process.env.CLIENT_COST_PROVIDER_HOSTS = 'minio.corp=cloudflare_r2,storage.corp:8443=minio';
    configureHosts({ 'storage.corp:8443': 'cloudflare_r2' }, true);
    expect(r2EndpointOf(https('minio.corp'))).toBeDefined();
    expect(r2EndpointOf(https('storage.corp', 8443)), 'the setting goes before the environment').toBeDefined();
  });
});

describe('clients by their endpoint', () => {
  const recorder = new RecorderDouble();
  const require = createRequire(import.meta.url);
  let instrumentation: CloudflareR2Instrumentation;
  // biome-ignore lint/suspicious/noExplicitAny: the SDK
  let lib: any;
  beforeAll(() => {
    instrumentation = new CloudflareR2Instrumentation();
    lib = require('@aws-sdk/client-s3');
    setRecorder(recorder);
  });
  afterAll(() => {
    instrumentation.disable();
    setRecorder(undefined);
  });

  async function put(options: object): Promise<string> {
    recorder.clear();
    let asked = '';
    const { HttpResponse } = require('@smithy/core/protocols');
    const requestHandler = {
      // biome-ignore lint/suspicious/noExplicitAny: a request of the SDK
      async handle(request: any) {
        asked = request.hostname;
        return {
          response: new HttpResponse({
            statusCode: 200,
            headers: { etag: '"x"', 'CF-Ray': 'ray-1' },
            body: Readable.from([]),
          }),
        };
      },
    };
    const credentials = { accessKeyId: 'AK', secretAccessKey: 'SK' };
    const client = new lib.S3Client({ region: 'auto', credentials, requestHandler, ...options });
    await client.send(new lib.PutObjectCommand({ Bucket: 'media', Key: 'k', Body: 'x' }));
    return asked;
  }

  const endpoint = `https://${ACCOUNT}.eu.r2.cloudflarestorage.com`;

  test.each([
    ['a text', endpoint],
    ['an object', { protocol: 'https:', hostname: `${ACCOUNT}.eu.r2.cloudflarestorage.com`, path: '/' }],
    ['a function', async () => ({ protocol: 'https:', hostname: `${ACCOUNT}.eu.r2.cloudflarestorage.com`, path: '/' })],
  ])('R2 by %s', async (_, given) => {
    expect(await put({ endpoint: given })).toBe(`media.${ACCOUNT}.eu.r2.cloudflarestorage.com`);
    expect(recorder.calls).toHaveLength(1);
    expect(recorder.last).toMatchObject({
      start: { attributes: { 'server.address': `${ACCOUNT}.eu.r2.cloudflarestorage.com`, 'server.port': 443 } },
      end: { sku: 'class_a', externalId: 'ray-1' },
    });
  });

  test('R2 by the environment', async () => {
    process.env.AWS_ENDPOINT_URL_S3 = endpoint;
    try {
      expect(await put({ forcePathStyle: true })).toBe(`${ACCOUNT}.eu.r2.cloudflarestorage.com`);
    } finally {
      delete process.env.AWS_ENDPOINT_URL_S3;
    }
    expect(recorder.calls).toHaveLength(1);
  });

  test('real S3 is none of our business', async () => {
    expect(await put({ region: 'eu-central-1' })).toBe('media.s3.eu-central-1.amazonaws.com');
    expect(recorder.started).toEqual([]);
  });
});
