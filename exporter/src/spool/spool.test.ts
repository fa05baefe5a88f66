import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OnceLog } from '../log.ts';
import { heardMessages } from '../testing/log.ts';
import { HandedOver } from './hand-over.ts';
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
  vi.useRealTimers();
  diag.disable();
  rmSync(root, { recursive: true, force: true });
});

function open(options: Partial<SpoolOptions> = {}): Spool {
  return new Spool(
    { roots: [root], maxBytes: 1e9, keepMs: 0, keepBytes: 0, fsync: 'never', header: '{"h":1}', ...options },
    new OnceLog(),
  );
}

function take(spool: Spool, limits = LIMITS): { records: string[]; own: boolean }[] {
  const found = [];
  for (let next = spool.next(limits); next !== undefined; next = spool.next(limits)) {
    found.push({ records: next.batch.records.map((record) => Buffer.from(record).toString()), own: next.own });
    next.batch.commit();
  }
  return found;
}

const records = (spool: Spool) => take(spool).flatMap((batch) => batch.records);
/** A folder name of a process of this machine that is gone. */
const dead = () => newFolderName().replace(`-${currentOwner().pid}-`, '-4194999-');
const folders = () => readdirSync(root).filter((name) => /^[rw]-/.test(name));

/** Leaves a spool folder as a killed process would. */
function abandon(...events: string[]): string {
  const spool = open();
  for (const event of events) spool.append(event);
  const name = spool.handOver().folders[0]!;
  const left = dead();
  renameSync(join(root, name), join(root, left));
  return left;
}

test('what is appended comes back in order, across segments, and leaves no file', () => {
  const spool = open();
  const all = Array.from({ length: 3000 }, (_, i) => JSON.stringify([i, 'x'.repeat(5000)]));
  for (const record of all) expect(spool.append(record)).toBe(true);
  expect(readdirSync(join(root, folders()[0]!)).filter((name) => name.endsWith('.seg'))).toHaveLength(2);
  expect(records(spool)).toEqual(all);
  expect(spool.handOver()).toEqual({ root, folders: [], memory: [] });
  expect(folders()).toEqual([]);
});

test('takes over what a dead process left, in turn with its own, and removes it', () => {
  abandon('"a1"', '"a2"');
  const spool = open();
  spool.append('"b1"');
  spool.adoptOrphans();
  expect(take(spool)).toEqual([
    { records: ['"b1"'], own: true },
    { records: ['"a1"', '"a2"'], own: false },
  ]);
  expect(folders()).toHaveLength(1);
});

test('never takes over from the living', () => {
  const living = open();
  living.append('"a"');
  const spool = open();
  spool.adoptOrphans();
  expect(take(spool)).toEqual([]);
  expect(records(living)).toEqual(['"a"']);
});

test('a process of another machine is dead when its heartbeat stopped for a minute', () => {
  const left = abandon('"a"');
  const foreign = left.replace(/^w-[0-9a-f]{8}/, 'w-00000000');
  renameSync(join(root, left), join(root, foreign));
  utimesSync(join(root, foreign), new Date(), new Date());
  const early = open();
  early.adoptOrphans();
  expect(take(early)).toEqual([]);
  const past = new Date(Date.now() - 61_000);
  utimesSync(join(root, foreign), past, past);
  const late = open();
  late.adoptOrphans();
  expect(records(late)).toEqual(['"a"']);
});

test('a dead process that had our pid, start time and thread is replayed when its heartbeat stopped; what we hold never', () => {
  const past = new Date(Date.now() - 61_000);
  const living = open();
  living.append('"living"');
  const gone = join(root, newFolderName());
  renameSync(join(root, abandon('"gone"')), gone);
  const fresh = open();
  fresh.adoptOrphans();
  expect(take(fresh)).toEqual([]);
  for (const name of folders()) utimesSync(join(root, name), past, past);
  const later = open();
  later.adoptOrphans();
  expect(records(later)).toEqual(['"gone"']);
  expect(records(living)).toEqual(['"living"']);
});

test('two that want the same orphan: one gets it', () => {
  abandon('"a"', '"b"');
  const [one, two] = [open(), open()];
  one.adoptOrphans();
  two.adoptOrphans();
  expect([...records(one), ...records(two)]).toEqual(['"a"', '"b"']);
});

test('a folder taken over while its owner lives loses nothing that is appended later', () => {
  const spool = open();
  spool.append('"before"');
  renameSync(join(root, folders()[0]!), join(root, dead()));
  const thief = open();
  thief.adoptOrphans();
  expect(records(thief)).toEqual(['"before"']);
  spool.append('"between"');
  spool.maintain();
  spool.append('"after"');
  expect(records(spool)).toEqual(expect.arrayContaining(['"between"', '"after"']));
});

test('a spool folder removed under us is made anew', () => {
  const spool = open();
  spool.append('"a"');
  rmSync(root, { recursive: true });
  spool.maintain();
  expect(spool.append('"b"')).toBe(true);
  expect(records(spool).sort()).toEqual(['"a"', '"b"']);
});

