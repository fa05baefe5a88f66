import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

/** One OTLP/JSON log request as it came, and what can be done with it. */
export interface Exchange {
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly socket: Socket;
  /** Sends `body` (default: the request's) on and gives what came back; undefined when nothing did. */
  pass(body?: Buffer): Promise<{ status: number; body: Buffer } | undefined>;
}

export type Behaviour = (exchange: Exchange) => unknown;

export interface Front {
  readonly url: string;
  /** Requests that met the present behaviour. */
  readonly met: number;
  set(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** What a well-behaved way does. */
export const passOn: Behaviour = async ({ pass, response, socket }) => {
  const answer = await pass();
  if (answer === undefined) return socket.resetAndDestroy();
  return response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
};

/** Stands between a service and the Collector at `target` and behaves as it is told, down to the bytes of the answer. */
export async function startFront(target: string): Promise<Front> {
  let behaviour = passOn;
  let met = 0;
  const forward = (incoming: IncomingMessage, body: Buffer) =>
    new Promise<{ status: number; body: Buffer } | undefined>((resolve) => {
      const headers = { ...incoming.headers, 'content-length': String(body.length) };
      const outgoing = send(new URL(incoming.url!, target), { method: 'POST', headers, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => resolve({ status: answer.statusCode!, body: Buffer.concat(chunks) }));
        answer.on('error', () => resolve(undefined));
      });
      outgoing.on('error', () => resolve(undefined));
      outgoing.end(body);
    });
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => {});
    response.on('error', () => {});
    incoming.socket.setMaxListeners(0).on('error', () => {});
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      // Spans and metrics of the service are not what is watched here.
      const now = incoming.url === '/v1/logs' && body.includes('client_cost.usage') ? behaviour : passOn;
      if (now === behaviour) met++;
      const pass = (other = body) => forward(incoming, other);
      void Promise.resolve(now({ body, response, socket: incoming.socket, pass })).catch(() =>
        incoming.socket.destroy(),
      );
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get met() {
      return met;
    },
    set(next) {
      behaviour = next;
      met = 0;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const answer =
  (status: number, body: string | Buffer = '', headers: Record<string, string | number> = {}): Behaviour =>
  ({ response }) =>
    response.writeHead(status, headers).end(body);
const raw =
  (bytes: string): Behaviour =>
  ({ socket }) =>
    socket.end(bytes);
const OK = '{"partialSuccess":{}}';
const LOGIN = '<!doctype html><html><body><form action="/login">Please log in</form></body></html>';
const HTML = { 'content-type': 'text/html' };
const JSON_TYPE = { 'content-type': 'application/json' };
const YEAR = 365 * 86_400;

interface Logs {
  resourceLogs: { scopeLogs: { logRecords: { attributes: { key: string; value: { stringValue?: string } }[] }[] }[] }[];
}
const records = (logs: Logs) => logs.resourceLogs.flatMap((one) => one.scopeLogs.flatMap((scope) => scope.logRecords));

/** Takes all but the first `n` events, and says that it refused `said`. */
const partial =
  (n: number, said: unknown): Behaviour =>
  async ({ body, pass, response, socket }) => {
    const logs = JSON.parse(body.toString()) as Logs;
    let left = n;
    for (const one of logs.resourceLogs)
      for (const scope of one.scopeLogs) scope.logRecords = scope.logRecords.filter(() => left-- <= 0);
    if (records(logs).length > 0 && (await pass(Buffer.from(JSON.stringify(logs)))) === undefined)
      return socket.resetAndDestroy();
    const partialSuccess = { rejectedLogRecords: said, errorMessage: 'refused in a test' };
    return response.writeHead(200, JSON_TYPE).end(JSON.stringify({ partialSuccess }));
  };

/** Refuses each request that holds one certain event, with this status, for as long as it stands. */
function refusing(status: number): Behaviour {
  let victim: string | undefined;
  return (exchange) => {
    const ids = records(JSON.parse(exchange.body.toString()) as Logs).map(
      ({ attributes }) => attributes.find(({ key }) => key === 'usage.id')?.value.stringValue,
    );
    victim ??= ids[0];
    return ids.includes(victim) ? answer(status, 'one of these is bad')(exchange) : passOn(exchange);
  };
}

export interface Way {
  readonly name: string;
  /** Made anew for each try. */
  readonly behaviour: () => Behaviour;
  /** It asks for minutes of patience: the next process of the service has none of it. */
  readonly patience?: boolean;
  /** One event is refused for good: wait until it is aside. */
  readonly aside?: boolean;
}
const way = (name: string, behaviour: Behaviour, more: Partial<Way> = {}): Way => ({
  name,
  behaviour: () => behaviour,
  ...more,
});

/** Every way an address can misbehave. */
export const WAYS: readonly Way[] = [
  way('reset before the answer', ({ socket }) => socket.resetAndDestroy()),
  way('accepted, and the answer lost', async ({ pass, socket }) => {
    await pass();
    socket.resetAndDestroy();
  }),
  way('accepted, and reset in the middle of the answer', async ({ pass, socket }) => {
    await pass();
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n{"partial');
    await sleep(20);
    socket.resetAndDestroy();
  }),
  way('half-open', () => {}),
  way('an answer byte by byte', async ({ socket }) => {
    for (const byte of `HTTP/1.1 200 OK\r\nx-padding: ${'x'.repeat(4000)}\r\n`) {
      if (socket.destroyed) return;
      socket.write(byte);
      await sleep(20);
    }
  }),
  way('429', answer(429)),
  way('429, Retry-After 1', answer(429, '', { 'retry-after': '1' })),
  way('429, Retry-After a date', ({ response }) =>
    response.writeHead(429, { 'retry-after': new Date(Date.now() + 1000).toUTCString() }).end(),
  ),
  way('429, Retry-After a date gone by', answer(429, '', { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' })),
  way('429, Retry-After negative', answer(429, '', { 'retry-after': '-30' })),
  way('429, Retry-After nonsense', answer(429, '', { 'retry-after': 'soon; NaN' })),
  way('429, Retry-After a year', answer(429, '', { 'retry-after': String(YEAR) }), { patience: true }),
  way('503, Retry-After 1e300', answer(503, '', { 'retry-after': '1'.repeat(300) }), { patience: true }),
  way('503', answer(503, 'memory')),
  way('500', answer(500, 'oops')),
  way('502 with a page', answer(502, '<html><h1>502 Bad Gateway</h1></html>', HTML)),
  way('200 with garbage', answer(200, Buffer.from([0, 1, 2, 255, 254]))),
  way('200 with a login page', answer(200, LOGIN, HTML)),
  way('200 with a login page called JSON', answer(200, LOGIN, JSON_TYPE)),
  way('200 with an error in JSON', answer(200, '{"error":"not logged in"}', JSON_TYPE)),
  way('200 with nothing', answer(200)),
  way('200 with half an answer', answer(200, '{"partialSuc', JSON_TYPE)),
  way('204', answer(204)),
  way('202', answer(202, '{}', JSON_TYPE)),
  way('301 elsewhere', answer(301, '', { location: 'http://127.0.0.1:9/' })),
  way('302 to a login page', answer(302, '', { location: '/login' })),
  way('307 to itself', answer(307, '', { location: '/v1/logs' })),
  way('401', answer(401)),
  way('403', answer(403, 'no')),
  way('404', answer(404, 'page not found')),
  way('400 to everything', answer(400, 'bad')),
  way('413 to everything', answer(413, 'too large')),
  way('200 with 100 MB', ({ response, socket }) => {
    response.writeHead(200, JSON_TYPE);
    const chunk = Buffer.alloc(1_000_000, ' ');
    let left = 100;
    const more = (): void => {
      while (left-- > 0 && !socket.destroyed) if (!response.write(chunk)) return void response.once('drain', more);
      response.end(OK);
    };
    more();
  }),
  way(
    'a content-length too long',
    raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n${OK}`),
  ),
  way(
    'a content-length too short',
    raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n${OK}`),
  ),
  way('two content-lengths', raw(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 21\r\n\r\n${OK}`)),
  way('no HTTP at all', raw('SSH-2.0-OpenSSH_9.6\r\n')),
  way('headers without end', raw(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(200_000)}`)),
  way('accepted, answered in HTTP/1.0 and closed', async ({ pass, socket }) => {
    const got = await pass();
    socket.end(`HTTP/1.0 ${got?.status ?? 503} x\r\ncontent-type: application/json\r\n\r\n${got?.body ?? ''}`);
  }),
  way('accepted, answered in gzip', async ({ pass, response }) => {
    const got = await pass();
    response.writeHead(got?.status ?? 503, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(gzipSync(got?.body ?? ''));
  }),
  way('gzip that is none', answer(200, OK, { ...JSON_TYPE, 'content-encoding': 'gzip' })),
  way('partial success: refused 1', partial(1, '1')),
  way('partial success: refused 3', partial(3, 3)),
  way('partial success: refused more than sent', partial(Number.MAX_SAFE_INTEGER, '9999999')),
  way('partial success: refused 0, with a message', partial(0, '0')),
  way('partial success: refused a word', answer(200, '{"partialSuccess":{"rejectedLogRecords":"some"}}', JSON_TYPE)),
  way('partial success: malformed', answer(200, '{"partialSuccess":[1,2]}', JSON_TYPE)),
  { name: '400 for one event', behaviour: () => refusing(400), aside: true },
  { name: '413 for one event', behaviour: () => refusing(413), aside: true },
];
