import fs, { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OnceLog } from '../log.ts';
import { heardMessages } from '../testing/log.ts';
import { currentOwner, newFolderName } from './identity.ts';
import { MemoryQueue } from './memory.ts';
import { Spool, type SpoolOptions } from './spool.ts';

const LIMITS = { maxEvents: 1000, maxBytes: 1024 * 1024 };
let root: string;
let messages: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'client-cost-exporter-'));
  messages = heardMessages();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  diag.disable();
  rmSync(root, { recursive: true, force: true });
});

function open(options: Partial<SpoolOptions> = {}): Spool {
  return new Spool(
    { roots: [root], maxBytes: 1e9, keepMs: 3_600_000, keepBytes: 1e9, fsync: 'never', header: '{"h":1}', ...options },
    new OnceLog(),
  );
}

function records(spool: Spool): string[] {
  const found = [];
  for (let next = spool.next(LIMITS); next !== undefined; next = spool.next(LIMITS)) {
    found.push(...next.batch.records.map((record) => Buffer.from(record).toString()));
    next.batch.commit();
  }
  return found;
}

const dead = () => newFolderName().replace(`-${currentOwner().pid}-`, '-4194999-');
const folders = () => readdirSync(root).filter((name) => /^[rw]-/.test(name));

/** Leaves a spool folder as a killed process would. */
function abandon(...events: string[]): string {
  const spool = open();
  for (const event of events) spool.append(event);
  const left = dead();
  renameSync(join(root, spool.handOver().folders[0]!), join(root, left));
  return join(root, left);
}

const fails = (code: string) => () => {
  throw Object.assign(new Error(code), { code });
};

test('a file that cannot be read holds up nothing behind it and no other folder, is said once and tried again', () => {
  const one = abandon('"a"');
  fs.copyFileSync(join(one, '00000001.seg'), join(one, '00000002.seg'));
  fs.copyFileSync(join(abandon('"d"'), '00000001.seg'), join(one, '00000001.seg'));
  const locked = fs.statSync(join(one, '00000001.seg')).ino;
  abandon('"b"');
  const real = fs.openSync;
  const refuse = vi.spyOn(fs, 'openSync').mockImplementation(((...args: Parameters<typeof fs.openSync>) => {
    const found = fs.existsSync(args[0]) && fs.statSync(args[0]).ino === locked;
    return found ? fails('EACCES')() : real(...args);
  }) as typeof fs.openSync);
  const spool = open();
  spool.append('"c"');
  spool.adoptOrphans();
  expect(records(spool).sort()).toEqual(['"a"', '"b"', '"c"', '"d"']);
  spool.maintain();
  expect(records(spool)).toEqual([]);
  expect(messages.filter((message) => message.includes('cannot read'))).toHaveLength(1);
  refuse.mockRestore();
  spool.maintain();
  expect(records(spool)).toEqual(['"d"']);
});

test('a disk that refuses leaves no file per try and no torn line, and no event is there twice', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const spool = open();
  spool.append('"a"');
  const real = fs.writeSync;
  const half = vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, data: Uint8Array) => {
    real(fd, data.subarray(0, 5));
    throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  }) as unknown as typeof fs.writeSync);
  for (let i = 0; i < 20; i++) {
    vi.advanceTimersByTime(11_000);
    expect(spool.append(`"m${i}"`)).toBe(true);
  }
  expect(half.mock.calls.length).toBeGreaterThanOrEqual(20);
  expect(readdirSync(join(root, folders()[0]!))).toEqual(['00000001.seg']);
  half.mockRestore();
  vi.advanceTimersByTime(11_000);
  spool.maintain();
  expect(spool.inMemory).toBe(0);
  expect(records(spool)).toEqual(['"a"', ...Array.from({ length: 20 }, (_, i) => `"m${i}"`)]);
  expect(readdirSync(root).filter((name) => name.endsWith('.damaged'))).toEqual([]);
});

test('an event whose sync fails is taken back and waits in memory: once', () => {
  const spool = open({ fsync: 'always' });
  spool.append('"a"');
  vi.spyOn(fs, 'fdatasyncSync').mockImplementation(fails('EIO'));
  expect(spool.append('"b"')).toBe(true);
  expect(spool.inMemory).toBe(1);
  vi.restoreAllMocks();
  expect(records(spool)).toEqual(['"a"', '"b"']);
});