test('what a removed folder held is brought to the new one soon, whatever the sender waits for; what is being sent is not', async () => {
  const spool = open();
  spool.append('"a"');
  const sending = spool.next({ ...LIMITS, maxEvents: 1 })!;
  spool.append('"b"');
  rmSync(root, { recursive: true });
  spool.maintain();
  spool.append('"c"');
  const onDisk = () =>
    folders().flatMap((name) => /"[a-g]"/g[Symbol.match](readFileSync(join(root, name, '00000001.seg'), 'utf8')) ?? []);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(onDisk()).toEqual(['"c"']);
  // The sender pauses now, for minutes maybe.
  spool.putBack();
  await vi.waitFor(() => expect(onDisk()).toEqual(['"c"', '"a"', '"b"']));
  expect(records(spool)).toEqual(['"c"', '"a"', '"b"']);
  expect(sending.own).toBe(true);
});

test('what was acknowledged is not brought to the new folder', async () => {
  const spool = open();
  spool.append('"a"');
  spool.append('"b"');
  const sending = spool.next({ ...LIMITS, maxEvents: 1 })!;
  rmSync(root, { recursive: true });
  spool.maintain();
  spool.maintain();
  sending.batch.commit();
  expect(records(spool)).toEqual(['"b"']);
  expect(spool.lost).toBe(0);
});

test.runIf(existsSync('/proc/self/fd'))('looking at what waits keeps no file open', () => {
  const spool = open();
  spool.append('"own"');
  for (let i = 0; i < 20; i++) abandon(`"${i}"`);
  spool.adoptOrphans();
  const files = () => readdirSync('/proc/self/fd').length;
  const before = files();
  expect(spool.oldest()).toHaveLength(21);
  expect(files()).toBe(before);
  rmSync(root, { recursive: true });
  expect(spool.oldest().map(String)).toEqual([String(Buffer.from('"own"'))]);
  expect(records(spool)).toContain('"own"');
});

test('handed over: memory first, as it ends with the process', () => {
  const spool = open();
  spool.append('"disk"');
  const handOver = { ...spool.handOver(), memory: [{ header: '{"h":1}', record: '"memory"' }] };
  const queue = new HandedOver(handOver, new OnceLog(), { keepMs: 0, keepBytes: 0 });
  const first = queue.next(LIMITS)!;
  expect([String(first.batch.records[0]), queue.onDisk]).toEqual([String(Buffer.from('"memory"')), false]);
  first.batch.commit();
  expect([String(queue.next(LIMITS)!.batch.records[0]), queue.onDisk]).toEqual([String(Buffer.from('"disk"')), true]);
});

test('release: anybody may take over at once, although the process lives', () => {
  const spool = open();
  spool.append('"a"');
  spool.release();
  expect(folders()[0]).toMatch(/^r-w-/);
  const other = open();
  other.adoptOrphans();
  expect(records(other)).toEqual(['"a"']);
});

test('no usable folder: memory takes over, says so once, and goes back to disk when it can', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const file = join(root, 'file');
  writeFileSync(file, '');
  const spool = open({ roots: [join(file, 'spool')] });
  for (let i = 0; i < 5; i++) expect(spool.append(`${i}`)).toBe(true);
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(join(file, 'spool'));
  expect(messages[0]).toContain('CLIENT_COST_SPOOL_DIR');
  rmSync(file);
  mkdirSync(file);
  vi.advanceTimersByTime(11_000);
  spool.maintain();
  expect(messages[1]).toContain('works again');
  const handOver = spool.handOver();
  expect(handOver.memory).toEqual([]);
  const next = new HandedOver(handOver, new OnceLog(), { keepMs: 0, keepBytes: 0 }).next(LIMITS)!;
  expect(next.batch.records.map(String)).toHaveLength(5);
});

test('memory is handed over when the disk never came back', () => {
  const spool = open({ roots: ['/proc/nowhere'] });
  spool.append('"a"');
  const { memory, folders: none } = spool.handOver();
  expect(none).toEqual([]);
  expect(memory).toEqual([{ header: '{"h":1}', record: '"a"' }]);
});

test('at its size limit events wait in memory, and are lost only when that is full too: said once each', () => {
  const spool = open({ maxBytes: 2000, memory: new MemoryQueue(10) });
  const record = JSON.stringify('x'.repeat(500));
  const taken = Array.from({ length: 30 }, () => spool.append(record));
  expect(taken.filter(Boolean)).toHaveLength(4 + 10);
  expect(messages).toHaveLength(2);
  expect(messages[0]).toContain('limit of 2000 bytes');
  expect(messages[1]).toContain('LOST');
  expect(records(spool)).toHaveLength(14);
});

test('a folder of somebody else is not used', () => {
  if (process.getuid?.() === 0) return;
  chmodSync(root, 0o500);
  const spool = open();
  spool.append('"a"');
  expect(messages[0]).toContain(root);
  chmodSync(root, 0o700);
});

test('memory being sent and memory moved to disk do not mix', () => {
  const queue = new MemoryQueue();
  for (const record of ['1', '2', '3']) queue.push('{}', record);
  const batch = queue.next({ maxEvents: 2, maxBytes: 100 })!;
  expect(queue.peek()?.record).toBe('3');
  queue.takeOldest();
  queue.push('{}', '4');
  expect(queue.next(LIMITS)!.records).toHaveLength(2);
  batch.commit();
  expect(queue.next(LIMITS)!.records.map(String)).toEqual([String(Buffer.from('4'))]);
});
