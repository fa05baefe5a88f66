import { createServer } from 'node:net';

const HOST = '127.0.0.1';

/** Listens on `port` (0: any free one) for a moment and returns the port. Rejects with the system's error code. */
function tryPort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const address = server.address();
      const got = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(got));
    });
  });
}

/**
 * A port that is free now: `port` itself, or any free one for 0. Throws an error that names the port, what it is for
 * and the option that chooses another, when it is taken.
 */
export async function freePort(port: number, what: string, option: string): Promise<number> {
  try {
    return await tryPort(port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${code})`;
    throw new Error(`Port ${port} for ${what} ${reason}. Choose another with ${option}, or 0 for any free port.`);
  }
}

/** Several different free ports at once. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await tryPort(0));
  return [...ports];
}
