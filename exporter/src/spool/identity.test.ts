import { expect, test } from 'vitest';
import { currentOwner, isAlive, newFolderName, parseFolderName, releasedName } from './identity.ts';

const me = currentOwner();
const FRESH = 0;
const STALE = 61_000;

test('a folder name tells its owner', () => {
  expect(parseFolderName(newFolderName())).toEqual(me);
  expect(parseFolderName(releasedName(newFolderName()))).toBe('released');
  expect(newFolderName()).not.toBe(newFolderName());
  for (const name of ['', 'rejected.jsonl', 'w-1', 'lost+found']) expect(parseFolderName(name)).toBeUndefined();
});

test('who lives', () => {
  expect(isAlive(me, STALE, true)).toBe(true);
  expect(isAlive({ ...me, pid: process.ppid, ticks: '0' }, FRESH)).toBe(true);
  expect(isAlive({ ...me, pid: 4_194_999 }, FRESH)).toBe(false);
});

test.runIf(process.platform === 'linux')('a pid that another process has now is not its first owner', () => {
  expect(isAlive({ ...me, pid: process.ppid, ticks: '1' }, FRESH)).toBe(false);
  expect(isAlive({ ...me, ticks: '1' }, FRESH)).toBe(false);
});

test('another thread, another machine, and whoever had our pid before us: by heartbeat', () => {
  for (const other of [
    me,
    { ...me, ticks: '0' },
    { ...me, thread: me.thread + 1 },
    { ...me, host: '00000000' },
    { ...me, scope: '00000000' },
  ]) {
    expect(isAlive(other, FRESH)).toBe(true);
    expect(isAlive(other, STALE)).toBe(false);
  }
});
