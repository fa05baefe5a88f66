import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { createLease } from './lease.ts';
import { createSender } from './sender.ts';
import { ada, alert, harness } from './testing/harness.ts';

let folder: string;
const clock = { time: 0, now: () => clock.time };
const open = () => ({ db: openStore(join(folder, 'outbox.db')), clock }) as unknown as SmsDeps;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-cost-lease-'));
  clock.time = Date.parse('2026-11-15T19:00:00Z');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('one of two on a file; the other when it lets go, or is not heard of', () => {
  const [one, two] = [createLease(open(), 20_000), createLease(open(), 20_000)];
  expect([one.hold(), two.hold(), one.hold()]).toEqual(['gained', 'other', 'held']);
  clock.time += 15_000;
  expect([one.hold(), two.hold()]).toEqual(['held', 'other']);
  clock.time += 15_000;
  expect(two.hold()).toBe('other');
  clock.time += 6_000;
  expect([two.hold(), one.hold()]).toEqual(['gained', 'other']);
  two.release();
  expect(one.hold()).toBe('gained');
});

test('a holder whose process is gone does not hold it; nor an earlier life with our own process id', () => {
  const deps = open();
  const lease = createLease(deps, 20_000);
  const put = (holder: string) => {
    deps.db.exec('DELETE FROM lease');
    deps.db.prepare("INSERT INTO lease VALUES ('sender', ?, ?)").run(holder, clock.time + 20_000);
  };
  put(`${hostname()}/4194305/x`);
  expect(lease.hold()).toBe('gained');
  put(`${hostname()}/${process.pid}/x`);
  expect(lease.hold()).toBe('gained');
  // Whether a process of another machine lives cannot be known.
  put(`elsewhere/4194305/x`);
  expect(lease.hold()).toBe('other');
  // This one lives.
  put(`${hostname()}/${process.ppid}/x`);
  expect(lease.hold()).toBe('other');
});

test('two senders on one file: every text once', async () => {
  const h = await harness({ config: { onCall: { clients: [[ada]], operations: [] }, textsPerHour: 1_000 } });
  const second = createSender(h.deps);
  await second.start();
  for (let i = 0; i < 20; i++) {
    h.accept([alert({ client: `client-${i}` })]);
    second.wake();
    h.sender.wake();
    await Promise.all([h.sender.idle(), second.idle()]);
  }
  expect(h.texts()).toHaveLength(20);
  // The first one ends, the second takes over.
  await h.sender.stop();
  h.accept([alert({ client: 'late' })]);
  for (let i = 0; i < 300 && h.texts().length < 21; i++) {
    second.wake();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(h.texts()).toHaveLength(21);
  await second.stop();
  await h.close();
});
