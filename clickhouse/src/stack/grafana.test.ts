import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grafanaComplaint } from './grafana.ts';
import { grafanaEnv } from './grafana-env.ts';
import { findGrafana, GRAFANA_PLUGIN } from './grafana-path.ts';
import { loadGrafanaSecrets, loadPasswords } from './secrets.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'grafana-unit-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function file(mode: number, ...path: string[]): string {
  const full = join(scratch, ...path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, '');
  chmodSync(full, mode);
  return full;
}

describe('findGrafana', () => {
  it('takes the named one first, then grafana, then grafana-server, with its own files', () => {
    file(0o644, 'a', 'conf', 'defaults.ini');
    const old = file(0o755, 'a', 'bin', 'grafana-server');
    const env = { PATH: `/nowhere:${join(scratch, 'a', 'bin')}` };
    expect(findGrafana(env)).toEqual({ path: old, command: [], home: join(scratch, 'a'), from: 'PATH' });
    const young = file(0o755, 'a', 'bin', 'grafana');
    expect(findGrafana(env)).toEqual({ path: young, command: ['server'], home: join(scratch, 'a'), from: 'PATH' });
    const named = file(0o755, 'b', 'bin', 'grafana');
    file(0o644, 'b', 'share', 'grafana', 'conf', 'defaults.ini');
    expect(findGrafana({ ...env, CLIENT_COST_GRAFANA: named })).toMatchObject({
      path: named,
      home: join(scratch, 'b', 'share', 'grafana'),
      from: 'CLIENT_COST_GRAFANA',
    });
  });

  it('follows a link to where the files are, and takes the folder that was named', () => {
    file(0o644, 'opt', 'grafana-13', 'conf', 'defaults.ini');
    const real = file(0o755, 'opt', 'grafana-13', 'bin', 'grafana');
    mkdirSync(join(scratch, 'bin'));
    symlinkSync(real, join(scratch, 'bin', 'grafana'));
    const env = { PATH: join(scratch, 'bin') };
    expect(findGrafana(env)).toMatchObject({ home: join(scratch, 'opt', 'grafana-13') });
    file(0o644, 'mine', 'conf', 'defaults.ini');
    expect(findGrafana({ ...env, CLIENT_COST_GRAFANA_HOME: join(scratch, 'mine') })).toMatchObject({
      home: join(scratch, 'mine'),
    });
    expect(findGrafana({ ...env, CLIENT_COST_GRAFANA_HOME: join(scratch, 'bin') })).toMatch(
      /not its own files .*CLIENT_COST_GRAFANA_HOME/,
    );
  });

  it('says why there is none; a named one that cannot be run is an error', () => {
    expect(findGrafana({ PATH: '' })).toBe('no grafana on PATH');
    const plain = file(0o644, 'plain');
    expect(() => findGrafana({ PATH: '', CLIENT_COST_GRAFANA: plain })).toThrow(
      `The Grafana named by CLIENT_COST_GRAFANA cannot be run: ${plain}`,
    );
  });
});

describe('grafanaEnv', () => {
  const settings = () => ({
    dir: join(scratch, 'grafana'),
    port: 3001,
    provisioning: '/p',
    dashboards: '/d',
    reader: { url: 'http://127.0.0.1:8123', user: 'grafana', password: 'r', database: 'ledger' },
    secrets: { grafana_admin: 'a', grafana_secret_key: 'k', alert_webhook: 'w' },
  });

  it('says where to read and what signs the webhooks', () => {
    expect(grafanaEnv(settings(), {})).toMatchObject({
      CLICKHOUSE_HOST: '127.0.0.1',
      CLICKHOUSE_PORT: '8123',
      CLICKHOUSE_SECURE: 'false',
      CLICKHOUSE_DATABASE: 'ledger',
      CLICKHOUSE_READER_USER: 'grafana',
      CLICKHOUSE_READER_PASSWORD: 'r',
      CLIENT_COST_SMS_URL: 'http://127.0.0.1:8085',
      CLIENT_COST_ALERT_WEBHOOK_SECRET: 'w',
    });
    const own = { CLIENT_COST_SMS_URL: 'https://sms.example.com', CLIENT_COST_ALERT_WEBHOOK_SECRET: 'mine' };
    expect(grafanaEnv(settings(), own)).toMatchObject(own);
  });

  it('does not fetch a plugin that is there, and takes the folder that was named', () => {
    expect(grafanaEnv(settings(), {}).GF_PLUGINS_PREINSTALL_SYNC).toBe(
      `${GRAFANA_PLUGIN.id}@${GRAFANA_PLUGIN.version}`,
    );
    mkdirSync(join(scratch, 'shared', GRAFANA_PLUGIN.id), { recursive: true });
    const env = grafanaEnv(settings(), { CLIENT_COST_GRAFANA_PLUGINS: join(scratch, 'shared') });
    expect(env.GF_PATHS_PLUGINS).toBe(join(scratch, 'shared'));
    expect(env).not.toHaveProperty('GF_PLUGINS_PREINSTALL_SYNC');
  });
});

describe('secrets of Grafana', () => {
  it('are added to the passwords that are there, whichever came first', () => {
    const passwords = loadPasswords(scratch);
    const secrets = loadGrafanaSecrets(scratch);
    expect(loadPasswords(scratch)).toEqual(passwords);
    expect(loadGrafanaSecrets(scratch)).toEqual(secrets);
    expect(new Set([...Object.values(passwords), ...Object.values(secrets)]).size).toBe(6);
  });
});

describe('grafanaComplaint', () => {
  it('shortens errors, drops the rest, keeps what is no JSON', () => {
    const line = { level: 'error', logger: 'provisioning', msg: 'cannot read', error: 'no such file' };
    expect(grafanaComplaint(JSON.stringify(line))).toBe('provisioning: cannot read: no such file');
    expect(grafanaComplaint(JSON.stringify({ ...line, level: 'info' }))).toBeUndefined();
    expect(grafanaComplaint('panic: oh no')).toBe('panic: oh no');
    expect(grafanaComplaint(' ')).toBeUndefined();
  });
});
