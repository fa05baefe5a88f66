/**
 * The outbox's tables. Times are Unix milliseconds. Everything that must not be lost is written in one transaction before anything is
 * answered or sent.
 *
 * - `alerts`: one row per alert key (`alert_type:severity:month:client_id`). `episode` counts how often it fired anew after it was resolved.
 *   `firing`: JSON, fingerprint → when last seen firing: a key is resolved when none of its series fires any more. `foreign_alert` 1: not one of our
 *   own rules (kept, texted to operations only).
 * - `messages`: the outbox. `queued` → `sending` (committed before the request to Twilio) → `sent` → `delivered` or `undelivered`.
 *   `sending` found at a start, or an answer that never came → `maybe_sent`: nobody knows whether the text left, until Twilio's list of
 *   messages says. `failed`: given up, with the reason. `cancelled`: no longer wanted (acknowledged, resolved, stopped).
 *   `composed` 1: the body follows from the alerts and is written anew when the text leaves; 0: it is as given. `held` 1: waits for the end of the
 *   quiet hours. `check_at`: when Twilio is next asked what became of it (`maybe_sent`: whether it left; `sent`: its status).
 * - `attempts`: one row per request to Twilio that makes a text, written before the request. `outcome`: `open` (no answer yet), `accepted`,
 *   `refused` (surely not sent), `unknown`. `status` is Twilio's. A number's hourly limit counts them.
 * - `lease`: which process sends. Two on one file never do at once.
 * - `message_alerts`: which alerts a text tells about. A text's `code` (the same for all it goes to) acknowledges all of them.
 * - `events`: the life of alerts on its way to ClickHouse's `usage_alerts`; a row is JSON of that table's columns.
 * - `stopped`: numbers that answered STOP.
 * - `inbound`: Twilio's ids of texts that came in and what was replied, so that a webhook delivered twice acts once and is answered the same.
 */
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  episode INTEGER NOT NULL DEFAULT 1,
  route TEXT NOT NULL CHECK (route IN ('clients', 'operations')),
  client_id TEXT NOT NULL,
  client_name TEXT NOT NULL,
  alert_type TEXT NOT NULL,
  severity TEXT NOT NULL,
  month TEXT NOT NULL,
  message TEXT NOT NULL,
  details TEXT NOT NULL DEFAULT '{}',
  source TEXT NOT NULL,
  silence_matchers TEXT,
  status TEXT NOT NULL CHECK (status IN ('firing', 'resolved')),
  fired_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  resolved_at INTEGER,
  last_texted_at INTEGER,
  firing TEXT NOT NULL DEFAULT '{}',
  foreign_alert INTEGER NOT NULL DEFAULT 0,
  level INTEGER NOT NULL DEFAULT 0,
  escalate_at INTEGER,
  acknowledged_at INTEGER,
  acknowledged_by TEXT,
  acknowledged_how TEXT,
  silenced_at INTEGER
) STRICT;
CREATE INDEX alerts_client ON alerts (client_id, alert_type, severity);
CREATE INDEX alerts_escalation ON alerts (escalate_at) WHERE escalate_at IS NOT NULL;

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('alert', 'escalation', 'reply')),
  recipient TEXT NOT NULL,
  phone TEXT NOT NULL,
  severity TEXT NOT NULL,
  body TEXT NOT NULL,
  code TEXT,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'delivered', 'undelivered', 'maybe_sent', 'failed', 'cancelled')),
  attempts INTEGER NOT NULL DEFAULT 0,
  repeats INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  sending_at INTEGER,
  sent_at INTEGER,
  updated_at INTEGER NOT NULL,
  sid TEXT UNIQUE,
  error_code TEXT,
  error TEXT,
  composed INTEGER NOT NULL DEFAULT 1,
  held INTEGER NOT NULL DEFAULT 0,
  check_at INTEGER,
  checks INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX messages_check ON messages (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX messages_due ON messages (state, not_before);
CREATE INDEX messages_code ON messages (code) WHERE code IS NOT NULL;
CREATE INDEX messages_phone ON messages (phone, sent_at);

CREATE TABLE message_alerts (
  message_id INTEGER NOT NULL REFERENCES messages (id),
  alert_id INTEGER NOT NULL REFERENCES alerts (id),
  PRIMARY KEY (message_id, alert_id)
) STRICT;
CREATE INDEX message_alerts_alert ON message_alerts (alert_id);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  message_id INTEGER NOT NULL REFERENCES messages (id),
  number INTEGER NOT NULL,
  phone TEXT NOT NULL,
  body TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT NOT NULL DEFAULT 'open' CHECK (outcome IN ('open', 'accepted', 'refused', 'unknown')),
  sid TEXT UNIQUE,
  status TEXT,
  error_code TEXT,
  error TEXT,
  UNIQUE (message_id, number)
) STRICT;
CREATE INDEX attempts_phone ON attempts (phone, started_at);

CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  alert_key TEXT NOT NULL,
  event TEXT NOT NULL,
  row TEXT NOT NULL,
  exported_at INTEGER
) STRICT;
CREATE INDEX events_pending ON events (at) WHERE exported_at IS NULL;

CREATE TABLE stopped (
  phone TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT;

CREATE TABLE inbound (
  sid TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  reply TEXT NOT NULL DEFAULT ''
) STRICT;
`;
