import { acknowledgeUrl } from '../acknowledge/token.ts';
import { addEvent } from '../store/events.ts';
import { prepared } from '../store/prepared.ts';
import type { Route, Severity, SmsDeps } from '../types.ts';
import type { Incoming } from './payload.ts';

export interface Outcome {
  readonly id: number;
  readonly route: Route;
  readonly severity: Severity;
  readonly what: 'fired' | 'repeated' | 'suppressed' | 'resolved';
  /** To be texted to level 0. */
  readonly text: boolean;
}

interface Known {
  id: number;
  status: string;
  acknowledged_at: number | null;
  level: number;
  last_seen_at: number;
  firing: string;
}

/** Fingerprints not seen for so long are of series that no longer exist. */
const FORGET_MS = 48 * 3_600_000;
/** Grafana's clock may be ahead of ours. */
const CLOCKS_MS = 300_000;
const RECENTLY = 'texted a short while ago';

/**
 * Writes what a webhook says of one alert, in the caller's transaction. The caller queues and cancels the texts.
 *
 * @returns undefined where it changes nothing: resolved, and never fired or resolved already
 */
export function apply(deps: SmsDeps, alert: Incoming, source: 'grafana' | 'check', at: number): Outcome | undefined {
  const known = prepared(
    deps.db,
    'SELECT id, status, acknowledged_at, level, last_seen_at, firing FROM alerts WHERE key = ?',
  ).get(alert.key) as Known | undefined;
  if (alert.status === 'resolved')
    return known?.status === 'firing' ? resolve(deps, alert, known, source, at) : undefined;
  return fire(deps, alert, known, source, at);
}

function resolve(deps: SmsDeps, alert: Incoming, known: Known, source: string, at: number): Outcome | undefined {
  const { db } = deps;
  // A renamed client is a new series to Grafana: the old one's end is not the end of the alert.
  const firing = seriesOf(known.firing, at);
  if (firing.has(alert.fingerprint)) {
    firing.delete(alert.fingerprint);
    if (firing.size > 0) {
      prepared(db, 'UPDATE alerts SET firing = ? WHERE id = ?').run(
        JSON.stringify(Object.fromEntries(firing)),
        known.id,
      );
      return undefined;
    }
  }
  prepared(
    db,
    "UPDATE alerts SET status = 'resolved', resolved_at = ?, last_seen_at = ?, escalate_at = NULL, firing = '{}', source = ? WHERE id = ?",
  ).run(at, at, source, known.id);
  addEvent(db, known.id, 'resolved', at);
  return { id: known.id, route: alert.route, severity: alert.severity, what: 'resolved', text: false };
}

function fire(
  deps: SmsDeps,
  alert: Incoming,
  known: Known | undefined,
  source: 'grafana' | 'check',
  at: number,
): Outcome {
  const { db } = deps;
  const anew = known === undefined || known.status === 'resolved' || (source === 'grafana' && beganAgain(alert, known));
  const id = known === undefined ? insert(deps, alert, source, at) : update(deps, alert, known, source, anew, at);
  // With a link each time: links expire, and an alert may be open for longer.
  addEvent(db, id, anew ? 'fired' : 'repeated', at, linkOf(deps, alert, at));
  const outcome = { id, route: alert.route, severity: alert.severity };
  if (!anew && known.acknowledged_at !== null) return { ...outcome, what: 'repeated', text: false };
  const reason = whyNot(deps, alert, id, at);
  if (reason !== undefined) {
    if (anew) addEvent(db, id, 'suppressed', at, { error: reason });
    // Who knows, knows; else it goes on from the level that was texted, so that one that comes and goes does not text each level every time.
    if (anew && reason === RECENTLY && !wasAcknowledged(deps, alert, known, at))
      planEscalation(deps, alert, id, known?.level ?? 0, at);
    return { ...outcome, what: anew ? 'suppressed' : 'repeated', text: false };
  }
  planEscalation(deps, alert, id, 0, at);
  return { ...outcome, what: anew ? 'fired' : 'repeated', text: true };
}

/** When a critical goes on from a level that was texted. */
function planEscalation({ db, config }: SmsDeps, alert: Incoming, id: number, level: number, at: number): void {
  if (alert.severity !== 'critical') return;
  const further = config.onCall[alert.route].length - 1 > level && config.escalateAfterSeconds > 0;
  prepared(db, 'UPDATE alerts SET level = ?, escalate_at = ? WHERE id = ?').run(
    level,
    further ? at + config.escalateAfterSeconds * 1000 : null,
    id,
  );
}

/** Whether somebody acknowledged what was texted a short while ago: the earlier episode, or the alert of the month before. */
function wasAcknowledged({ db, config }: SmsDeps, alert: Incoming, known: Known | undefined, at: number): boolean {
  if (known !== undefined) return known.acknowledged_at !== null;
  const other = prepared(
    db,
    `SELECT 1 FROM alerts WHERE route = ? AND client_id = ? AND alert_type = ? AND severity = ? AND acknowledged_at IS NOT NULL
        AND last_texted_at > ?`,
  ).get(alert.route, alert.client_id, alert.alert_type, alert.severity, at - config.repeatAfterSeconds * 1000);
  return other !== undefined;
}

