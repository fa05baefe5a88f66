import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bucketNames, errorOf, listing } from './r2-xml.ts';
import { gbMonths, type MeasureProgress, measureStorage } from './storage.ts';
import { parseStorageMap, readStorageMap } from './storage-map.ts';

const pico = (value: string): bigint => {
  const [whole = '0', fraction = ''] = value.split('.');
  return BigInt(whole + fraction.padEnd(12, '0'));
};

describe('GB-months', () => {
  test.each(['2026-02', '2026-04', '2026-12', '2028-02'])('the days of %s add up to bytes / 10^9', (month) => {
    const [year = 0, number = 0] = month.split('-').map(Number);
    const days = new Date(Date.UTC(year, number, 0)).getUTCDate();
    for (const bytes of [0n, 1n, 999n, 1_000_000_000n, 123_456_789_012_345n]) {
      let sum = 0n;
      for (let day = 1; day <= days; day += 1) sum += pico(gbMonths(bytes, `${month}-${String(day).padStart(2, '0')}`));
      expect(sum).toBe(bytes * 1_000n);
    }
  });

  test("Cloudflare's own example: 1 GB for 5 days, then 3 GB for 25", () => {
    let sum = 0n;
    for (let day = 1; day <= 30; day += 1) {
      sum += pico(gbMonths(day <= 5 ? 1_000_000_000n : 3_000_000_000n, `2026-04-${String(day).padStart(2, '0')}`));
    }
    expect(sum / 10_000_000n).toBe(266_666n);
  });

  test('a gigabyte on one day', () => {
    expect(gbMonths(1_000_000_000n, '2026-02-01')).toBe('0.035714285714');
    expect(gbMonths(28_000_000_000n, '2026-02-10')).toBe('1');
    expect(gbMonths(0n, '2026-02-10')).toBe('0');
  });
});

describe('the map', () => {
  const map = parseStorageMap({
    'acme-uploads': 'acme',
    'media/globex/': 'globex',
    'media/globex/shared/': 'everyone',
    'media/clients/{client}/': '{client}',
    'media/clients/vip/': 'vip-account',
    '*/tenants/{client}/': 'tenant-{client}',
    'media/a.b/': 'dotted',
  });

  test.each([
    ['acme-uploads', 'any/key', 'acme', ''],
    ['media', 'globex/x', 'globex', 'globex/'],
    ['media', 'globex/shared/x', 'everyone', 'globex/shared/'],
    ['media', 'clients/initech/a/b', 'initech', 'clients/initech/'],
    ['media', 'clients/vip/x', 'vip-account', 'clients/vip/'],
    ['media', 'clients/$&/x', '$&', 'clients/$&/'],
    ['elsewhere', 'tenants/zoe/x', 'tenant-zoe', 'tenants/zoe/'],
    ['acme-uploads', 'tenants/zoe/x', 'tenant-zoe', 'tenants/zoe/'],
    ['media', 'a.b/x', 'dotted', 'a.b/'],
  ])('%s %s is of %s', (bucket, key, client, prefix) => {
    expect(map.ownerOf(bucket, key)).toEqual({ client, prefix });
  });

  test('what no entry matches is nobody’s', () => {
    for (const key of ['', 'other', 'clients/', 'clients/x', 'globex', 'aXb/x'])
      expect(map.ownerOf('media', key)).toBeUndefined();
    expect(map.buckets).toEqual(['acme-uploads', 'media']);
  });

  test('its fingerprint is of the bucket’s entries alone', () => {
    const other = parseStorageMap({
      'media/globex/': 'globex',
      'acme-uploads': 'acme',
      '*/tenants/{client}/': 'tenant-{client}',
    });
    expect(other.fingerprint('acme-uploads')).toBe(map.fingerprint('acme-uploads'));
    expect(other.fingerprint('media')).not.toBe(map.fingerprint('media'));
  });

  test.each([
    [[], /expected an object/],
    [{}, /no entries/],
    [{ Media: 'x' }, /map: "Media": "Media" is no name of a bucket/],
    [{ 'my-bucket/x': 7 }, /map: "my-bucket\/x": expected a client id of 1 to 256 characters, got 7/],
    [{ 'my-bucket': ' ' }, /got " "/],
    [{ 'my-bucket/{client}/{client}/': '{client}' }, /2 times; once is possible/],
    [{ 'my-bucket/x/': '{client}' }, /its client has \{client\}, its prefix has not/],
    [{ 'my-bucket/{client}/': 'acme' }, /its client does not use it/],
    [{ '*': 'acme' }, /all buckets for one client/],
  ])('%j is refused', (content, message) => {
    expect(() => parseStorageMap(content)).toThrow(message);
  });

  test('every wrong entry is named; so is a file that is none', () => {
    expect(() => parseStorageMap({ 'a-good-one': 'acme', X: 'x', 'b-bucket': null })).toThrow(/"X".*\n.*"b-bucket"/);
    const dir = mkdtempSync(join(tmpdir(), 'client-cost-map-'));
    const path = join(dir, 'map.json');
    expect(() => readStorageMap(path)).toThrow(/--buckets .*ENOENT/);
    writeFileSync(path, '{');
    expect(() => readStorageMap(path)).toThrow(/not JSON/);
    rmSync(dir, { recursive: true });
  });
});

