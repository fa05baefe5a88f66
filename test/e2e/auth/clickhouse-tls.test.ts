import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificate, makeAuthority, makeCertificate } from '../../../clickhouse/dist/certificates/make.js';
import { startCollector } from '../../../clickhouse/dist/stack/index.js';
import { createUsageExporter } from '../../../exporter/dist/index.js';
import { type Accounts, startAccounts } from '../../support/accounts.ts';
import { usageRecord, usageRequest } from '../../support/otlp.ts';
import { collector, eventually, queryRows, sendOtlp, skipWithoutCollector } from '../../support/stack.ts';

// ClickHouse behind TLS: the embedded engine with a proxy before it, whose certificate is of an authority of our own.
const root = join(import.meta.dirname, '..', '..', '..');
const scratch = mkdtempSync(join(tmpdir(), 'client-cost-https-'));
let accounts: Accounts;
let proxy: Server;
let url: string;
let ca: string;
let wrongCa: string;

beforeAll(async () => {
  const file = (name: string, { cert }: Certificate) => {
    writeFileSync(join(scratch, name), cert);
    return join(scratch, name);
  };
  const [ours, theirs] = await Promise.all([makeAuthority('ours'), makeAuthority('theirs')]);
  ca = file('ca.crt', ours);
  wrongCa = file('wrong.crt', theirs);
  accounts = await startAccounts();
  const own = await makeCertificate(ours, { name: 'clickhouse', use: 'server', hosts: ['127.0.0.1'] });
  proxy = createServer(own, (incoming, outgoing) => {
    const { method, headers, url: path } = incoming;
    const onwards = request(`${accounts.owner.url}${path}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onwards.on('error', (error) => outgoing.destroy(error));
    incoming.pipe(onwards);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  url = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(async () => {
  proxy?.closeAllConnections();
  proxy?.close();
  await accounts?.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
});

const charges = async (client: string) =>
  (
    await queryRows<{ n: number }>(
      accounts.owner,
      `SELECT count() AS n FROM usage_events WHERE client_id = '${client}'`,
    )
  )[0]!.n;

describe.skipIf(skipWithoutCollector)('the Collector', () => {
  // Its password from a file, as in production.
  const start = async (authority: string, said: string[]) => {
    const password = join(scratch, 'password');
    writeFileSync(password, accounts.writer.password);
    return startCollector({
      path: collector!.path,
      config: join(root, 'otel-collector.yaml'),
      queueDir: mkdtempSync(join(scratch, 'queue-')),
      clickhouse: { ...accounts.writer, url, password: '' },
      otlpPort: 0,
      otlpGrpcPort: 0,
      env: {
        CLICKHOUSE_CA: authority,
        CLICKHOUSE_PASSWORD_FROM: `file:${password}`,
        BATCH_FLUSH_TIMEOUT: '50ms',
        RETRY_MAX_INTERVAL: '1s',
      },
      log: (line) => said.push(line),
    });
  };

  it('writes through TLS with CLICKHOUSE_CA', async () => {
    const running = await start(ca, []);
    try {
      await sendOtlp(running.httpUrl, 'logs', usageRequest('trusted', 2));
      await eventually('two charges', async () => ((await charges('trusted')) === 2 ? true : undefined));
    } finally {
      await running.stop();
    }
  });

  it('gives nothing to a server of another authority, and keeps what it has', async () => {
    const said: string[] = [];
    const running = await start(wrongCa, said);
    try {
      await sendOtlp(running.httpUrl, 'logs', usageRequest('untrusted', 2));
      await eventually('it says so', async () => (/certificate/.test(said.join()) ? true : undefined));
      expect(said.join()).not.toContain(accounts.writer.password);
      expect(await charges('untrusted')).toBe(0);
    } finally {
      await running.stop();
    }
  });
});

it('the direct sender, with its password from a file', async () => {
  const passwordFile = join(scratch, 'direct-password');
  writeFileSync(passwordFile, `${accounts.writer.password}\n`);
  const send = async (env: NodeJS.ProcessEnv) => {
    const exporter = createUsageExporter(
      { resource: { attributes: {} } },
      {
        CLIENT_COST_EXPORTER: 'clickhouse',
        CLIENT_COST_CLICKHOUSE_URL: url,
        CLIENT_COST_CLICKHOUSE_USER: accounts.writer.user,
        CLIENT_COST_CLICKHOUSE_PASSWORD_FILE: passwordFile,
        CLIENT_COST_CLICKHOUSE_DATABASE: 'ledger',
        CLIENT_COST_SPOOL_DIR: mkdtempSync(join(scratch, 'spool-')),
        ...env,
      },
    );
    const attributes = Object.fromEntries(
      usageRecord('direct').attributes.map(({ key, value }) => [key, Object.values(value)[0] as string]),
    );
    exporter.emit({ id: attributes['usage.id']!, timeUnixNano: BigInt(Date.now()) * 1_000_000n, attributes });
    const arrived = await exporter.flush(10_000);
    await exporter.shutdown(0);
    return arrived;
  };
  expect(await send({ CLIENT_COST_CLICKHOUSE_CERTIFICATE: ca })).toBe(true);
  expect(await send({ CLIENT_COST_CLICKHOUSE_CERTIFICATE: wrongCa })).toBe(false);
  expect(await charges('direct')).toBe(1);
});

it('the command, with NODE_EXTRA_CA_CERTS', async () => {
  const run = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, [join(root, 'clickhouse', 'dist', 'cli', 'main.js'), 'clients'], {
      env: {
        PATH: process.env.PATH,
        CLICKHOUSE_URL: url,
        CLICKHOUSE_USER: accounts.reader.user,
        CLICKHOUSE_PASSWORD: accounts.reader.password,
        CLICKHOUSE_DATABASE: 'ledger',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, err };
  };
  expect(await run({ NODE_EXTRA_CA_CERTS: ca })).toEqual({ code: 0, err: '' });
  const refused = await run({});
  expect(refused).toMatchObject({
    code: 3,
    err: expect.stringMatching(/cannot reach ClickHouse at https:.*(UNABLE_TO|SELF_SIGNED)/),
  });
  expect(refused.err).not.toContain(accounts.reader.password);
});
