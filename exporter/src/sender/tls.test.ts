import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Certificate, makeAuthority, makeCertificate } from '../../../clickhouse/src/certificates/make.ts';
import { readExporterConfig } from '../config.ts';
import { createTransport } from '../transport.ts';
import type { Transport } from '../types.ts';

let ours: Certificate;
let theirs: Certificate;
let server: Certificate;
let client: Certificate;
const dir = mkdtempSync(join(tmpdir(), 'client-cost-tls-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const LOCAL = { name: 'collector', use: 'server', hosts: ['127.0.0.1', 'localhost'] } as const;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([makeAuthority('ours'), makeAuthority('theirs')]);
  server = await makeCertificate(ours, LOCAL);
  client = await makeCertificate(ours, { name: 'service', use: 'client' });
});
const open: Server[] = [];
const transports: Transport[] = [];
afterEach(async () => {
  for (const transport of transports.splice(0)) transport.close();
  for (const one of open.splice(0)) {
    one.closeAllConnections();
    await new Promise((resolve) => one.close(resolve));
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A receiver with TLS; `token` is what it wants to be shown, and may be changed. */
async function receiver(own: Certificate, options: { clientAuthority?: string; state?: { token: string } } = {}) {
  const https = createServer(
    {
      ...own,
      ...(options.clientAuthority === undefined
        ? {}
        : { ca: options.clientAuthority, requestCert: true, rejectUnauthorized: true }),
    },
    (request, response) => {
      const { state } = options;
      request.resume().on('end', () => {
        const status = state !== undefined && request.headers.authorization !== `Bearer ${state.token}` ? 401 : 200;
        response
          .writeHead(status, { 'content-type': 'application/json', 'x-clickhouse-summary': '{}' })
          .end(status === 200 && !request.url?.includes('query=') ? '{}' : '');
      });
    },
  );
  open.push(https);
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  return { https, url: `https://127.0.0.1:${(https.address() as AddressInfo).port}` };
}

function transport(env: NodeJS.ProcessEnv): Transport {
  const made = createTransport(readExporterConfig(env));
  transports.push(made);
  return made;
}
const send = (to: Transport) =>
  to.send('{"resource":{"attributes":[]},"scope":{}}', [
    Buffer.from('{"timeUnixNano":"1","severityNumber":9,"attributes":[]}'),
  ]);

test('a receiver of our own authority is believed; without its certificate it is not', async () => {
  const { url } = await receiver(server);
  const ca = file('ca.crt', ours.cert);
  expect(await send(transport({ CLIENT_COST_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_CERTIFICATE: ca }))).toEqual({
    kind: 'ok',
  });
  expect(await send(transport({ CLIENT_COST_OTLP_ENDPOINT: url }))).toMatchObject({
    kind: 'retry',
    reason: expect.stringMatching(/unable to (verify|get)/i),
  });
});

test.each([
  ['of another authority', () => makeCertificate(theirs, LOCAL), /unable to (verify|get)/i],
  [
    'that has run out',
    () => makeCertificate(ours, { ...LOCAL, from: new Date(0), to: new Date(86_400_000) }),
    /expired/,
  ],
  [
    'of another host',
    () => makeCertificate(ours, { ...LOCAL, hosts: ['elsewhere.example'] }),
    /does not match certificate/,
  ],
])('a certificate %s is refused, and the events wait', async (_, make, reason) => {
  const { url } = await receiver(await make());
  const ca = file('ca.crt', ours.cert);
  expect(await send(transport({ CLIENT_COST_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_CERTIFICATE: ca }))).toMatchObject({
    kind: 'retry',
    reason: expect.stringMatching(reason),
  });
});

test('client certificates: none, of another authority, the right one', async () => {
  const { url } = await receiver(server, { clientAuthority: ours.cert });
  const base = { CLIENT_COST_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_CERTIFICATE: file('ca.crt', ours.cert) };
  const stranger = await makeCertificate(theirs, { name: 'service', use: 'client' });
  const as = ({ cert, key }: Certificate) => ({
    ...base,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file('client.crt', cert),
    OTEL_EXPORTER_OTLP_CLIENT_KEY: file('client.key', key),
  });
  expect(await send(transport(base))).toMatchObject({ kind: 'retry' });
  expect(await send(transport(as(stranger)))).toMatchObject({ kind: 'retry' });
  expect(await send(transport(as(client)))).toEqual({ kind: 'ok' });
});

test('files renewed while it runs are taken up after the next refusal: authority, client certificate, token', async () => {
  const state = { token: 'first' };
  const { url } = await receiver(server, { clientAuthority: ours.cert, state });
  const stranger = await makeCertificate(theirs, { name: 'service', use: 'client' });
  const to = transport({
    CLIENT_COST_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_CERTIFICATE: file('ca.crt', theirs.cert),
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file('client.crt', stranger.cert),
    OTEL_EXPORTER_OTLP_CLIENT_KEY: file('client.key', stranger.key),
    CLIENT_COST_OTLP_TOKEN_FILE: file('token', 'first\n'),
  });
  expect(await send(to)).toMatchObject({ kind: 'retry' });
  file('ca.crt', ours.cert);
  file('client.crt', client.cert);
  file('client.key', client.key);
  // This try still has what was read before; the one after it has the new files.
  await send(to);
  expect(await send(to)).toEqual({ kind: 'ok' });
  state.token = 'second';
  file('token', 'second\n');
  expect(await send(to)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('401') });
  expect(await send(to)).toEqual({ kind: 'ok' });
  // A file that is gone for a moment changes nothing.
  rmSync(join(dir, 'token'));
  state.token = 'third';
  expect(await send(to)).toMatchObject({ kind: 'retry' });
  file('token', 'third\n');
  expect(await send(to)).toMatchObject({ kind: 'retry' });
  expect(await send(to)).toEqual({ kind: 'ok' });
});

test('the direct sender believes the authority of CLIENT_COST_CLICKHOUSE_CERTIFICATE', async () => {
  const { url } = await receiver(server);
  const env = { CLIENT_COST_EXPORTER: 'clickhouse', CLIENT_COST_CLICKHOUSE_URL: url };
  expect(await send(transport(env))).toMatchObject({ kind: 'retry' });
  const ca = file('clickhouse-ca.crt', ours.cert);
  expect(await send(transport({ ...env, CLIENT_COST_CLICKHOUSE_CERTIFICATE: ca }))).toEqual({ kind: 'ok' });
});
