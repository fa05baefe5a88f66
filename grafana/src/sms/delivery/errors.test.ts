import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { passes, resultOf, describe as said } from './errors.ts';
import { twilioApi } from './twilio.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function resultAt(apiUrl: string, timeoutMs = 2_000): Promise<ReturnType<typeof resultOf>> {
  const from = '+15005550006';
  const api = twilioApi({ accountSid: `AC${'a'.repeat(32)}`, authToken: 'b', from, apiUrl, timeoutMs });
  const error = await api.create('+14035550101', 'x', undefined).then(
    () => new Error('answered'),
    (reason: unknown) => reason,
  );
  return resultOf(error);
}

async function listen<S extends Server>(server: S): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('as the package reports it', () => {
  test('nobody listens: surely not sent, by one address or several', async () => {
    const port = await listen(createServer());
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await resultAt(`http://127.0.0.1:${port}`)).toMatchObject({ kind: 'later', account: false });
    expect(await resultAt(`http://localhost:${port}`)).toMatchObject({ kind: 'later', account: false });
  });

  test('a name that nobody knows: surely not sent', async () => {
    expect(await resultAt('http://no-such-host.invalid')).toMatchObject({
      kind: 'later',
      reason: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
    });
  });

  test('a connection that ends once the request was written: unknown', async () => {
    const port = await listen(createServer((socket) => socket.once('data', () => socket.resetAndDestroy())));
    expect(await resultAt(`http://127.0.0.1:${port}`)).toMatchObject({ kind: 'unknown' });
  });

  test('an answer that is cut off: unknown', async () => {
    const port = await listen(
      createServer((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{"sid":')),
      ),
    );
    expect(await resultAt(`http://127.0.0.1:${port}`)).toMatchObject({ kind: 'unknown' });
  });

  test('somebody who cannot do TLS: nothing that we are sure of', async () => {
    const port = await listen(createTlsServer({}, () => {}));
    expect(await resultAt(`https://127.0.0.1:${port}`)).toMatchObject({ kind: 'unknown' });
  });
});

test.each([
  [{ code: 'EHOSTUNREACH', syscall: 'connect' }, 'later'],
  [{ code: 'EHOSTUNREACH', syscall: 'read' }, 'unknown'],
  [{ code: 'ETIMEDOUT', cause: { errors: [{ syscall: 'connect' }, { syscall: 'connect' }] } }, 'later'],
  [{ code: 'ETIMEDOUT', cause: { syscall: 'write' } }, 'unknown'],
  [{ code: 'ECONNABORTED', message: 'timeout of 10000ms exceeded' }, 'unknown'],
  [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'later'],
  [{ status: 400, code: 21211, message: 'x' }, 'refused'],
  [{ status: 400, code: 21610, message: 'x' }, 'refused'],
  [{ status: 401, code: 20003, message: 'x' }, 'later'],
  [{ status: 404, code: 20404, message: 'x' }, 'later'],
  [{ status: 201, code: 'ERR_BAD_RESPONSE', message: 'aborted' }, 'unknown'],
  [{ status: 307, message: 'x' }, 'later'],
  [{ status: 400, message: 'no code' }, 'later'],
  [{ status: 408, code: 1, message: 'x' }, 'unknown'],
  [{ status: 500, code: 20500, message: 'x' }, 'unknown'],
  [{ status: 504, message: 'x' }, 'unknown'],
  [new SyntaxError('Unexpected token <'), 'unknown'],
  [undefined, 'unknown'],
])('%o is %s', (error, kind) => {
  expect(resultOf(error).kind).toBe(kind);
});

test('what is said names the cause, never a number', () => {
  const refused = resultOf({ status: 400, code: 21999, message: "The 'To' number +1 (403) 555-0101 is not good" });
  expect(refused).toMatchObject({ reason: "21999: The 'To' number … is not good" });
  expect(said('30007')).toBe('30007: filtered by the carrier');
  expect(said('39999')).toBe('39999: see https://www.twilio.com/docs/errors/39999');
  expect(said(undefined)).toBe('no reason given');
});

test('what passes', () => {
  expect(['30001', '30003', '30008', undefined].every(passes)).toBe(true);
  expect(['30004', '30005', '30006', '30007', '21610'].some(passes)).toBe(false);
});
