/**
 * Routing, grouping and repeating as Grafana's Alertmanager does them (prometheus/alertmanager dispatch and notify; grafana/alerting
 * definition.Route): which webhook goes to which contact point, when, with which alerts.
 */
import type { Route } from '../files.ts';
import { keyOf } from './frame.ts';
import { duration, type SentAlert } from './state.ts';

export interface WebhookAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Webhook {
  readonly at: number;
  readonly receiver: string;
  readonly alerts: readonly WebhookAlert[];
}

interface Group {
  readonly route: Route;
  readonly alerts: Map<string, SentAlert>;
  nextFlush: number;
  notified:
    | { readonly at: number; readonly firing: ReadonlySet<string>; readonly resolved: ReadonlySet<string> }
    | undefined;
}

export class Alertmanager {
  readonly webhooks: Webhook[] = [];
  readonly #root: Route;
  readonly #groups = new Map<string, Group>();

  constructor(root: Route) {
    this.#root = root;
  }

  post(alerts: readonly SentAlert[], now: number): void {
    // What was due before did not know of these.
    this.tick(now - 1);
    for (const alert of alerts) {
      for (const route of matching(this.#root, alert.labels)) {
        const by = Object.fromEntries(route.group_by.map((name) => [name, alert.labels[name] ?? '']));
        const id = `${JSON.stringify(route.object_matchers)}${keyOf(by)}`;
        let group = this.#groups.get(id);
        if (group === undefined) {
          // What is resolved already opens no group.
          if (alert.endsAt <= now) continue;
          group = { route, alerts: new Map(), nextFlush: now + duration(route.group_wait), notified: undefined };
          this.#groups.set(id, group);
        }
        group.alerts.set(keyOf(alert.labels), alert);
      }
    }
  }

  /** Lets the groups work that are due; to be called at least once per group_interval. */
  tick(now: number): void {
    for (const [id, group] of this.#groups) {
      while (group.nextFlush <= now) {
        this.#flush(group, group.nextFlush);
        group.nextFlush += duration(group.route.group_interval);
      }
      if (group.alerts.size === 0) this.#groups.delete(id);
    }
  }

  #flush(group: Group, now: number): void {
    const firing = [...group.alerts].filter(([, alert]) => alert.endsAt > now);
    const resolved = [...group.alerts].filter(([, alert]) => alert.endsAt <= now);
    const keys = (of: typeof firing) => new Set(of.map(([key]) => key));
    if (isDue(group, keys(firing), keys(resolved), now)) {
      const alerts = [...firing, ...resolved].map(([, alert]) => ({
        status: alert.endsAt > now ? ('firing' as const) : ('resolved' as const),
        // Grafana's own labels stay inside.
        labels: Object.fromEntries(Object.entries(alert.labels).filter(([name]) => !name.startsWith('__'))),
        annotations: alert.annotations,
      }));
      this.webhooks.push({ at: now, receiver: group.route.receiver, alerts });
      group.notified = { at: now, firing: keys(firing), resolved: keys(resolved) };
    }
    for (const [key] of resolved) group.alerts.delete(key);
  }
}

function isDue(group: Group, firing: ReadonlySet<string>, resolved: ReadonlySet<string>, now: number): boolean {
  const { notified, route } = group;
  if (notified === undefined) return firing.size > 0;
  if (![...firing].every((key) => notified.firing.has(key))) return true;
  if (firing.size === 0) return notified.firing.size > 0;
  if (![...resolved].every((key) => notified.resolved.has(key))) return true;
  return notified.at < now - duration(route.repeat_interval);
}

/** The deepest routes that match; the first child that matches ends the search, unless it continues. */
function matching(route: Route, labels: Readonly<Record<string, string>>): readonly Route[] {
  const matches = (route.object_matchers ?? []).every(([name, how, value]) => {
    const actual = labels[name] ?? '';
    const same = how.endsWith('~') ? new RegExp(`^(?:${value})$`).test(actual) : actual === value;
    return how.startsWith('!') ? !same : same;
  });
  if (!matches) return [];
  const found: Route[] = [];
  for (const child of route.routes ?? []) {
    const below = matching(child, labels);
    found.push(...below);
    if (below.length > 0 && child.continue !== true) break;
  }
  return found.length > 0 ? found : [route];
}
