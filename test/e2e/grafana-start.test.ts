import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import type { Stack } from '../../clickhouse/dist/stack/index.js';
import { startStack } from '../../clickhouse/dist/stack/index.js';
import { askAsGrafana, nativeRows } from '../support/clickhouse-go.ts';
import { eventually } from '../support/stack.ts';

// What is a real Grafana's part is not proven here: the stand-in (test/support/grafana-stub.mjs) only records how it is called.
const scratch = mkdtempSync(join(tmpdir(), 'client-cost-grafana-'));
const dataDir = join(scratch, 'data');
const record = join(scratch, 'record.json');
afterAll(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));

/** As a package lays Grafana out: bin/grafana and conf/defaults.ini. */
function install(): void {
  mkdirSync(join(scratch, 'grafana', 'bin'), { recursive: true });
  mkdirSync(join(scratch, 'grafana', 'conf'), { recursive: true });
  writeFileSync(join(scratch, 'grafana', 'conf', 'defaults.ini'), '');
  const stub = join(import.meta.dirname, '..', 'support', 'grafana-stub.mjs');
  const bin = join(scratch, 'grafana', 'bin', 'grafana');
  writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${stub}' "$@"\n`);
  chmodSync(bin, 0o755);
  vi.stubEnv('PATH', `${join(scratch, 'grafana', 'bin')}:${process.env.PATH}`);
}

interface Recorded {
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly pid: number;
}
const recorded = () => JSON.parse(readFileSync(record, 'utf8')) as Recorded;
const runs = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

let stack: Stack | undefined;
let said: string[] = [];
const start = async (grafana: 'auto' | 'required') => {
  said = [];
  stack = await startStack({ dataDir, collector: 'none', grafana, log: (line) => said.push(line) });
  return stack;
};
beforeEach(() => {
  vi.stubEnv('STUB_RECORD', record);
  install();
});
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  vi.unstubAllEnvs();
});

