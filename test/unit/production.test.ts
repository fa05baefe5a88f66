import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ACCOUNTS } from '../../clickhouse/src/migrate/accounts-env.ts';
import { composeValidator } from '../support/compose.ts';

const root = join(import.meta.dirname, '..', '..');
const production = join(root, 'docker', 'production');
const text = readFileSync(join(production, 'compose.yml'), 'utf8');

interface Service {
  image: string;
  environment?: Record<string, string>;
  secrets?: string[];
  volumes?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  group_add?: string[];
  command?: string[];
}
const compose = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
};
const services = Object.entries(compose.services);
const { certificates, clickhouse, migrate, collector, grafana } = compose.services;

describe('docker/production/compose.yml', () => {
  it('is valid under the compose specification', () => {
    const validate = composeValidator();
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('has every secret in a file and none in the environment', () => {
    expect(Object.keys(compose.secrets).length).toBeGreaterThan(5);
    const used = new Set(services.flatMap(([, { secrets = [] }]) => secrets));
    expect(used).toEqual(new Set(Object.keys(compose.secrets)));
    for (const [name, { environment = {}, secrets = [] }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (/PASSWORD|TOKEN|SECRET/.test(variable)) {
          expect(variable, name).toMatch(/_FILE$|_FROM$/);
          expect(secrets, `${name} ${variable}`).toContain(/^(?:file:)?\/run\/secrets\/(\w+)$/.exec(value)?.[1]);
        }
      }
    }
  });

  it('every connection between the parts is TLS, and believes the internal authority alone', () => {
    for (const [name, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (/_URL$/.test(variable)) expect(value, `${name} ${variable}`).toMatch(/^https:|^\$\{\w+:-https:/);
      }
    }
    expect(collector?.environment?.OTLP_RECEIVER).toBe('$' + '{OTLP_RECEIVER:-otlp/tls}');
    expect(collector?.environment?.OTLP_SELF_SCHEME).toBe('https');
    expect(migrate?.environment?.NODE_EXTRA_CA_CERTS).toBe('/etc/client-cost/tls/ca.crt');
    const datasource = parse(readFileSync(join(production, 'grafana', 'clickhouse.yaml'), 'utf8')) as {
      datasources: { jsonData: Record<string, unknown>; secureJsonData: Record<string, string> }[];
    };
    const [{ jsonData, secureJsonData }] = datasource.datasources as [(typeof datasource.datasources)[0]];
    expect(jsonData).toMatchObject({ secure: true, port: 8443, tlsSkipVerify: false, tlsAuthWithCACert: true });
    expect(Object.values(secureJsonData).every((value) => value.startsWith('$__file{/'))).toBe(true);
  });

  it('sets only variables that otel-collector.yaml reads', () => {
    const config = readFileSync(join(root, 'otel-collector.yaml'), 'utf8');
    for (const name of Object.keys(collector?.environment ?? {})) expect(config).toContain(`env:${name}:-`);
  });

  it('only the migrations have the owner’s password; the Collector writes, Grafana reads', () => {
    const owner = services
      .filter(([, { secrets = [] }]) => secrets.includes('clickhouse_password'))
      .map(([name]) => name);
    expect(owner).toEqual(['clickhouse', 'migrate']);
    expect(collector?.environment?.CLICKHOUSE_USER).toBe(migrate?.environment?.CLICKHOUSE_WRITER_USER);
    expect(grafana?.secrets).toContain('clickhouse_reader_password');
    for (const { prefix, user } of Object.values(ACCOUNTS)) {
      expect(migrate?.environment?.[`CLICKHOUSE_${prefix}_USER`]).toBe(user);
      expect(migrate?.environment).toHaveProperty(`CLICKHOUSE_${prefix}_PASSWORD_FILE`);
    }
  });

  it('the authority’s key is seen by the service that signs and no other; each part sees its own certificate', () => {
    const mounts = (name: string) =>
      services
        .filter(([, { volumes = [] }]) => volumes.some((volume) => volume.startsWith(`${name}:`)))
        .map(([one]) => one);
    expect(mounts('authority')).toEqual(['certificates']);
    expect(mounts('tls-clickhouse')).toEqual(['certificates', 'clickhouse']);
    expect(mounts('tls-collector')).toEqual(['certificates', 'collector']);
    expect(clickhouse?.depends_on).toEqual({ certificates: { condition: 'service_completed_successfully' } });
    const named = certificates?.command?.flatMap((part) => /^--(?:server|client)=(\w+)/.exec(part)?.[1] ?? []);
    expect(named).toEqual(['clickhouse', 'collector', 'service']);
    const dockerfile = readFileSync(join(root, 'docker', 'app.Dockerfile'), 'utf8');
    for (const name of named!) expect(dockerfile).toContain(`client-cost/tls/${name}`);
  });

  it('no port of ClickHouse or the Collector’s health page is published, and the others on loopback unless said otherwise', () => {
    expect(clickhouse?.ports).toBeUndefined();
    for (const [name, { ports = [] }] of services) {
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:|^\$\{OTLP_BIND:-127\.0\.0\.1\}:/);
    }
  });
});

describe('docker/production/clickhouse/tls.xml', () => {
  const xml = readFileSync(join(production, 'clickhouse', 'tls.xml'), 'utf8');

  it('opens and closes each element', () => {
    const open: string[] = [];
    for (const [, close, name, , empty] of xml
      .replace(/<!--.*?-->/gs, '')
      .matchAll(/<(\/?)([\w]+)((?: \w+="[^"]*")*)(\/?)>/g)) {
      if (close === '/') expect(open.pop()).toBe(name);
      else if (empty !== '/') open.push(name!);
    }
    expect(open).toEqual([]);
    expect(xml.match(/<clickhouse>/g)).toHaveLength(1);
  });

  it('speaks HTTPS and nothing else, TLS 1.2 at least, with the files that are mounted', () => {
    for (const port of ['http_port', 'tcp_port', 'mysql_port', 'postgresql_port', 'interserver_http_port']) {
      expect(xml).toContain(`<${port} remove="remove"/>`);
    }
    expect(xml).toContain('<https_port>8443</https_port>');
    expect(xml).toContain('<disableProtocols>sslv2,sslv3,tlsv1,tlsv1_1</disableProtocols>');
    const folder = clickhouse?.volumes?.find((volume) => volume.startsWith('tls-clickhouse:'))?.split(':')[1];
    expect(xml).toContain(`<certificateFile>${folder}/tls.crt</certificateFile>`);
    expect(xml).toContain(`<privateKeyFile>${folder}/tls.key</privateKeyFile>`);
  });
});

it('make-secrets.mjs makes each secret once, for its owner, without a line break', () => {
  const folder = mkdtempSync(join(tmpdir(), 'client-cost-secrets-'));
  const make = () => spawnSync(process.execPath, [join(production, 'make-secrets.mjs'), join(folder, 's')]);
  const read = () =>
    readdirSync(join(folder, 's')).map((name) => [name, readFileSync(join(folder, 's', name), 'utf8')]);
  try {
    expect(make().status).toBe(0);
    const first = read();
    expect(first.map(([name]) => name)).toEqual(Object.keys(compose.secrets).sort());
    for (const [, secret] of first) expect(secret).toMatch(/^p[0-9a-f]{48}$/);
    expect(statSync(join(folder, 's')).mode & 0o777).toBe(0o700);
    expect(make().stdout.toString()).toBe('');
    expect(read()).toEqual(first);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
