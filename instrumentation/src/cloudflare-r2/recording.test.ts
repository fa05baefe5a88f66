import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { R2StandIn } from '../../../examples/src/stand-ins/r2/index.ts';
import { RecorderDouble } from '../openai/testing/recorder.ts';
import { loadPriceBook } from '../prices/index.ts';
import { setRecorder } from '../recorder/index.ts';
import { CloudflareR2Instrumentation } from './index.ts';
import { runShapes, SHAPES } from './testing/shapes.mts';
import { startR2 } from './testing/stand-in.mts';

/** operation, sku, quantity, then what is not the rule: an outcome, `free` (not billed), `estimated`, `unpriced`, a unit. */
type Line = string;

const put = 'put_object class_a 1';
const get = 'get_object class_b 1';
const head = 'head_object class_b 1';
const list = 'list_objects_v2 class_a 1';
const part = 'upload_part class_a 1';
const create = 'create_multipart_upload class_a 1';
const complete = 'complete_multipart_upload class_a 1';

const EXPECTED: Readonly<Record<string, readonly Line[]>> = {
  put: [put],
  'put stream': [put],
  get: [get],
  'get bytes': [get],
  'get web stream': [get],
  'get piped': [get],
  'get left': [get],
  'get unread': [get],
  'get range': [get],
  'get missing': [`${get} error NoSuchKey`],
  'get missing instanceof': [`${get} error NoSuchKey`],
  'get not modified': [get],
  'get infrequent access': ['get_object class_b_infrequent_access 1', 'data_retrieval data_retrieval 0.000000004 gb'],
  head: [head],
  'head missing': [`${head} error NotFound`],
  'object locked': ['copy_object class_a 1 error ObjectLockedByBucketPolicy'],
  'precondition failed': [`${put} error PreconditionFailed`],
  'if-match fails': [`${get} error PreconditionFailed`],
  'bad digest': [`${put} error BadDigest`],
  'put infrequent access': ['put_object class_a_infrequent_access 1'],
  copy: ['copy_object class_a 1'],
  delete: ['delete_object free 1'],
  'delete many': ['delete_objects free 1'],
  buckets: ['create_bucket class_a 1', 'head_bucket class_b 1', 'delete_bucket free 1', 'list_buckets class_a 1'],
  'list v1': ['list_objects class_a 1'],
  'list v2': [list],
  paginator: [list, list, list],
  'paginator left': [list],
  waiter: [head],
  'waiter gives up': [`${head} error NotFound`, `${head} error NotFound`],
  'multipart by hand': [
    'create_multipart_upload class_a_infrequent_access 1',
    'upload_part class_a_infrequent_access 1',
    'list_parts class_a_infrequent_access 1',
    'complete_multipart_upload class_a_infrequent_access 1',
  ],
  'multipart aborted': [
    create,
    'list_multipart_uploads class_a 1',
    'abort_multipart_upload free 1',
    'list_parts class_a 1 error NoSuchUpload',
  ],
  'upload small': [put],
  'upload large': [create, part, part, part, complete],
  'upload infrequent access': [
    'create_multipart_upload class_a_infrequent_access 1',
    'upload_part class_a_infrequent_access 1',
    'upload_part class_a_infrequent_access 1',
    'complete_multipart_upload class_a_infrequent_access 1',
  ],
  'retried after 503': [`${put} estimated`],
  'retried after 429': [`${put} estimated`],
  'retried after a reset': [`${head} estimated`],
  'retried in vain': ['get_object class_b 2 error SlowDown unpriced'],
  'not retried': ['get_object class_b 1 error InternalError unpriced'],
  unauthorized: ['list_buckets class_a 0 error Unauthorized free'],
  'wrong signature': ['list_buckets class_a 0 error SignatureDoesNotMatch free'],
  denied: ['get_object class_b 0 error AccessDenied free'],
  'no such operation': ['get_object_tagging unknown 1 error NotImplemented unpriced'],
  'never sent': [],
  'no credentials': [],
  'connection refused': ['get_object class_b 0 error ECONNREFUSED free'],
  'abort before': ['get_object class_b 0 aborted AbortError free'],
  'abort while waiting': ['get_object class_b 1 aborted AbortError unpriced'],
  callback: [head],
  'callback error': [`${head} error NotFound`],
  'aggregated client': [get, head],
  subclass: [head],
  'own middleware': [head],
  'same command twice': [head, head],
  'at once': [put, put, put],
  'cached handlers': [head, head],
  'endpoint function': [head],
  'endpoint object': [head],
  presigned: [],
  'nobody catches': [`${head} error NotFound`],
  'the promise': [head],
  'the client': [head],
};

const require = createRequire(import.meta.url);
const recorder = new RecorderDouble();
let stand: R2StandIn;
let instrumentation: CloudflareR2Instrumentation;
// biome-ignore lint/suspicious/noExplicitAny: the SDK as the shapes use it
let lib: any;

