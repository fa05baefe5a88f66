import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificate, makeAuthority, makeCertificate } from '../../../clickhouse/dist/certificates/make.js';
import { createUsageExporter } from '../../../exporter/dist/index.js';
import { usageRecord, usageRequest } from '../../support/otlp.ts';
import { collector, eventually, skipWithoutCollector } from '../../support/stack.ts';
import { type BareCollector, startBareCollector } from './bare-collector.ts';

// Who may send to the real Collector, by each of its receivers. ClickHouse is away: it acknowledges into its queue.
const scratch = mkdtempSync(join(tmpdir(), 'client-cost-auth-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));
const file = (name: string, text: string): string => {
  writeFileSync(join(scratch, name), text);
  return join(scratch, name);
};
const BODY = JSON.stringify(usageRequest('acme', 1));

/** Status of an OTLP/HTTP request, or the error's code. */
function post(url: string, options: RequestOptions = {}, body: string = BODY): Promise<number | string> {
  return new Promise((resolve) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(
      `${url}/v1/logs`,
      { method: 'POST', agent: false, ...options, headers: { 'content-type': 'application/json', ...options.headers } },
      (response: IncomingMessage) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end(body);
  });
}

/** gRPC status of an empty export; 0 is success. */
function grpc(
  port: number,
  authorization: string | undefined,
  tls?: Partial<Certificate> & { ca: string },
): Promise<number> {
  const identity = (value: Buffer) => value;
  const definition = {
    Export: {
      path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
      requestStream: false,
      responseStream: false,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  };
  const secure =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(
          Buffer.from(tls.ca),
          tls.key === undefined ? null : Buffer.from(tls.key),
          tls.cert === undefined ? null : Buffer.from(tls.cert),
        );
  const client = new (makeGenericClientConstructor(definition, 'Logs'))(`127.0.0.1:${port}`, secure);
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  return new Promise((resolve) => {
    client.Export!(Buffer.alloc(0), metadata, { deadline: Date.now() + 10_000 }, (error: { code: number } | null) => {
      client.close();
      resolve(error?.code ?? 0);
    });
  });
}
const [OK, UNAUTHENTICATED, UNAVAILABLE] = [0, 16, 14];

/** One event by our own exporter; what became of it within a moment. */
async function byExporter(url: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const spool = mkdtempSync(join(scratch, 'spool-'));
  const exporter = createUsageExporter(
    { resource: { attributes: {} } },
    { CLIENT_COST_OTLP_ENDPOINT: url, CLIENT_COST_SPOOL_DIR: spool, ...env },
  );
  const { attributes } = usageRecord('acme');
  const plain = Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] as string]));
  exporter.emit({ id: plain['usage.id']!, timeUnixNano: BigInt(Date.now()) * 1_000_000n, attributes: plain });
  const arrived = await exporter.flush(5_000);
  await exporter.shutdown(0);
  return arrived;
}

describe.skipIf(skipWithoutCollector)('otlp/token', () => {
  let running: BareCollector;
  beforeAll(async () => {
    running = await startBareCollector(collector!.path, scratch, { OTLP_RECEIVER: 'otlp/token', OTLP_TOKEN: 's3cret' });
  });
  afterAll(() => running?.stop());

  it('takes data with the token alone, by both protocols', async () => {
    const { http, grpcPort } = running;
    const as = (authorization: string) => post(http, { headers: { authorization } });
    expect(await post(http)).toBe(401);
    for (const wrong of [
      'Bearer wrong',
      'Bearer ',
      'Bearer',
      's3cret',
      'Bearer s3cre',
      'Bearer s3cret2',
      'Basic s3cret',
    ]) {
      expect(await as(wrong), wrong).toBe(401);
    }
    expect(await as('Bearer s3cret')).toBe(200);
    expect(await grpc(grpcPort, undefined)).toBe(UNAUTHENTICATED);
    expect(await grpc(grpcPort, 'Bearer ')).toBe(UNAUTHENTICATED);
    expect(await grpc(grpcPort, 'Bearer wrong')).toBe(UNAUTHENTICATED);
    expect(await grpc(grpcPort, 'Bearer s3cret')).toBe(OK);
  });

  it('takes the exporter with CLIENT_COST_OTLP_TOKEN or its file; without it nothing arrives and nothing is lost', async () => {
    expect(await byExporter(running.http, {})).toBe(false);
    expect(await byExporter(running.http, { CLIENT_COST_OTLP_TOKEN: 'wrong' })).toBe(false);
    expect(await byExporter(running.http, { CLIENT_COST_OTLP_TOKEN: 's3cret' })).toBe(true);
    expect(await byExporter(running.http, { CLIENT_COST_OTLP_TOKEN_FILE: file('token', 's3cret\n') })).toBe(true);
  });

  it('reads no body beyond its bound, packed or not, and has no token in its log', async () => {
    const headers = { authorization: 'Bearer s3cret' };
    const big = JSON.stringify(usageRequest('acme', 1)).replace('gpt-4o-mini', 'x'.repeat(21 * 1024 * 1024));
    expect(await post(running.http, { headers }, big)).not.toBe(200);
    const { gzipSync } = await import('node:zlib');
    const packed = gzipSync(big);
    expect(packed.length).toBeLessThan(100_000);
    const answer = await post(running.http, { headers: { ...headers, 'content-encoding': 'gzip' } }, packed as never);
    expect(answer).not.toBe(200);
    expect(running.log()).not.toContain('s3cret');
  });
});