test('always syncs each event, and each new file and folder once; interval the folders; never nothing', () => {
  const file = vi.spyOn(fs, 'fdatasyncSync');
  const folder = vi.spyOn(fs, 'fsyncSync');
  for (const [fsync, files, names] of [
    ['always', 10, 3],
    ['interval', 0, 3],
    ['never', 0, 0],
  ] as const) {
    file.mockClear();
    folder.mockClear();
    const spool = open({ fsync, roots: [join(root, fsync)] });
    for (let i = 0; i < 10; i++) spool.append(`${i}`);
    // The root in its parent, our folder in the root, the file in our folder.
    expect([fsync, file.mock.calls.length, folder.mock.calls.length]).toEqual([fsync, files, names]);
  }
});

test('a clock that is set back an hour delays neither the disk nor the taking over', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  const spool = open();
  const refuse = vi.spyOn(fs, 'writeSync').mockImplementation(fails('EIO'));
  spool.append('"a"');
  spool.adoptOrphans();
  refuse.mockRestore();
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(31_000);
  abandon('"b"');
  spool.append('"c"');
  expect(spool.inMemory).toBe(1);
  spool.maintain();
  expect(spool.inMemory).toBe(0);
  spool.adoptOrphans();
  expect(records(spool).sort()).toEqual(['"a"', '"b"', '"c"']);
});

test('what memory had handed out for sending goes to disk too when the disk works again', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const spool = open();
  const refuse = vi.spyOn(fs, 'writeSync').mockImplementation(fails('ENOSPC'));
  spool.append('"a"');
  expect(spool.next(LIMITS)!.batch.records).toHaveLength(1);
  refuse.mockRestore();
  vi.advanceTimersByTime(11_000);
  expect(spool.next(LIMITS)!.batch.records).toHaveLength(1);
  expect(spool.inMemory).toBe(0);
});

test('the bound is for the folder: what others left there counts, until it is sent', () => {
  for (let i = 0; i < 4; i++) abandon(JSON.stringify('x'.repeat(10_000)));
  const spool = open({ maxBytes: 30_000 });
  spool.append('"a"');
  expect(spool.inMemory).toBe(1);
  expect(messages.join()).toContain('limit of 30000 bytes');
  spool.adoptOrphans();
  expect(records(spool)).toHaveLength(5);
});

test('a full disk is given what sent holds before an event goes to memory', () => {
  const spool = open();
  spool.append('"a"');
  records(spool);
  spool.release();
  expect(readdirSync(join(root, 'sent'))).toHaveLength(1);
  const real = fs.writeSync;
  const full = () => readdirSync(join(root, 'sent')).length > 0;
  vi.spyOn(fs, 'writeSync').mockImplementation(((...args: Parameters<typeof fs.writeSync>) =>
    full() ? fails('ENOSPC')() : real(...args)) as typeof fs.writeSync);
  spool.append('"b"');
  expect([spool.inMemory, records(spool)]).toEqual([0, ['"b"']]);
});

test('an acknowledgement beside another file is not believed', () => {
  const spool = open();
  for (const event of ['"a"', '"b"', '"c"']) spool.append(event);
  spool.next({ ...LIMITS, maxEvents: 2 })!.batch.commit();
  const one = join(root, folders()[0]!);
  const other = abandon(...Array.from({ length: 9 }, (_, i) => `"d${i}"`));
  fs.copyFileSync(join(one, '00000001.ack'), join(other, '00000001.ack'));
  const next = open();
  next.adoptOrphans();
  expect(records(next)).toHaveLength(9);
});

test('a folder in which only an acknowledgement is left is removed', () => {
  const left = join(root, dead());
  mkdirSync(left);
  writeFileSync(join(left, '00000001.ack'), 'x');
  const spool = open();
  spool.adoptOrphans();
  expect(folders()).toEqual([]);
});

test('100,000 events leave memory without a long pause', () => {
  const queue = new MemoryQueue();
  for (let i = 0; i < 100_000; i++) queue.push('{}', `${i}`);
  expect(queue.push('{}', 'more')).toBe(false);
  for (let i = 0; i < 100_000; i++) {
    expect(queue.peek()!.record === `${i}`).toBe(true);
    queue.takeOldest();
  }
  expect([queue.length, queue.peek()]).toEqual([0, undefined]);
});
