import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectorComplaint } from './collector.ts';
import { buildKey, COLLECTOR_NAME, collectorCacheDir, findCollector, manifestHash } from './collector-path.ts';
import { freePort, freePorts } from './ports.ts';
import { loadPasswords } from './secrets.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'stack-unit-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function executable(...path: string[]): string {
  const file = join(scratch, ...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

function manifest(text: string): string {
  const folder = join(scratch, `manifest-${text}`);
  mkdirSync(folder);
  for (const name of ['manifest.yaml', 'go.mod', 'go.sum', 'exporterhelper.patch'])
    writeFileSync(join(folder, name), text);
  return folder;
}

describe('findCollector', () => {
  const env = () => ({ CLIENT_COST_CACHE_DIR: scratch, PATH: '/nowhere' });

  it('takes the named one first, then the variable, then PATH, then the build cache', () => {
    const folder = manifest('a');
    const cached = executable('collector', buildKey(manifestHash(folder), '1.26.8'), COLLECTOR_NAME);
    expect(findCollector(undefined, folder, env())).toEqual({ path: cached, from: 'build cache' });
    const onPath = executable('bin', COLLECTOR_NAME);
    const withPath = { ...env(), PATH: `/nowhere:${join(scratch, 'bin')}` };
    expect(findCollector(undefined, folder, withPath)).toEqual({ path: onPath, from: 'PATH' });
    const named = executable('named');
    const withName = { ...withPath, CLIENT_COST_COLLECTOR: named };
    expect(findCollector(undefined, folder, withName)).toEqual({ path: named, from: 'CLIENT_COST_COLLECTOR' });
    expect(findCollector(onPath, folder, withName)).toEqual({ path: onPath, from: 'option' });
  });

  it('does not take a build of another manifest; without a manifest the newest build', () => {
    const [a, b] = [manifest('a'), manifest('b')];
    const old = executable('collector', buildKey(manifestHash(a), '1.26.8'), COLLECTOR_NAME);
    utimesSync(old, 1, 1);
    expect(findCollector(undefined, b, env())).toBeUndefined();
    const young = executable('collector', buildKey('0123456789abcdef', '1.27.0'), COLLECTOR_NAME);
    expect(findCollector(undefined, undefined, env())?.path).toBe(young);
    expect(findCollector(undefined, a, env())?.path).toBe(old);
  });

  it('a named one that cannot be run is an error that names it', () => {
    const file = join(scratch, 'plain');
    writeFileSync(file, '');
    expect(() => findCollector(undefined, undefined, { ...env(), CLIENT_COST_COLLECTOR: file })).toThrow(
      `The Collector named by CLIENT_COST_COLLECTOR cannot be run: ${file}`,
    );
  });

  it('nothing anywhere is undefined, also without a cache folder', () => {
    expect(
      findCollector(undefined, undefined, { CLIENT_COST_CACHE_DIR: join(scratch, 'no'), PATH: '' }),
    ).toBeUndefined();
  });

  it('caches under CLIENT_COST_CACHE_DIR, XDG_CACHE_HOME, then the home directory', () => {
    expect(collectorCacheDir({ CLIENT_COST_CACHE_DIR: '/c', XDG_CACHE_HOME: '/x' })).toBe('/c/collector');
    expect(collectorCacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/client-cost/collector');
    expect(collectorCacheDir({})).toMatch(/\/\.cache\/client-cost\/collector$/);
  });
});

describe('passwords', () => {
  it('are made once, differ, and are readable by their owner only', () => {
    const first = loadPasswords(scratch);
    expect(first.client_cost).toMatch(/^p\w{32}$/);
    expect(first.grafana).not.toBe(first.client_cost);
    expect(loadPasswords(scratch)).toEqual(first);
    expect(statSync(join(scratch, 'passwords.json')).mode & 0o777).toBe(0o600);
    expect(loadPasswords(join(scratch, 'other')).client_cost).not.toBe(first.client_cost);
  });

  it('of an unreadable file are an error that names it, and the file stays', () => {
    const path = join(scratch, 'passwords.json');
    writeFileSync(path, '{"client_cost": ');
    expect(() => loadPasswords(scratch)).toThrow(path);
    expect(readFileSync(path, 'utf8')).toBe('{"client_cost": ');
  });
});

describe('ports', () => {
  it('a busy one is named with its purpose and the option', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await expect(freePort(port, 'OTLP over HTTP', '--otlp-port')).rejects.toThrow(
      `Port ${port} for OTLP over HTTP is in use by another program. Choose another with --otlp-port, or 0 for any free port.`,
    );
    await new Promise((resolve) => server.close(resolve));
    expect(await freePort(port, 'OTLP over HTTP', '--otlp-port')).toBe(port);
  });

  it('several free ones differ', async () => {
    expect(new Set(await freePorts(10)).size).toBe(10);
  });
});

describe('collectorComplaint', () => {
  it('shortens warnings and errors, drops the rest, keeps what is no JSON', () => {
    const line = {
      level: 'error',
      msg: 'Exporting failed',
      error: 'refused',
      'otelcol.component.id': 'clickhouse/usage',
    };
    expect(collectorComplaint(JSON.stringify(line))).toBe('clickhouse/usage: Exporting failed: refused');
    expect(collectorComplaint(JSON.stringify({ ...line, level: 'info' }))).toBeUndefined();
    expect(collectorComplaint('panic: oh no')).toBe('panic: oh no');
    expect(collectorComplaint('{broken')).toBe('{broken');
    expect(collectorComplaint('')).toBeUndefined();
  });
});
