import { afterEach, describe, expect, test } from 'vitest';
import { ada, alert, bob, type Harness, HOUR, harness, MINUTE } from '../delivery/testing/harness.ts';

let h: Harness;
const start = async (): Promise<void> => {
  h = await harness({ config: { onCall: { clients: [[ada], [bob]], operations: [] } } });
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