beforeAll(async () => {
  stand = await startR2();
  instrumentation = new CloudflareR2Instrumentation({ providerHosts: { '127.0.0.1': 'cloudflare_r2' } });
  lib = { ...require('@aws-sdk/client-s3'), ...require('@aws-sdk/lib-storage') };
  setRecorder(recorder);
});
afterAll(async () => {
  instrumentation.disable();
  setRecorder(undefined);
  await stand.close();
});

const lines = (): Line[] =>
  recorder.calls.map(({ start, end }) => {
    const { sku, quantity = 1, outcome, errorType, billed, estimated, unpricedReason, unit } = end;
    const failed = outcome === 'ok' ? '' : ` ${outcome} ${errorType}`;
    const flags = `${billed === false ? ' free' : ''}${estimated ? ' estimated' : ''}${unpricedReason ? ' unpriced' : ''}`;
    return `${start.operation} ${sku} ${quantity}${unit ? ` ${unit}` : ''}${failed}${flags}`;
  });

describe('what is recorded of each way to use a client', () => {
  test('every shape is in the table', () => {
    expect(Object.keys(SHAPES).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  test.each(Object.entries(EXPECTED))('%s', async (name, expected) => {
    recorder.clear();
    const requests = stand.requests.length;
    await runShapes(lib, stand.url, name);
    expect(lines()).toEqual(expected);
    expect(recorder.started.length).toBe(expected.length);
    // Every request that the provider answered and counts is in a quantity.
    const counted = stand.requests
      .slice(requests)
      .filter(({ status }) => status >= 200 && status < 500 && ![401, 403, 429].includes(status));
    const billed = recorder.calls.filter(({ end }) => !end.unpricedReason && end.unit === undefined);
    const locked = name === 'object locked' ? 1 : 0;
    expect(billed.reduce((sum, { end }) => sum + Number(end.quantity), 0)).toBe(counted.length + locked);
  });
});

test('all that is said about a call', async () => {
  recorder.clear();
  await runShapes(lib, stand.url, 'retried after 503');
  const { start, end } = recorder.last;
  expect(start).toEqual({
    service: 'cloudflare_r2',
    operation: 'put_object',
    spanName: 'cloudflare_r2 put_object',
    attributes: {
      'rpc.system': 'aws-api',
      'rpc.service': 'S3',
      'rpc.method': 'PutObject',
      'server.address': '127.0.0.1',
      'server.port': stand.port,
    },
    startTime: expect.any(Date),
    scope: {},
  });
  const { ray } = stand.requests.at(-1) ?? { ray: '' };
  expect(end).toEqual({
    outcome: 'ok',
    sku: 'class_a',
    quantity: 1,
    estimated: true,
    externalId: ray,
    attributes: { 'http.response.status_code': 200, 'http.request.resend_count': 1, 'aws.request_id': ray },
  });
  // Neither keys nor contents.
  expect(JSON.stringify([start, end])).not.toContain('slow-once');
});

test('a client of another host is not recorded, and one that is no longer measured', async () => {
  recorder.clear();
  instrumentation.setConfig({ providerHosts: { '127.0.0.1': 'minio' } });
  await runShapes(lib, stand.url, 'put');
  expect(recorder.started).toEqual([]);
  instrumentation.setConfig({ providerHosts: { '127.0.0.1': 'cloudflare_r2' } });
  const credentials = { accessKeyId: 'AK', secretAccessKey: 'SK' };
  const client = new lib.S3Client({ region: 'auto', endpoint: stand.url, forcePathStyle: true, credentials });
  const command = () => new lib.HeadObjectCommand({ Bucket: 'media', Key: 'there' });
  await client.send(command());
  expect(lines()).toEqual([head]);
  instrumentation.disable();
  await client.send(command());
  expect(lines()).toEqual([head]);
  instrumentation.enable();
  await client.send(command());
  expect(lines()).toEqual([head, head]);
});

test('the price list, line by line', () => {
  const book = loadPriceBook();
  const price = (sku: string | undefined, unit = 'request', quantity = '1', operation = 'x') =>
    book.price({ service: 'cloudflare_r2', operation, sku, unit, quantity, at: new Date('2026-11-22T00:00:00Z') })
      .amount;
  expect(price('class_a', 'request', '1000000')).toBe('4.5');
  expect(price('class_b', 'request', '1000000')).toBe('0.36');
  expect(price('class_a')).toBe('0.0000045');
  expect(price('class_b')).toBe('0.00000036');
  expect(price('free')).toBe('0');
  expect(price('class_a_infrequent_access', 'request', '1000000')).toBe('9');
  expect(price('class_b_infrequent_access', 'request', '1000000')).toBe('0.9');
  expect(price('data_retrieval', 'gb')).toBe('0.01');
  expect(price(undefined, 'gb_month', '1000', 'storage')).toBe('15');
  expect(price('infrequent_access', 'gb_month', '1000', 'storage')).toBe('10');
  expect(price('unknown')).toBeUndefined();
});
