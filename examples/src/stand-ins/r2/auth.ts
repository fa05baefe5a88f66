import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { R2Error, type R2Request, type R2StandInOptions } from './types.ts';

/**
 * Lets a request in as R2 does: 400 without a signature, 401 for a wrong key, 403 for a wrong signature or no right. The signature (AWS version 4,
 * in the header or in a presigned URL) is computed anew where the stand-in has a secret.
 */
export function authorize(request: R2Request, options: R2StandInOptions): void {
  const given = signatureOf(request);
  if (given === undefined) throw new R2Error(400, 'InvalidArgument', 'Authorization');
  const { accessKeyId, secretAccessKey } = options;
  if (accessKeyId !== undefined && given.accessKeyId !== accessKeyId) {
    throw new R2Error(401, 'Unauthorized', 'Unauthorized');
  }
  if (given.expires !== undefined && given.expires < (options.now?.() ?? new Date())) {
    throw new R2Error(403, 'ExpiredRequest', 'Request has expired');
  }
  if (accessKeyId !== undefined && secretAccessKey !== undefined && !matches(request, given, secretAccessKey)) {
    const message =
      'The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.';
    throw new R2Error(403, 'SignatureDoesNotMatch', message);
  }
  if (options.denied?.includes(request.bucket)) throw new R2Error(403, 'AccessDenied', 'Access Denied');
}

interface Signature {
  readonly accessKeyId: string;
  /** `20261122/auto/s3/aws4_request` */
  readonly scope: string;
  readonly time: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly payloadHash: string;
  readonly expires?: Date;
}

function signatureOf({ headers, query }: R2Request): Signature | undefined {
  const payload = headers['x-amz-content-sha256'];
  const header =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (header !== null) {
    const [, accessKeyId = '', scope = '', signedHeaders = '', signature = ''] = header;
    const time = String(headers['x-amz-date'] ?? '');
    return { accessKeyId, scope, time, signedHeaders, signature, payloadHash: String(payload ?? 'UNSIGNED-PAYLOAD') };
  }
  const credential = query.get('X-Amz-Credential');
  if (credential === null) return undefined;
  const slash = credential.indexOf('/');
  const time = query.get('X-Amz-Date') ?? '';
  const made = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  return {
    accessKeyId: credential.slice(0, slash),
    scope: credential.slice(slash + 1),
    time,
    signedHeaders: query.get('X-Amz-SignedHeaders') ?? '',
    signature: query.get('X-Amz-Signature') ?? '',
    payloadHash: query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
    expires: new Date(made + Number(query.get('X-Amz-Expires') ?? 0) * 1_000),
  };
}

function matches(request: R2Request, given: Signature, secret: string): boolean {
  const canonicalQuery = [...request.query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const headers = given.signedHeaders
    .split(';')
    .map(
      (name) =>
        `${name}:${String(request.headers[name] ?? '')
          .trim()
          .replace(/\s+/g, ' ')}\n`,
    )
    .join('');
  const canonical = [request.method, request.path, canonicalQuery, headers, given.signedHeaders, given.payloadHash];
  const hash = createHash('sha256').update(canonical.join('\n')).digest('hex');
  const text = ['AWS4-HMAC-SHA256', given.time, given.scope, hash].join('\n');
  let key: Buffer | string = `AWS4${secret}`;
  for (const part of given.scope.split('/')) key = createHmac('sha256', key).update(part).digest();
  const expected = createHmac('sha256', key).update(text).digest();
  const signature = Buffer.from(given.signature, 'hex');
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
