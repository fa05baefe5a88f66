/** One evaluation of a rule (pkg/services/ngalert/eval/eval.go): all queries, the threshold, and the values that templates see. */
import type { AlertRule, SqlModel, ThresholdModel } from '../files.ts';
import { keyOf, type Sample } from './frame.ts';

export interface Result {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'Normal' | 'Alerting' | 'NoData' | 'Error';
  readonly values: Readonly<Record<string, number>>;
}

/** Answers a rule's SQL, or throws as ClickHouse does. */
export type Ask = (rawSql: string) => Promise<readonly Sample[]>;

export async function evaluate(rule: AlertRule, ask: Ask): Promise<readonly Result[]> {
  const answers = new Map<string, readonly Sample[] | Error>();
  for (const { refId, model } of rule.data) {
    if (!('rawSql' in model)) continue;
    answers.set(refId, await ask((model as SqlModel).rawSql).catch((error: Error) => error));
  }
  const condition = rule.data.find(({ refId }) => refId === rule.condition)?.model as ThresholdModel;
  const input = answers.get(condition.expression);
  if (input === undefined) throw new Error(`${rule.uid}: nothing is called ${condition.expression}`);
  // What the condition needs failed: the rule failed. What only the texts need may fail.
  if (input instanceof Error) return [{ labels: {}, state: 'Error', values: {} }];
  if (input.length === 0) return [{ labels: {}, state: 'NoData', values: {} }];
  const limit = condition.conditions[0].evaluator.params[0];
  return input.map((sample) => {
    const fires = sample.value > limit;
    const values: Record<string, number> = { [rule.condition]: fires ? 1 : 0 };
    for (const [refId, answer] of answers) {
      const match =
        answer instanceof Error ? undefined : answer.find(({ labels }) => keyOf(labels) === keyOf(sample.labels));
      if (match !== undefined) values[refId] = match.value;
    }
    return { labels: sample.labels, state: fires ? 'Alerting' : 'Normal', values };
  });
}
