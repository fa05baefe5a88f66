import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One delivery as it was sent. */
export interface Delivery {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export interface Tee {
  /** To be used in place of `target`. */
  readonly url: string;
  /** Every delivery that the target acknowledged. */
  readonly deliveries: Delivery[];
  close(): Promise<void>;
}

const KEPT = ['content-type', 'content-encoding'];

/** A proxy in front of an OTLP/HTTP receiver that keeps what went through, so that it can be delivered once more. */
export async function teeBefore(target: string): Promise<Tee> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const delivery = { path: request.url ?? '/', headers: kept(request.headers), body: Buffer.concat(parts) };
      deliver(target, delivery).then(
        async (answer) => {
          const body = Buffer.from(await answer.arrayBuffer());
          if (answer.ok) deliveries.push(delivery);
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
          response.end(body);
        },
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliveries,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Sends a kept delivery to a receiver. */
export function deliver(target: string, delivery: Delivery): Promise<Response> {
  const { path, headers, body } = delivery;
  return fetch(new URL(path, target), { method: 'POST', headers, body: new Uint8Array(body) });
}

function kept(headers: IncomingHttpHeaders): Record<string, string> {
  const pairs = KEPT.map((name) => [name, headers[name]]).filter((pair) => pair[1] !== undefined);
  return Object.fromEntries(pairs) as Record<string, string>;
}
