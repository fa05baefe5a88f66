/**
 * The life of a rule's alerts between two evaluations (pkg/services/ngalert/state/state.go and manager.go): Pending, Alerting,
 * Recovering, series that go missing, what NoData and errors do, and what is sent to the Alertmanager.
 */
import type { AlertRule } from '../files.ts';
import type { Result } from './evaluate.ts';
import { keyOf } from './frame.ts';
import { render } from './template.ts';

/** What Grafana posts to its Alertmanager. */
export interface SentAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: number;
  /** In the past: resolved. */
  readonly endsAt: number;
}

type StateName = 'Normal' | 'Pending' | 'Alerting' | 'Recovering' | 'NoData' | 'Error';

interface State {
  readonly labels: Readonly<Record<string, string>>;
  name: StateName;
  annotations: Readonly<Record<string, string>>;
  startsAt: number;
  endsAt: number;
  evaluatedAt: number;
  resolvedAt: number | undefined;
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1h30m` in milliseconds. */
export function duration(text: string): number {
  return [...text.matchAll(/(\d+)([smhd])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
}

const RESOLVED_RETENTION = duration('15m');

export class RuleLife {
  readonly #rule: AlertRule;
  readonly #folder: string;
  readonly #interval: number;
  readonly #states = new Map<string, State>();

  constructor(rule: AlertRule, group: { readonly folder: string; readonly interval: string }) {
    this.#rule = rule;
    this.#folder = group.folder;
    this.#interval = duration(group.interval);
  }

  /** The state of each label set now, for looking at. */
  states(): readonly { readonly labels: Readonly<Record<string, string>>; readonly state: StateName }[] {
    return [...this.#states.values()].map(({ labels, name }) => ({ labels, state: name }));
  }

  /** Takes the results of one evaluation; gives what goes to the Alertmanager. */
  next(results: readonly Result[], now: number): readonly SentAlert[] {
    const sent: SentAlert[] = [];
    const first = results[0];
    const forAll =
      first !== undefined &&
      ((first.state === 'Error' && this.#rule.execErrState !== 'Error') ||
        (first.state === 'NoData' && this.#rule.noDataState !== 'NoData'));
    if (forAll && this.#states.size > 0) {
      for (const state of this.#states.values()) this.#step(state, first, now, sent);
      return sent;
    }
    for (const result of results) {
      const labels = {
        ...result.labels,
        ...this.#rule.labels,
        alertname: this.#rule.title,
        grafana_folder: this.#folder,
        __alert_rule_uid__: this.#rule.uid,
      };
      const key = keyOf(labels);
      let state = this.#states.get(key);
      if (state === undefined) {
        state = {
          labels,
          name: 'Normal',
          annotations: {},
          startsAt: now,
          endsAt: now,
          evaluatedAt: now,
          resolvedAt: undefined,
        };
        this.#states.set(key, state);
      }
      state.annotations = this.#annotations(result);
      this.#step(state, result, now, sent);
    }
    this.#missing(now, sent);
    return sent;
  }

  #annotations(result: Result): Record<string, string> {
    const texts = Object.entries(this.#rule.annotations).map(([name, template]) => [
      name,
      render(template, { Labels: result.labels, Values: result.values }),
    ]);
    return Object.fromEntries(texts);
  }

  #step(state: State, result: Result, now: number, sent: SentAlert[]): void {
    const before = state.name;
    state.evaluatedAt = now;
    if (result.state === 'Normal') this.#normal(state, now);
    else if (result.state === 'Alerting') this.#alerting(state, now);
    else this.#failed(state, result.state, now);
    this.#send(state, before, now, sent);
  }

  #normal(state: State, now: number): void {
    const keep = duration(this.#rule.keepFiringFor ?? '0s');
    if (state.name === 'Normal') return;
    if (state.name === 'Recovering' && now - state.startsAt < keep) state.endsAt = this.#later(now);
    else if (state.name === 'Alerting' && keep > 0) this.#set(state, 'Recovering', now, this.#later(now));
    else this.#set(state, 'Normal', now, now);
  }

  #alerting(state: State, now: number): void {
    const wait = duration(this.#rule.for);
    if (state.name === 'Alerting') state.endsAt = this.#later(now);
    else if (state.name === 'Pending') {
      if (now - state.startsAt >= wait) this.#set(state, 'Alerting', now, this.#later(now));
    } else if (state.name !== 'Recovering' && wait > 0) this.#set(state, 'Pending', now, this.#later(now));
    else this.#set(state, 'Alerting', now, this.#later(now));
  }

  #failed(state: State, result: 'NoData' | 'Error', now: number): void {
    const rule = result === 'Error' ? this.#rule.execErrState : this.#rule.noDataState;
    if (rule === 'Alerting') this.#alerting(state, now);
    else if (rule === 'OK') this.#normal(state, now);
    else if (rule === 'KeepLast') {
      if (state.name === 'Alerting' || (state.name === 'Pending' && now - state.startsAt >= duration(this.#rule.for))) {
        this.#alerting(state, now);
      } else if (state.name !== 'Pending') this.#normal(state, now);
    } else if (state.name === result) state.endsAt = this.#later(now);
    else this.#set(state, result, now, this.#later(now));
  }

  /** Series that the answer no longer has: kept for a while, then resolved and forgotten. */
  #missing(now: number, sent: SentAlert[]): void {
    for (const [key, state] of this.#states) {
      if (state.evaluatedAt === now) continue;
      const failed = state.name === 'Error' || state.name === 'NoData';
      const evaluations = failed ? 1 : (this.#rule.missing_series_evals_to_resolve ?? 2);
      const before = state.name;
      if (now - state.evaluatedAt >= evaluations * this.#interval) {
        this.#set(state, 'Normal', state.startsAt, now);
        this.#states.delete(key);
      } else if (state.name === 'Alerting') state.endsAt = this.#later(now);
      this.#send(state, before, now, sent);
    }
  }

  #set(state: State, name: StateName, startsAt: number, endsAt: number): void {
    state.name = name;
    state.startsAt = startsAt;
    state.endsAt = endsAt;
  }

  #send(state: State, before: StateName, now: number, sent: SentAlert[]): void {
    if (before !== 'Normal' && before !== 'Pending' && state.name === 'Normal') state.resolvedAt = now;
    else if (state.name !== 'Normal' && state.name !== 'Pending') state.resolvedAt = undefined;
    const resolved = state.resolvedAt !== undefined && now - state.resolvedAt <= RESOLVED_RETENTION;
    if (state.name === 'Pending' || (state.name === 'Normal' && !resolved)) return;
    const kind = state.name === 'Normal' ? before : state.name;
    const renamed = kind === 'Error' || kind === 'NoData';
    sent.push({
      labels: renamed ? { ...state.labels, rulename: this.#rule.title, alertname: `Datasource${kind}` } : state.labels,
      annotations: state.annotations,
      startsAt: state.startsAt,
      endsAt: state.endsAt,
    });
  }

  /** Four evaluations without a word and the Alertmanager takes an alert for resolved. */
  #later(now: number): number {
    return now + 4 * Math.max(this.#interval, 30_000);
  }
}