describe.skipIf(skipWithoutCollector)('otlp/token without a token', () => {
  it.each([{}, { OTLP_TOKEN: '' }, { OTLP_TOKEN: ' ' }])('%j: everybody is refused', async (env) => {
    const running = await startBareCollector(collector!.path, scratch, { OTLP_RECEIVER: 'otlp/token', ...env });
    try {
      for (const authorization of ['Bearer ', 'Bearer', '', 'Bearer none']) {
        expect(await post(running.http, { headers: { authorization } }), authorization).toBe(401);
        expect(await grpc(running.grpcPort, authorization), authorization).toBe(UNAUTHENTICATED);
      }
    } finally {
      await running.stop();
    }
  });

  it('OTLP_TOKEN_FILE: several tokens, read again when the file changes', async () => {
    const tokens = file('tokens', 'old\nnew\n');
    const running = await startBareCollector(collector!.path, scratch, {
      OTLP_RECEIVER: 'otlp/token',
      OTLP_TOKEN_FILE: tokens,
    });
    const as = (token: string) => post(running.http, { headers: { authorization: `Bearer ${token}` } });
    try {
      expect([await as('old'), await as('new'), await as('other')]).toEqual([200, 200, 401]);
      file('tokens', 'new\n');
      await eventually('the old token is refused', async () => ((await as('old')) === 401 ? true : undefined));
      expect(await as('new')).toBe(200);
    } finally {
      await running.stop();
    }
  });
});

