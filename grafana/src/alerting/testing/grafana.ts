import type { AlertingFile, AlertRule, Route, RuleGroup } from '../files.ts';
import { Alertmanager, type Webhook } from './alertmanager.ts';
import { type Ask, evaluate } from './evaluate.ts';
import { committed } from './files.ts';
import { provision } from './provisioning.ts';
import { duration, RuleLife } from './state.ts';

/** Answers a rule's SQL as of a moment. */
export type AskAt = (rawSql: string, now: Date) => ReturnType<Ask>;

const ENV = { CLIENT_COST_SMS_URL: 'http://127.0.0.1:8085', CLIENT_COST_ALERT_WEBHOOK_SECRET: 'secret' };

/** Who gets what no rule of ours sends: the tree of a Grafana that was there before. */
const SOMEBODY_ELSES: Route = {
  receiver: 'somebody else',
  group_by: ['alertname'],
  group_wait: '30s',
  group_interval: '5m',
  repeat_interval: '4h',
};

/**
 * Grafana as far as alerting goes, on a clock of its own: reads committed files, evaluates every group at its interval, carries the
 * states on, and keeps the webhooks that it would post.
 */
export class SimulatedGrafana {
  readonly #ask: AskAt;
  readonly #manager: Alertmanager;
  readonly #rules: { readonly group: RuleGroup; readonly rule: AlertRule; readonly life: RuleLife }[];
  #now: number;

  /**
   * @param paths files below grafana/
   * @param start where the clock begins
   * @param only uids of the rules that are evaluated; all by default
   */
  constructor(paths: readonly string[], start: Date, ask: AskAt, only: (uid: string) => boolean = () => true) {
    const files = paths.map((path) => provision(committed(path), ENV).file);
    const groups = files.flatMap((file) => file.groups ?? []);
    this.#ask = ask;
    this.#now = start.getTime();
    this.#rules = groups.flatMap((group) =>
      group.rules.filter(({ uid }) => only(uid)).map((rule) => ({ group, rule, life: new RuleLife(rule, group) })),
    );
    this.#manager = new Alertmanager(routing(files, groups));
  }

  get now(): Date {
    return new Date(this.#now);
  }

  /** Lets the time pass until `end`; gives the webhooks of that time. */
  async until(end: Date): Promise<readonly Webhook[]> {
    const before = this.#manager.webhooks.length;
    for (; this.#now <= end.getTime(); this.#now += 60_000) {
      for (const { group, rule, life } of this.#rules) {
        if (this.#now % duration(group.interval) !== 0) continue;
        const results = await evaluate(rule, (rawSql) => this.#ask(rawSql, this.now));
        this.#manager.post(life.next(results, this.#now), this.#now);
      }
      this.#manager.tick(this.#now);
    }
    return this.#manager.webhooks.slice(before);
  }

  /** Label sets of a rule and their states now. */
  states(uid: string): ReturnType<RuleLife['states']> {
    return this.#rules.find(({ rule }) => rule.uid === uid)?.life.states() ?? [];
  }
}

/** The tree of the policies file, or, without one, a route per rule above somebody else's tree, as Grafana generates them. */
function routing(files: readonly AlertingFile[], groups: readonly RuleGroup[]): Route {
  const tree = files.flatMap((file) => file.policies ?? [])[0];
  if (tree !== undefined) return tree;
  const routes = groups.flatMap((group) =>
    group.rules.flatMap(({ uid, notification_settings: settings }): Route[] =>
      settings === undefined ? [] : [{ ...settings, object_matchers: [['__alert_rule_uid__', '=', uid]] }],
    ),
  );
  return { ...SOMEBODY_ELSES, routes };
}
