import { connect, createServer, type Socket } from 'node:net';

export interface Gate {
  readonly url: string;
  /** Whether connections go through; those that are open end when it closes. */
  open: boolean;
  /** Connections that were turned away. */
  refused: number;
  close(): Promise<void>;
}

/** A way to a server on this machine that can be shut: what is behind it is away, as far as anybody can tell. */
export async function createGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let open = true;
  let refused = 0;
  const server = createServer((incoming) => {
    if (!open) {
      refused += 1;
      incoming.resetAndDestroy();
      return;
    }
    const outgoing = connect(Number(port), hostname);
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        incoming.destroy();
        outgoing.destroy();
      });
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${own}`,
    get open() {
      return open;
    },
    set open(value) {
      open = value;
      if (!value) for (const socket of sockets) socket.destroy();
    },
    get refused() {
      return refused;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
