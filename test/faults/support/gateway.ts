import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the way to a server does with what goes through it. */
export type GatewayMode =
  | { readonly kind: 'pass' }
  /** Refuses and resets, connections that are open too. */
  | { readonly kind: 'cut' }
  /** Requests go through at this rate. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Takes everything, passes nothing on, never answers. */
  | { readonly kind: 'halfOpen' }
  /** Passes the request on, waits for its answer, and resets instead of giving it. */
  | { readonly kind: 'lostAnswer' }
  /** Answers itself and passes nothing on. */
  | GatewayAnswer
  /** Passes the request on and gives another answer than came. */
  | (Omit<GatewayAnswer, 'kind'> & { readonly kind: 'passThenAnswer' });

export interface GatewayAnswer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Gateway {
  readonly url: string;
  readonly mode: GatewayMode;
  /** Requests that began, whatever became of them. */
  readonly requests: number;
  /** Another mode from now on; `choose` (per request) wins over it while it is given. */
  set(mode: GatewayMode, choose?: (request: IncomingMessage) => GatewayMode): void;
  close(): Promise<void>;
}

/** An HTTP proxy on loopback in front of `target` that can be told to fail in the ways networks and servers do. */
export async function startGateway(target: string): Promise<Gateway> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let mode: GatewayMode = { kind: 'pass' };
  let choose: ((request: IncomingMessage) => GatewayMode) | undefined;
  let requests = 0;

  const forward = (incoming: IncomingMessage, answered: (response: IncomingMessage) => void, failed: () => void) => {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ hostname, port, method, path, headers: { ...headers, host: `${hostname}:${port}` } });
    outgoing.on('response', answered);
    outgoing.on('error', failed);
    incoming.on('aborted', () => outgoing.destroy());
    return outgoing;
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { socket } = incoming;
    const now = choose?.(incoming) ?? mode;
    const reset = (): void => {
      socket.resetAndDestroy();
    };
    switch (now.kind) {
      case 'cut':
        return reset();
      case 'halfOpen':
        return void incoming.resume();
      case 'answer':
        await drain(incoming);
        return write(response, now);
      case 'lostAnswer': {
        const outgoing = forward(incoming, (answer) => void drain(answer).then(reset), reset);
        return void incoming.pipe(outgoing);
      }
      case 'passThenAnswer': {
        const outgoing = forward(incoming, (answer) => void drain(answer).then(() => write(response, now)), reset);
        return void incoming.pipe(outgoing);
      }
      case 'slow':
      case 'pass': {
        const pass = (answer: IncomingMessage) => {
          response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
          answer.pipe(response);
          answer.on('aborted', reset);
        };
        const outgoing = forward(incoming, pass, reset);
        if (now.kind === 'pass') return void incoming.pipe(outgoing);
        for await (const chunk of incoming as AsyncIterable<Buffer>) {
          await sleep((chunk.length / now.bytesPerSecond) * 1000);
          if (outgoing.destroyed) return;
          outgoing.write(chunk);
        }
        outgoing.end();
      }
    }
  };

  const server = createServer((incoming, response) => {
    requests += 1;
    incoming.on('error', () => {});
    response.on('error', () => {});
    handle(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (mode.kind === 'cut' && choose === undefined) socket.resetAndDestroy();
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${own}`,
    get mode() {
      return mode;
    },
    get requests() {
      return requests;
    },
    set(next, chooser) {
      mode = next;
      choose = chooser;
      // A half-open connection does not come back to life; a cut one is reset.
      for (const socket of sockets) if (next.kind === 'cut') socket.resetAndDestroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function drain(stream: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    stream.resume();
    stream.on('end', resolve);
    stream.on('close', resolve);
  });
}

function write(response: ServerResponse, { status, headers = {}, body = '' }: Omit<GatewayAnswer, 'kind'>): void {
  response.writeHead(status, headers);
  response.end(body);
}
