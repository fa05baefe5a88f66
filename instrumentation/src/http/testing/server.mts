import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

/** One request as it arrived. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Which connection it came on. */
  readonly connection: number;
}

export interface TestServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly arrived: Arrived[];
  close(): Promise<void>;
}

const ENCODERS: Readonly<Record<string, (text: string) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  'deflate-raw': deflateRawSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

/** A server that answers by path: `/json`, `/gzip`, `/chunks`, `/huge`, `/redirect`, `/status/429`, … */
export async function createTestServer(): Promise<TestServer> {
  const arrived: Arrived[] = [];
  let connections = 0;
  const numbers = new WeakMap<object, number>();
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part) => {
      body += part;
    });
    request.on('error', () => {});
    request.on('end', () => {
      const { method = '', url = '', headers, socket } = request;
      arrived.push({ method, url, headers, body, connection: numbers.get(socket) ?? 0 });
      answer(request, response, body);
    });
  });
  server.on('connection', (socket) => numbers.set(socket, ++connections));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    port,
    arrived,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const url = new URL(request.url ?? '/', 'http://test');
  const [, kind = '', argument = ''] = url.pathname.split('/');
  const json = JSON.stringify({
    kind,
    usage: { pages: Number(url.searchParams.get('pages') ?? 3) },
    echo: body.length,
  });
  response.setHeader('content-type', 'application/json');
  response.setHeader('x-request-id', `req-${url.searchParams.get('id') ?? 'one'}`);
  response.sendDate = false;
  if (kind in ENCODERS) {
    response.setHeader('content-encoding', kind.replace('-raw', ''));
    response.end(ENCODERS[kind]!(json));
  } else if (kind === 'chunks') void chunks(response, json);
  else if (kind === 'huge') response.end(JSON.stringify({ usage: { pages: 3 }, text: 'x'.repeat(5_000_000) }));
  else if (kind === 'bomb') {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(JSON.stringify({ usage: { pages: 3 }, text: 'x'.repeat(5_000_000) })));
  } else if (kind === 'status') {
    response.statusCode = Number(argument);
    response.end(response.statusCode === 204 || response.statusCode === 304 ? undefined : json);
  } else if (kind === 'redirect') {
    response.statusCode = Number(argument || '302');
    response.setHeader('location', '/json?pages=8');
    response.end('moved');
  } else if (kind === 'text') response.end('<html>not JSON</html>');
  else if (kind === 'empty') response.end();
  else if (kind === 'garbled') {
    response.setHeader('content-encoding', 'gzip');
    response.end('this is not gzip');
  } else if (kind === 'strange') {
    response.setHeader('content-encoding', 'x-strange');
    response.end(json);
  } else if (kind === 'reset') request.socket.resetAndDestroy();
  else if (kind === 'close') request.socket.end();
  else if (kind === 'half') {
    response.setHeader('content-length', 10_000);
    response.write('{"usage":');
    setTimeout(() => request.socket.destroy(), 20);
  } else if (kind === 'hang') response.write(argument === 'body' ? '{"usage":' : '');
  else if (kind === 'silent') return;
  else if (kind === 'early') {
    response.writeEarlyHints({ link: '</x>; rel=preload' });
    response.end(json);
  } else response.end(json);
}

async function chunks(response: ServerResponse, text: string): Promise<void> {
  for (let i = 0; i < text.length; i += 7) {
    response.write(text.slice(i, i + 7));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  response.end();
}