describe('the stack with a Grafana', () => {
  it('starts it on loopback with our provisioning and nobody let in, and ends it', async () => {
    vi.stubEnv('GF_AUTH_ANONYMOUS_ENABLED', 'true');
    vi.stubEnv('GF_DATABASE_URL', 'postgres://another');
    vi.stubEnv('CLICKHOUSE_PASSWORD', 'of-another');
    const { grafana, reader, clickhouse } = await start('required');
    const { args, env, pid } = recorded();
    expect(grafana?.url).toBe(`http://127.0.0.1:${env.GF_SERVER_HTTP_PORT}`);
    expect(args).toEqual([
      'server',
      `--homepath=${join(scratch, 'grafana')}`,
      `--config=${join(dataDir, 'grafana', 'grafana.ini')}`,
    ]);
    expect(env).toMatchObject({
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_PATHS_DATA: join(dataDir, 'grafana', 'data'),
      GF_PLUGINS_PREINSTALL_SYNC: 'grafana-clickhouse-datasource@4.20.0',
    });
    for (const name of ['GF_DATABASE_URL', 'CLICKHOUSE_PASSWORD']) expect(env).not.toHaveProperty(name);
    expect(Object.values(env)).not.toContain(clickhouse.password);
    for (const secret of [grafana!.password, reader.password, env.GF_SECURITY_SECRET_KEY]) {
      expect(args.join(' ')).not.toContain(secret);
      expect(said.join('\n')).not.toContain(secret);
    }
    expect(stack?.pids().grafana).toBe(pid);
    await stack?.stop();
    expect(runs(pid)).toBe(false);
  });

  it('gives the datasource what it needs to read this engine, as a user who can only read', async () => {
    await start('required');
    const { env } = recorded();
    const file = readFileSync(join(env.GF_PATHS_PROVISIONING!, 'datasources', 'clickhouse.yaml'), 'utf8');
    const filled = file.replace(/\$([A-Z_]+)/g, (_, name: string) => env[name] ?? `no ${name}`);
    expect(filled).not.toMatch(/: no [A-Z]/);
    const { datasources } = parse(filled) as {
      datasources: { jsonData: Record<string, string>; secureJsonData: { password: string } }[];
    };
    const { host, port, username, defaultDatabase } = datasources[0]!.jsonData;
    const address = {
      url: `http://${host}:${port}`,
      user: username!,
      password: datasources[0]!.secureJsonData.password,
      database: defaultDatabase!,
    };
    const { body } = await askAsGrafana(address, 'SELECT count() AS n FROM usage_events');
    expect(nativeRows(body)).toEqual([{ n: 0 }]);
    expect((await askAsGrafana(address, 'INSERT INTO clients (id) VALUES (1)')).status).not.toBe(200);
    expect(statSync(env.CLIENT_COST_DASHBOARDS!).isDirectory()).toBe(true);
  });

  it('keeps its secrets with the others, for its owner alone, and uses them again', async () => {
    await start('required');
    const first = recorded().env;
    await stack?.stop();
    await start('required');
    const second = recorded().env;
    for (const name of ['GF_SECURITY_ADMIN_PASSWORD', 'GF_SECURITY_SECRET_KEY', 'CLIENT_COST_ALERT_WEBHOOK_SECRET']) {
      expect(second[name], name).toMatch(/^p\w{32}$/);
      expect(second[name], name).toBe(first[name]);
    }
    const file = join(dataDir, 'passwords.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object)).toEqual(
      expect.arrayContaining(['client_cost', 'grafana', 'grafana_admin', 'grafana_secret_key', 'alert_webhook']),
    );
  });

  it('leaves no Grafana behind when the process that started it is killed', async () => {
    const script = join(import.meta.dirname, '..', 'support', 'crashing-parent.mjs');
    const parent = spawn(process.execPath, [script, dataDir, 'none', 'required'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve, reject) => {
      parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
      parent.once('exit', (code) => reject(new Error(`the parent ended with ${code}`)));
    });
    const { engine, grafana } = JSON.parse(line) as { engine: number; grafana: number };
    expect([engine, grafana].map(runs)).toEqual([true, true]);
    parent.kill('SIGKILL');
    await eventually('both are gone', async () => ([engine, grafana].some(runs) ? undefined : true), 20);
  });

  it('says what is wrong with one that runs: no plugin, another password', async () => {
    vi.stubEnv('STUB_NO_PLUGIN', '1');
    await start('auto');
    expect(said.join('\n')).toMatch(
      /Grafana has no plugin grafana-clickhouse-datasource.*plugins install grafana-clickhouse-datasource 4\.20\.0/,
    );
    await stack?.stop();
    vi.stubEnv('STUB_ADMIN_PASSWORD', 'changed');
    await start('auto');
    expect(said.join('\n')).toMatch(/admin has another password .* admin reset-admin-password/);
    expect(stack?.grafana?.url).toBeDefined();
  });

  it('with auto goes on without one that cannot start; required is an error, and nothing is left', async () => {
    vi.stubEnv('STUB_FAILS', 'Failed to install plugin: dial tcp: lookup grafana.com');
    const { grafana, grafanaMissing, reader } = await start('auto');
    expect(grafana).toBeUndefined();
    expect(grafanaMissing).toMatch(/it did not start/);
    expect(said.join('\n')).toMatch(
      /Grafana .* ended while starting.*lookup grafana\.com.*CLIENT_COST_GRAFANA_PLUGINS/s,
    );
    expect((await askAsGrafana(reader, 'SELECT 1')).status).toBe(200);
    await stack?.stop();
    stack = undefined;
    await expect(start('required')).rejects.toThrow(/ended while starting/);
    // The engine has let go of the data directory.
    vi.stubEnv('STUB_FAILS', undefined);
    await start('required');
    await eventually('it runs', async () => (stack?.pids().grafana === undefined ? undefined : true), 5);
  });
});
