import { isStopped } from '../acknowledge/people.ts';
import { queueTexts } from '../delivery/queue.ts';
import { addEvent } from '../store/events.ts';
import { transaction } from '../store/open.ts';
import type { Contact, Route, SmsDeps } from '../types.ts';

interface Due {
  id: number;
  key: string;
  route: Route;
  level: number;
  code: string | null;
}

/** Alerts that go on together: one text to the next level. */
interface Step {
  readonly route: Route;
  /** Level it goes to; undefined: there is no further one. */
  readonly level: number | undefined;
  readonly contacts: readonly Contact[];
  readonly code: string | null;
  readonly alerts: Due[];
}

/**
 * Takes every critical alert whose time has come, which nobody acknowledged and which still fires, to the next level of contacts, in one
 * transaction. Levels of which everybody answered STOP are passed over. After the last level it goes no further: `GET /healthz` and the
 * metrics count it as unanswered.
 *
 * @returns texts queued
 */
export function escalateDue(deps: SmsDeps): number {
  const { db, clock } = deps;
  const at = clock.now();
  // Read before the write lock is taken: nearly always nothing is due.
  if (dueAlerts(deps, at).length === 0) return 0;
  return transaction(db, () => {
    const steps = stepsOf(deps, dueAlerts(deps, at));
    return steps.reduce((queued, step) => queued + take(deps, step, at), 0);
  });
}

/** When the next alert is due, Unix milliseconds; undefined where none waits. */
export function nextEscalation({ db }: Pick<SmsDeps, 'db'>): number | undefined {
  const row = db
    .prepare(
      `SELECT MIN(escalate_at) AS next FROM alerts
       WHERE escalate_at IS NOT NULL AND status = 'firing' AND acknowledged_at IS NULL`,
    )
    .get() as { next: number | null };
  return row.next ?? undefined;
}

function dueAlerts({ db }: SmsDeps, at: number): Due[] {
  return db
    .prepare(
      `SELECT a.id, a.key, a.route, a.level, (
         SELECT m.code FROM messages m JOIN message_alerts ma ON ma.message_id = m.id
         WHERE ma.alert_id = a.id AND m.code IS NOT NULL AND m.created_at >= a.fired_at
         ORDER BY m.created_at DESC, m.id DESC LIMIT 1) AS code
       FROM alerts a
       WHERE a.escalate_at <= ? AND a.status = 'firing' AND a.severity = 'critical' AND a.acknowledged_at IS NULL
       ORDER BY a.escalate_at, a.id`,
    )
    .all(at) as unknown as Due[];
}

function stepsOf(deps: SmsDeps, due: readonly Due[]): Step[] {
  const steps = new Map<string, Step>();
  for (const alert of due) {
    const levels = deps.config.onCall[alert.route];
    const reached = levels.findIndex(
      (contacts, level) => level > alert.level && contacts.some(({ phone }) => !isStopped(deps.db, phone)),
    );
    const level = reached === -1 ? undefined : reached;
    const contacts = (level === undefined ? [] : (levels[level] ?? [])).filter(
      ({ phone }) => !isStopped(deps.db, phone),
    );
    const id = `${alert.route}/${level}/${alert.code}`;
    const step = steps.get(id) ?? { route: alert.route, level, contacts, code: alert.code, alerts: [] };
    step.alerts.push(alert);
    steps.set(id, step);
  }
  return [...steps.values()];
}

function take(deps: SmsDeps, { route, level, contacts, code, alerts }: Step, at: number): number {
  const { db, config, log } = deps;
  const ids = alerts.map(({ id }) => id);
  const keys = alerts.map(({ key }) => key);
  const update = db.prepare('UPDATE alerts SET level = ?, escalate_at = ? WHERE id = ?');
  if (level === undefined) {
    for (const alert of alerts) update.run(alert.level, null, alert.id);
    log.error({ alerts: keys, route }, 'Nobody acknowledged, and there is no further level on call');
    return 0;
  }
  const further = config.onCall[route].length - 1 > level && config.escalateAfterSeconds > 0;
  const next = further ? at + config.escalateAfterSeconds * 1000 : null;
  const recipient = contacts.map(({ name }) => name).join(', ');
  for (const id of ids) {
    update.run(level, next, id);
    addEvent(db, id, 'escalated', at, { source: 'sms', recipient });
  }
  log.warn({ alerts: keys, level, contacts: recipient }, 'Nobody acknowledged: on to the next level');
  return queueTexts(deps, {
    kind: 'escalation',
    alertIds: ids,
    contacts,
    at,
    ...(code === null ? {} : { code }),
  });
}

/** Critical alerts that everybody was told about and nobody acknowledged in time. */
export function unanswered({ db, config, clock }: Pick<SmsDeps, 'db' | 'config' | 'clock'>): number {
  const { count } = db
    .prepare(
      `SELECT COUNT(*) AS count FROM alerts
       WHERE status = 'firing' AND severity = 'critical' AND acknowledged_at IS NULL AND escalate_at IS NULL
         AND coalesce(last_texted_at, fired_at) <= ? AND NOT (foreign_alert = 1 AND route = 'clients')`,
    )
    .get(clock.now() - config.escalateAfterSeconds * 1000) as { count: number };
  return count;
}
