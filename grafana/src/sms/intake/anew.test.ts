import { afterEach, describe, expect, test } from 'vitest';
import { acceptIncoming } from '../acknowledge/incoming.ts';
import {
  ada,
  alert,
  bob,
  type Harness,
  type HarnessOptions,
  HOUR,
  harness,
  MINUTE,
} from '../delivery/testing/harness.ts';
import { escalateDue } from '../escalation/escalate.ts';

let h: Harness;
const start = async (options: HarnessOptions = {}): Promise<void> => {
  h = await harness({ ...options, config: { onCall: { clients: [[ada], [bob]], operations: [] } } });
};
afterEach(() => h.close());

const KEY = 'threshold:critical:2026-11:acme';
const acknowledge = () =>
  h.deps.db
    .prepare("UPDATE alerts SET acknowledged_at = ?, acknowledged_by = 'ada', escalate_at = NULL WHERE key = ?")
    .run(h.now(), KEY);

describe('an end that Grafana did not tell, because the alert was silenced', () => {
  test('what began since is another outage: texted, escalated, acknowledged by nobody', async () => {
    await start();
    await h.fire([alert()]);
    acknowledge();
    await h.pass(25 * HOUR);
    expect(await h.fire([alert({ startsAt: h.now() - MINUTE })])).toMatchObject({ fired: [KEY], repeated: [] });
    expect(h.alert(KEY)).toMatchObject({ episode: 2, acknowledged_at: null, escalate_at: h.now() + 900_000 });
    expect(h.texts()).toHaveLength(2);
    await h.pass(HOUR);
    expect(await h.fire([alert({ startsAt: h.now() - HOUR - MINUTE })])).toMatchObject({ repeated: [KEY] });
  });

  test('what fires since before is the same; the clocks may differ by five minutes', async () => {
    await start();
    const began = h.now();
    await h.fire([alert({ startsAt: began + 4 * MINUTE })]);
    acknowledge();
    await h.pass(25 * HOUR);
    expect(await h.fire([alert({ startsAt: began + 4 * MINUTE })])).toMatchObject({ repeated: [KEY] });
    expect(h.alert(KEY)).toMatchObject({ episode: 1, acknowledged_by: 'ada' });
  });

  test('a renamed client is a new series and no new outage', async () => {
    await start();
    await h.fire([alert({ fingerprint: 'a' })]);
    acknowledge();
    await h.pass(25 * HOUR);
    const renamed = alert({ name: 'Acme Ltd', fingerprint: 'b', startsAt: h.now() });
    expect(await h.fire([renamed])).toMatchObject({ repeated: [KEY] });
    expect(h.alert(KEY)).toMatchObject({ episode: 1, acknowledged_by: 'ada' });
  });

  test('the check does not know when it began; what it alone told counts by when it was last told', async () => {
    await start();
    const check = { receiver: 'client-cost-check' };
    h.accept([alert()], 'clients', check);
    acknowledge();
    await h.pass(25 * HOUR);
    expect(h.accept([alert({ startsAt: h.now() })], 'clients', check)).toMatchObject({ repeated: [KEY] });
    await h.pass(HOUR);
    expect(await h.fire([alert({ startsAt: h.now() })])).toMatchObject({ fired: [KEY] });
  });
});

describe('a critical that fires again within 24 hours of its text', () => {
  const recipients = () => h.texts().map(({ to }) => ({ [ada.phone]: 'ada', [bob.phone]: 'bob' })[to]);
  const again = async () => {
    await h.fire([alert({ status: 'resolved' })]);
    await h.pass(MINUTE);
    expect(await h.fire([alert({ startsAt: h.now() })])).toMatchObject({ suppressed: [KEY] });
  };
  const later = async (ms: number) => {
    await h.pass(ms);
    escalateDue(h.deps);
    h.sender.wake();
    await h.pass(0);
  };
  const say = (phone: string, body: string) =>
    acceptIncoming(h.deps, { MessageSid: `SM${phone}`, From: phone, Body: body }).outcome;

  test('is not texted to the first level again, and goes on to the next, once per level', async () => {
    await start();
    await h.fire([alert()]);
    await again();
    expect(h.alert(KEY)).toMatchObject({ level: 0, escalate_at: h.now() + 900_000 });
    await later(16 * MINUTE);
    expect(recipients()).toEqual(['ada', 'bob']);
    await again();
    expect(h.alert(KEY)).toMatchObject({ level: 1, escalate_at: null });
    await later(16 * MINUTE);
    expect(recipients()).toEqual(['ada', 'bob']);
  });

  test('does not go on where somebody acknowledged the earlier one', async () => {
    await start();
    await h.fire([alert()]);
    acknowledge();
    await again();
    expect(h.alert(KEY)).toMatchObject({ acknowledged_at: null, escalate_at: null });
    await later(16 * MINUTE);
    expect(recipients()).toEqual(['ada']);
  });

  test('an answer to the earlier text acknowledges it, of who was texted', async () => {
    await start();
    await h.fire([alert()]);
    await again();
    expect(say(bob.phone, 'ok')).toBe('unclear');
    expect(say(ada.phone, 'ok')).toBe('acknowledged');
    await later(16 * MINUTE);
    expect(recipients()).toEqual(['ada']);
  });

  test('goes on at once when the earlier text, of which nobody knew whether it left, is given up', async () => {
    await start({ standIn: { failures: ({ method }) => (method === 'POST' ? { status: 502 } : undefined) } });
    await h.fire([alert()]);
    expect(h.messages()).toMatchObject([{ state: 'maybe_sent' }]);
    await again();
    const due = h.now() + 900_000;
    for (let i = 0; i < 60 && h.messages()[0]?.state !== 'failed'; i++) await h.pass(10_000);
    expect(h.messages()[0]).toMatchObject({ state: 'failed' });
    expect(h.alert(KEY).escalate_at).toBe(h.now());
    expect(h.now()).toBeLessThan(due);
  });
});