/**
 * Whether the alert was over since it was last heard of, though nobody told: a silence swallows the "resolved". Of this series alone, as a renamed
 * client is a new one. The check does not know when an alert began.
 */
function beganAgain({ startsAt, fingerprint }: Incoming, { firing, last_seen_at }: Known): boolean {
  const seen = JSON.parse(firing) as Record<string, number>;
  const lastSeen = Object.keys(seen).length === 0 ? last_seen_at : seen[fingerprint];
  return startsAt !== undefined && lastSeen !== undefined && startsAt > lastSeen + CLOCKS_MS;
}

/** Why an alert that fires is not texted now; undefined where it is. */
function whyNot({ db, config }: SmsDeps, alert: Incoming, id: number, at: number): string | undefined {
  if (alert.foreign && alert.route === 'clients')
    return 'not an alert of a client-cost rule: not texted on the clients route';
  if (alert.severity === 'warning' && !alert.foreign) {
    const critical = prepared(
      db,
      `SELECT 1 FROM alerts WHERE route = ? AND client_id = ? AND alert_type = ? AND month = ? AND severity = 'critical'
          AND status = 'firing' AND foreign_alert = 0`,
    ).get(alert.route, alert.client_id, alert.alert_type, alert.month);
    if (critical !== undefined) return 'its critical alert fires';
  }
  // By client, type and severity, not by month: the first of a month does not repeat what the last of the one before said.
  const texted = prepared(
    db,
    `SELECT 1 FROM alerts a WHERE a.route = ? AND a.client_id = ? AND a.alert_type = ? AND a.severity = ? AND (
        a.last_texted_at > ? OR EXISTS (
          SELECT 1 FROM message_alerts ma JOIN messages m ON m.id = ma.message_id
          WHERE ma.alert_id = a.id AND m.kind <> 'reply' AND m.state IN ('queued', 'sending', 'maybe_sent')
            AND (a.id = ? OR a.status = 'firing')))`,
  ).get(alert.route, alert.client_id, alert.alert_type, alert.severity, at - config.repeatAfterSeconds * 1000, id);
  return texted === undefined ? undefined : RECENTLY;
}

function linkOf({ config }: SmsDeps, { key }: Incoming, at: number): { acknowledge_url?: string } {
  const url = acknowledgeUrl(config, { key }, at);
  return url === undefined ? {} : { acknowledge_url: url };
}

function insert({ db }: SmsDeps, alert: Incoming, source: string, at: number): number {
  const { lastInsertRowid } = prepared(
    db,
    `INSERT INTO alerts (key, route, client_id, client_name, alert_type, severity, month, message, details, source, silence_matchers,
        status, fired_at, last_seen_at, firing, foreign_alert) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'firing', ?, ?, ?, ?)`,
  ).run(
    alert.key,
    alert.route,
    alert.client_id,
    alert.client_name,
    alert.alert_type,
    alert.severity,
    alert.month,
    alert.message,
    alert.details,
    source,
    alert.silence_matchers,
    at,
    at,
    JSON.stringify(source === 'check' ? {} : { [alert.fingerprint]: at }),
    alert.foreign ? 1 : 0,
  );
  return Number(lastInsertRowid);
}

function update({ db }: SmsDeps, alert: Incoming, known: Known, source: string, anew: boolean, at: number): number {
  const firing = anew ? new Map<string, number>() : seriesOf(known.firing, at);
  // The check reads the same state as Grafana and keeps no series: what it told must not outlive Grafana's own.
  if (source !== 'check') firing.set(alert.fingerprint, at);
  prepared(
    db,
    `UPDATE alerts SET route = ?, client_name = ?, message = ?, details = ?, source = ?, silence_matchers = coalesce(?, silence_matchers),
      last_seen_at = ?, firing = ?, foreign_alert = ? WHERE id = ?`,
  ).run(
    alert.route,
    alert.client_name,
    alert.message,
    alert.details,
    source,
    alert.silence_matchers,
    at,
    JSON.stringify(Object.fromEntries(firing)),
    alert.foreign ? 1 : 0,
    known.id,
  );
  if (anew) {
    prepared(
      db,
      `UPDATE alerts SET status = 'firing', episode = episode + 1, fired_at = ?, resolved_at = NULL, level = 0, escalate_at = NULL,
        acknowledged_at = NULL, acknowledged_by = NULL, acknowledged_how = NULL, silenced_at = NULL WHERE id = ?`,
    ).run(at, known.id);
  }
  return known.id;
}

function seriesOf(json: string, at: number): Map<string, number> {
  const seen = Object.entries(JSON.parse(json) as Record<string, number>);
  return new Map(seen.filter(([, last]) => last > at - FORGET_MS));
}