describe('answers', () => {
  const page = (contents: string, more = '') =>
    `<?xml version="1.0"?><ListBucketResult xmlns="x"><EncodingType>url</EncodingType>${more}${contents}</ListBucketResult>`;

  test('keys are decoded, sizes exact, a missing class is the standard one', () => {
    const contents =
      '<Contents><Key>a%20b/%3C%2B+c</Key><Size>9007199254740993</Size></Contents>' +
      '<Contents><Key>k</Key><Size>1</Size><StorageClass>STANDARD_IA</StorageClass></Contents>';
    expect(
      listing(page(contents, '<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>')),
    ).toEqual({
      objects: [
        { key: 'a b/<+ c', bytes: 9007199254740993n, storageClass: 'STANDARD' },
        { key: 'k', bytes: 1n, storageClass: 'STANDARD_IA' },
      ],
      next: 't&1',
    });
    expect(
      listing('<ListBucketResult><Contents><Key>a&lt;%20</Key><Size>1</Size></Contents></ListBucketResult>')?.objects[0]
        ?.key,
    ).toBe('a<%20');
  });

  test('what is no list, or has a page without a way to the next, is not taken for the end', () => {
    expect(listing('<html>')).toBeUndefined();
    expect(listing(page('', '<IsTruncated>true</IsTruncated>'))).toBeUndefined();
    expect(listing(page('<Contents><Key>k</Key></Contents>'))).toBeUndefined();
    expect(bucketNames('nothing')).toBeUndefined();
    expect(errorOf('<Error><Code>SlowDown</Code><Message>x &#38; y</Message></Error>')).toEqual({
      code: 'SlowDown',
      message: 'x & y',
    });
    expect(errorOf('oops')).toEqual({ code: '', message: '' });
  });
});

test('a measurement that is broken off goes on where it was', async () => {
  const map = parseStorageMap({ 'one-bucket/{client}/': '{client}' });
  const pages: Record<string, string[][]> = { 'one-bucket': [['a/1', 'b/1'], ['a/2'], ['c']], 'two-bucket': [['x']] };
  let fail = true;
  const asked: string[] = [];
  const api = {
    async listObjects(bucket: string, token: string | undefined) {
      const index = Number(token ?? 0);
      asked.push(`${bucket} ${index}`);
      if (fail && index === 2) throw new Error('down');
      const list = pages[bucket] ?? [];
      const objects = (list[index] ?? []).map((key) => ({ key, bytes: 10n, storageClass: 'STANDARD' }));
      return { objects, next: index + 1 < list.length ? String(index + 1) : undefined };
    },
  };
  let reached = '';
  const options = { map, buckets: ['one-bucket', 'two-bucket'], run: 'r' };
  const onFailure = (progress: MeasureProgress) => {
    reached = JSON.stringify(progress);
  };
  await expect(measureStorage(api, { ...options, onFailure })).rejects.toThrow('down');
  fail = false;
  const groups = await measureStorage(api, { ...options, resume: JSON.parse(reached) as MeasureProgress });
  expect(asked).toEqual(['one-bucket 0', 'one-bucket 1', 'one-bucket 2', 'one-bucket 2', 'two-bucket 0']);
  expect(groups).toEqual(await measureStorage(api, options));
  expect(groups.map(({ bucket, client, bytes }) => [bucket, client, bytes])).toEqual([
    ['one-bucket', 'unattributed', 10n],
    ['one-bucket', 'a', 20n],
    ['one-bucket', 'b', 10n],
    ['two-bucket', 'unattributed', 10n],
  ]);
});
