import type { Duplex, Transform } from 'node:stream';
import zlib from 'node:zlib';
import { ClickHouseError, ErrorCode } from './errors.ts';

/** A decoder for a request's Content-Encoding, or undefined for a plain body. @throws ClickHouseError 48 for an unknown one. */
export function decoder(encoding: string | undefined): (Duplex & Transform) | undefined {
  switch ((encoding ?? '').trim().toLowerCase()) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      return zlib.createZstdDecompress();
  }
  throw new ClickHouseError(
    ErrorCode.NOT_IMPLEMENTED,
    `Unknown compression method ${JSON.stringify(encoding?.slice(0, 50))} in Content-Encoding; the embedded engine reads gzip, deflate, br and zstd`,
  );
}

export type Encoding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** The encoding of the answer: the client's most wanted one that is known; undefined for a plain answer. */
export function negotiate(acceptEncoding: string | undefined): Encoding | undefined {
  let best: Encoding | undefined;
  let bestQuality = 0;
  for (const part of (acceptEncoding ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    const q = parameters.find((piece) => piece.startsWith('q='));
    const quality = q === undefined ? 1 : Number(q.slice(2));
    const known = name === 'x-gzip' ? 'gzip' : name;
    if (known !== 'gzip' && known !== 'deflate' && known !== 'br' && known !== 'zstd') continue;
    if (quality > bestQuality) [best, bestQuality] = [known, quality];
  }
  return best;
}

/** An encoder that favours speed: the peer is on this machine. */
export function encoder(encoding: Encoding): Duplex & Transform {
  switch (encoding) {
    case 'gzip':
      return zlib.createGzip({ level: 1 });
    case 'deflate':
      return zlib.createDeflate({ level: 1 });
    case 'br':
      return zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } });
    case 'zstd':
      return zlib.createZstdCompress({ params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } });
  }
}
