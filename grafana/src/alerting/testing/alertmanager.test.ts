import { describe, expect, test } from 'vitest';
import { policies } from '../routing.ts';
import { Alertmanager } from './alertmanager.ts';
import type { SentAlert } from './state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const alert = (labels: Record<string, string>, endsAt = Number.POSITIVE_INFINITY): SentAlert => ({
  labels: { grafana_folder: 'client-cost', alertname: 'Rule', route: 'clients', ...labels },
  annotations: {},
  startsAt: 0,
  endsAt,
});

/** Our own tree, driven minute by minute: what is sent at minute n, and the webhooks as `minute receiver: client status, …`. */
function drive(minutes: number, sent: Readonly<Record<number, readonly SentAlert[]>>): string[] {
  const manager = new Alertmanager(policies.policies![0]!);
  for (let minute = 0; minute <= minutes; minute += 1) {
    manager.post(sent[minute] ?? [], minute * MINUTE);
    manager.tick(minute * MINUTE);
  }
  return manager.webhooks.map(({ at, receiver, alerts }) => {
    const who = alerts.map(({ labels, status }) => `${labels.client_id ?? labels.alertname} ${status}`);
    return `${at / MINUTE} ${receiver}: ${who.join(', ')}`;
  });
}

describe('our policies', () => {
  test('errors go to operations whatever their route says, and only when they last', () => {
    for (const alertname of ['DatasourceError', 'DatasourceNoData']) {
      expect(drive(10, { 0: [alert({ alertname })] })).toEqual([`5 client-cost-operations: ${alertname} firing`]);
      expect(drive(10, { 0: [alert({ alertname })], 4: [alert({ alertname }, 4 * MINUTE)] })).toEqual([]);
    }
  });

  test('clients go to the SMS contact point, all else to operations', () => {
    expect(drive(1, { 0: [alert({ client_id: 'a' })] })).toEqual(['0.5 client-cost-sms: a firing']);
    expect(drive(1, { 0: [alert({ route: 'operations' })] })).toEqual(['0.5 client-cost-operations: Rule firing']);
    expect(drive(1, { 0: [alert({ route: '', alertname: "Somebody's own" })] })).toEqual([
      "0.5 client-cost-operations: Somebody's own firing",
    ]);
  });

  test('what is of one rule comes together, what is of another does not wait for it', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((client_id) => alert({ client_id }));
    expect(drive(6, { 0: [a!, b!], 1: [c!, alert({ client_id: 'a', alertname: 'Critical' })] })).toEqual([
      '0.5 client-cost-sms: a firing, b firing',
      '1.5 client-cost-sms: a firing',
      '5.5 client-cost-sms: a firing, b firing, c firing',
    ]);
  });

  test('the end is told once, and what ended before anybody was told is not', () => {
    const ended = alert({ client_id: 'a' }, 2 * MINUTE);
    expect(drive(30, { 0: [alert({ client_id: 'a' })], 2: [ended], 7: [ended] })).toEqual([
      '0.5 client-cost-sms: a firing',
      '5.5 client-cost-sms: a resolved',
    ]);
    expect(drive(30, { 2: [ended] })).toEqual([]);
  });

  test('a reminder comes after 25 hours, never within 24', () => {
    const webhooks = drive((51 * HOUR) / MINUTE, { 0: [alert({ client_id: 'a' })] });
    expect(webhooks.map((line) => Number(line.split(' ')[0]) / 60).map(Math.floor)).toEqual([0, 25, 50]);
  });
});
