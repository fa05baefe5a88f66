import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkVersion, DataDir } from './data-dir.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'client-cost-dir-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const lock = () => join(root, 'engine.lock');
const held = (owner: object) =>
  writeFileSync(lock(), JSON.stringify({ started: 'then', host: hostname(), ticks: null, ...owner }));

describe('DataDir', () => {
  it('has one owner, names it to others, and is free after its release', () => {
    const dir = DataDir.acquire(root);
    expect(() => DataDir.acquire(root)).toThrow(new RegExp(`${root}.*process ${process.pid}.*kill ${process.pid}`));
    dir.release();
    DataDir.acquire(root).release();
  });
  it('takes over a lock whose process is gone, and one whose process id was given to another', () => {
    held({ pid: 2 ** 30 });
    DataDir.acquire(root).release();
    held({ pid: process.pid, ticks: '1' });
    const dir = DataDir.acquire(root);
    expect(JSON.parse(readFileSync(lock(), 'utf8')).pid).toBe(process.pid);
    dir.release();
  });
  it('cannot judge a process of another host', () => {
    held({ pid: 1, host: 'elsewhere' });
    expect(() => DataDir.acquire(root)).toThrow(/on host elsewhere.*delete .*engine\.lock/);
  });
  it('does not remove a lock that became somebody else’s', () => {
    const dir = DataDir.acquire(root);
    held({ pid: 1 });
    dir.release();
    expect(readFileSync(lock(), 'utf8')).toContain('"pid":1');
  });
  it('refuses a layout from the future and leaves no lock behind', () => {
    writeFileSync(join(root, 'engine.json'), '{"layout":99,"version":"40.1.1.1"}');
    expect(() => DataDir.acquire(root)).toThrow(/layout 99/);
    expect(() => readFileSync(lock())).toThrow();
  });
  it('refuses a path that the engine cannot open', () => {
    expect(() => DataDir.acquire(join(root, 'a\\b'))).toThrow(/a\\\\b.*backslash/);
    expect(() => DataDir.acquire('')).toThrow(/empty/);
  });
  it('says which directory cannot be made', () => {
    writeFileSync(join(root, 'file'), '');
    expect(() => DataDir.acquire(join(root, 'file', 'sub'))).toThrow(/Cannot create the data directory .*file\/sub/);
  });
});

describe('checkVersion', () => {
  it('refuses data of a newer release only', () => {
    expect(() => checkVersion(root, '26.9.1.1', '26.7.3')).toThrow(/written by ClickHouse 26\.9\.1\.1.*newer chdb/);
    expect(() => checkVersion(root, '27.1.1.1', '26.7.3')).toThrow();
    for (const fine of [undefined, '26.7.9.9', '25.12.1.1'])
      expect(() => checkVersion(root, fine, '26.7.3')).not.toThrow();
  });
});
