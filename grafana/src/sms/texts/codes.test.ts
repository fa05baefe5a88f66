import { expect, test } from 'vitest';
import { openStore } from '../store/open.ts';
import { CODE_REST_MS, newCode } from './codes.ts';

const NOW = Date.parse('2026-11-15T19:00:00Z');

function message(db: ReturnType<typeof openStore>, code: string, at: number): number {
  const { lastInsertRowid } = db
    .prepare(
      `INSERT INTO messages (token, kind, recipient, phone, severity, body, code, state, created_at, not_before, updated_at)
      VALUES (?, 'alert', 'ada', '+1', 'critical', '', ?, 'sent', ?, ?, ?)`,
    )
    .run(`${code}${at}`, code, at, at, at);
  return Number(lastInsertRowid);
}

test('four digits, none given out twice; six when a guess would too often hit', () => {
  const db = openStore(':memory:');
  const seen = new Set<string>();
  for (let i = 0; i < 1_200; i++) {
    const code = newCode(db, NOW);
    expect(seen.has(code)).toBe(false);
    seen.add(code);
    message(db, code, NOW);
  }
  const lengths = [...seen].map(({ length }) => length);
  expect(lengths.slice(0, 1_000).every((length) => length === 4)).toBe(true);
  expect(lengths.slice(1_000).every((length) => length === 6)).toBe(true);
});

test('all but one taken: the one; an old code rests while one of its alerts is open', () => {
  const db = openStore(':memory:');
  const old = NOW - CODE_REST_MS - 1;
  db.exec('BEGIN');
  for (let code = 1_000; code < 10_000; code++) if (code !== 4_821) message(db, String(code), old);
  db.exec('COMMIT');
  // All of them rested long enough.
  expect(newCode(db, NOW)).toMatch(/^\d{4}$/);
  db.exec(`INSERT INTO alerts (id, key, route, client_id, client_name, alert_type, severity, month, message, source, status, fired_at, last_seen_at)
    VALUES (1, 'k', 'clients', 'a', 'A', 'threshold', 'critical', '2026-11', 'm', 'grafana', 'firing', 0, 0);
    INSERT INTO message_alerts SELECT id, 1 FROM messages`);
  expect(newCode(db, NOW)).toBe('4821');
});
