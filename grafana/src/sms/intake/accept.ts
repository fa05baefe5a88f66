import { cancelTextsOf, queueTexts } from '../delivery/queue.ts';
import { transaction } from '../store/open.ts';
import { quietUntil } from '../texts/quiet.ts';
import type { Route, SmsDeps } from '../types.ts';
import { apply, type Outcome } from './apply.ts';
import { type Incoming, readWebhook } from './payload.ts';

export { BadWebhook } from './payload.ts';

/** Keys of the alerts of a webhook, each in one list. */
export type Accepted = {
  /** New, or again after it was resolved; texted. */
  readonly fired: string[];
  /** Known and still firing; texted again only when nobody acknowledged it for `repeatAfterSeconds`. */
  readonly repeated: string[];
  /** Firing, not texted: the same was texted a short while ago, its critical fires, or it is not an alert for clients' admins. */
  readonly suppressed: string[];
  readonly resolved: string[];
};

/**
 * Takes a webhook whose signature was verified: alerts, events and texts are on disk when this returns, in one transaction. Wake the sender then.
 *
 * @throws BadWebhook where it is not Grafana's webhook: answer 400 with its message
 */
export function acceptWebhook(deps: SmsDeps, route: Route, body: unknown): Accepted {
  const webhook = readWebhook(route, body, deps.log);
  const at = deps.clock.now();
  const result = transaction(deps.db, () => {
    const accepted: Accepted = { fired: [], repeated: [], suppressed: [], resolved: [] };
    const toText: Outcome[] = [];
    const over: number[] = [];
    for (const alert of [...webhook.alerts, ...truncation(deps, webhook.truncated)]) {
      const outcome = apply(deps, alert, webhook.source, at);
      if (outcome === undefined) continue;
      accepted[outcome.what].push(alert.key);
      if (outcome.text) toText.push(outcome);
      if (outcome.what === 'resolved') over.push(outcome.id);
    }
    // All at once: a text that many of them are in is written anew once.
    cancelTextsOf(deps, over, at);
    queue(deps, toText, at);
    return accepted;
  });
  const counts = Object.fromEntries(Object.entries(result).map(([name, keys]) => [name, keys.length]));
  deps.log.info({ route, source: webhook.source, ...counts }, 'A webhook was taken');
  return result;
}

/** One text for all that leaves at the same time, per route. */
function queue(deps: SmsDeps, outcomes: readonly Outcome[], at: number): void {
  const quietEnd = quietUntil(deps.config.quietHours, at);
  for (const route of ['clients', 'operations'] as const) {
    const contacts = deps.config.onCall[route][0] ?? [];
    const of = outcomes.filter((outcome) => outcome.route === route);
    const held = quietEnd === undefined ? [] : of.filter(({ severity }) => severity === 'warning');
    const now = of.filter((outcome) => !held.includes(outcome));
    const ids = (list: readonly Outcome[]) => list.map(({ id }) => id);
    queueTexts(deps, { kind: 'alert', alertIds: ids(now), contacts, at });
    queueTexts(deps, { kind: 'alert', alertIds: ids(held), contacts, at, notBefore: quietEnd });
  }
}

/** Alerts that Grafana left out reach nobody: that is an alert itself, until a webhook leaves none out. */
function truncation({ db, log }: SmsDeps, count: number): Incoming[] {
  const key = 'webhook_truncated:warning::';
  if (count > 0)
    log.error({ count }, 'Grafana left alerts out of its webhook: set "Max alerts" of the contact point to 0');
  const known = db.prepare("SELECT 1 FROM alerts WHERE key = ? AND status = 'firing'").get(key) !== undefined;
  if (count === 0 && !known) return [];
  return [
    {
      key,
      route: 'operations',
      status: count > 0 ? 'firing' : 'resolved',
      fingerprint: '',
      startsAt: undefined,
      client_id: '',
      client_name: '',
      alert_type: 'webhook_truncated',
      severity: 'warning',
      month: '',
      message: `Grafana left ${count} alerts out of its webhook: set Max alerts of the contact point to 0`,
      details: '{}',
      silence_matchers: null,
      foreign: false,
    },
  ];
}