describe.skipIf(skipWithoutCollector)('otlp/tls and otlp/mtls', () => {
  const SERVER = { name: 'collector', use: 'server', hosts: ['127.0.0.1', 'localhost'] } as const;
  let ours: Certificate;
  let theirs: Certificate;
  let service: Certificate;
  let env: Record<string, string>;
  const put = (name: string, { cert, key }: Certificate) =>
    [file(`${name}.crt`, cert), file(`${name}.key`, key)] as const;

  beforeAll(async () => {
    [ours, theirs] = await Promise.all([makeAuthority('ours'), makeAuthority('theirs')]);
    service = await makeCertificate(ours, { name: 'service', use: 'client' });
    const [OTLP_TLS_CERT, OTLP_TLS_KEY] = put('collector', await makeCertificate(ours, SERVER));
    const [, OTLP_SELF_CERT, OTLP_SELF_KEY] = ['', ...put('service', service)];
    const ca = file('ca.crt', ours.cert);
    env = {
      OTLP_TLS_CERT,
      OTLP_TLS_KEY,
      OTLP_TLS_CLIENT_CA: ca,
      OTLP_TLS_RELOAD_INTERVAL: '1s',
      OTLP_TOKEN: 's3cret',
      OTLP_SELF_SCHEME: 'https',
      OTLP_SELF_CA: ca,
      OTLP_SELF_CERT: OTLP_SELF_CERT!,
      OTLP_SELF_KEY: OTLP_SELF_KEY!,
    };
  });
  const authorization = 'Bearer s3cret';

  it('otlp/tls: token and encryption; renewed files are taken up; its own metrics arrive', async () => {
    const running = await startBareCollector(collector!.path, scratch, { OTLP_RECEIVER: 'otlp/tls', ...env });
    const { http, https, grpcPort } = running;
    try {
      const trusted = { ca: ours.cert, headers: { authorization } };
      // Answered in plain words or cut off, by which comes first.
      expect([400, 'ECONNRESET', 'EPIPE']).toContain(await post(http, { headers: { authorization } }));
      expect(await post(https, { headers: { authorization } })).toMatch(/UNABLE_TO|SELF_SIGNED/);
      expect(await post(https, { ca: ours.cert })).toBe(401);
      expect(await post(https, trusted)).toBe(200);
      expect(await post(https, { ...trusted, maxVersion: 'TLSv1.2' })).toMatch(/ERR_SSL|EPROTO|ECONNRESET/);
      expect(await grpc(grpcPort, authorization)).toBe(UNAVAILABLE);
      expect(await grpc(grpcPort, undefined, { ca: ours.cert })).toBe(UNAUTHENTICATED);
      expect(await grpc(grpcPort, authorization, { ca: ours.cert })).toBe(OK);
      const given = { CLIENT_COST_OTLP_TOKEN: 's3cret', OTEL_EXPORTER_OTLP_CERTIFICATE: env.OTLP_TLS_CLIENT_CA! };
      expect(await byExporter(https, given)).toBe(true);
      expect(await byExporter(https, { CLIENT_COST_OTLP_TOKEN: 's3cret' })).toBe(false);
      await eventually('the Collector’s own metrics came through its receiver', async () => {
        const page = await (await fetch(running.metricsUrl)).text();
        return /otelcol_receiver_accepted_metric_points\{[^}]*\} [1-9]/.test(page) ? true : undefined;
      });
      // Another authority's certificate in the same files: whoever trusts ours does not talk to it.
      const before = await post(https, { ca: theirs.cert, headers: { authorization } });
      expect(before).toMatch(/UNABLE_TO|SELF_SIGNED/);
      put('collector', await makeCertificate(theirs, SERVER));
      await eventually('the new certificate', async () =>
        (await post(https, { ca: theirs.cert, headers: { authorization } })) === 200 ? true : undefined,
      );
      put('collector', await makeCertificate(ours, { ...SERVER, from: new Date(0), to: new Date(86_400_000) }));
      await eventually('the one that has run out', async () =>
        (await post(https, trusted)) === 'CERT_HAS_EXPIRED' ? true : undefined,
      );
      put('collector', await makeCertificate(ours, { ...SERVER, hosts: ['elsewhere.example'] }));
      await eventually('the one of another host', async () =>
        (await post(https, trusted)) === 'ERR_TLS_CERT_ALTNAME_INVALID' ? true : undefined,
      );
      put('collector', await makeCertificate(ours, SERVER));
      await eventually('ours again', async () => ((await post(https, trusted)) === 200 ? true : undefined));
    } finally {
      await running.stop();
    }
  });

  it('otlp/mtls: a client certificate of our authority, and no token', async () => {
    const running = await startBareCollector(collector!.path, scratch, { OTLP_RECEIVER: 'otlp/mtls', ...env });
    const { https, grpcPort } = running;
    try {
      const stranger = await makeCertificate(theirs, { name: 'service', use: 'client' });
      const late = await makeCertificate(ours, {
        name: 'service',
        use: 'client',
        from: new Date(0),
        to: new Date(1e9),
      });
      const as = ({ cert, key }: Certificate) => post(https, { ca: ours.cert, cert, key });
      expect(typeof (await post(https, { ca: ours.cert, headers: { authorization } }))).toBe('string');
      expect(typeof (await as(stranger))).toBe('string');
      expect(typeof (await as(late))).toBe('string');
      expect(await as(service)).toBe(200);
      expect(await grpc(grpcPort, authorization, { ca: ours.cert })).toBe(UNAVAILABLE);
      expect(await grpc(grpcPort, undefined, { ca: ours.cert, ...service })).toBe(OK);
      const [cert, key] = put('client', service);
      const given = {
        OTEL_EXPORTER_OTLP_CERTIFICATE: env.OTLP_TLS_CLIENT_CA!,
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: cert,
        OTEL_EXPORTER_OTLP_CLIENT_KEY: key,
      };
      expect(await byExporter(https, given)).toBe(true);
      expect(await byExporter(https, { OTEL_EXPORTER_OTLP_CERTIFICATE: env.OTLP_TLS_CLIENT_CA! })).toBe(false);
    } finally {
      await running.stop();
    }
  });
});
