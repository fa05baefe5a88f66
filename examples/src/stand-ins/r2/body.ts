import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { R2Error } from './types.ts';

/**
 * The content of a request's body. The SDK sends streams as `aws-chunked`: chunks with their length in hexadecimal (and perhaps a
 * signature), then trailers with the checksum.
 */
export function decodeBody(
  headers: Readonly<Record<string, unknown>>,
  raw: Buffer,
): { body: Buffer; trailers: Record<string, string> } {
  const chunked =
    /\baws-chunked\b/.test(String(headers['content-encoding'] ?? '')) ||
    String(headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-');
  if (!chunked) return { body: raw, trailers: {} };
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = raw.indexOf('\r\n', at);
    const size = end < 0 ? Number.NaN : Number.parseInt(raw.toString('latin1', at, end), 16);
    if (Number.isNaN(size)) throw new R2Error(400, 'IncompleteBody', 'The chunks of the body are malformed');
    at = end + 2;
    if (size === 0) break;
    parts.push(raw.subarray(at, at + size));
    at += size + 2;
  }
  const trailers: Record<string, string> = {};
  for (const line of raw.toString('latin1', at).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { body: Buffer.concat(parts), trailers };
}

export const md5 = (data: Uint8Array): Buffer => createHash('md5').update(data).digest();

const CHECKSUMS: Readonly<Record<string, (body: Buffer) => string>> = {
  'x-amz-checksum-crc32': (body) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(body));
    return bytes.toString('base64');
  },
  'x-amz-checksum-sha1': (body) => createHash('sha1').update(body).digest('base64'),
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest('base64'),
};

/** The checksums that came with a body. One that is wrong is refused, as R2 does, with BadDigest. */
export function checkedDigests(given: Readonly<Record<string, unknown>>, body: Buffer): Record<string, string> {
  const contentMd5 = given['content-md5'];
  if (contentMd5 !== undefined && contentMd5 !== md5(body).toString('base64')) {
    throw new R2Error(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  const checksums: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!/^x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)$/.test(name) || typeof value !== 'string') continue;
    const computed = CHECKSUMS[name]?.(body);
    if (computed !== undefined && computed !== value) {
      throw new R2Error(
        400,
        'BadDigest',
        `The ${name.slice(15).toUpperCase()} you specified did not match the calculated checksum.`,
      );
    }
    checksums[name] = value;
  }
  return checksums;
}
