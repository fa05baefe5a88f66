import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore, transaction } from './open.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-cost-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (db: ReturnType<typeof openStore>, phone: string) =>
  db.prepare('INSERT INTO stopped VALUES (?, 0)').run(phone);
const count = (db: ReturnType<typeof openStore>) =>
  (db.prepare('SELECT count(*) AS n FROM stopped').get() as { n: number }).n;

test('made with its folder, for its owner only; opened again it holds what it held', () => {
  const file = join(folder, 'a', 'b', 'outbox.db');
  const first = openStore(file);
  put(first, '+1');
  for (const name of ['', '-wal', '-shm']) expect(statSync(file + name).mode & 0o777).toBe(0o600);
  // Not closed: as after a kill.
  const second = openStore(file);
  expect(count(second)).toBe(1);
  first.close();
  second.close();
});

test('all of a transaction, or nothing', () => {
  const db = openStore(':memory:');
  expect(() =>
    transaction(db, () => {
      put(db, '+1');
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(count(db)).toBe(0);
  expect(transaction(db, () => put(db, '+1').changes)).toBe(1);
  expect(count(db)).toBe(1);
});

test('a file of a newer program, or of something else, is not touched', () => {
  const file = join(folder, 'outbox.db');
  const db = openStore(file);
  db.exec('PRAGMA user_version = 99');
  db.close();
  expect(() => openStore(file)).toThrow(`${file}: the outbox has version 99, this program knows 1`);
  const text = join(folder, 'text.db');
  writeFileSync(text, 'not a database, but long enough to be looked at as one'.repeat(50));
  expect(() => openStore(text)).toThrow(/not a database/);
});
