import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TwilioFailure } from '../../../../examples/src/stand-ins/twilio/types.ts';
import { transaction } from '../store/open.ts';
import { MAY_REPEAT } from '../texts/compose.ts';
import { cancelTextsOf } from './queue.ts';
import { ada, alert, bob, carol, type Harness, HOUR, harness, MINUTE } from './testing/harness.ts';

// Any series of webhooks, acknowledgements and troubles of Twilio's, and then all is well for a while: what was promised holds.

const CLIENTS = ['acme', 'beta', 'gamma'];
const client = fc.constantFrom(...CLIENTS);
const severity = fc.constantFrom('warning', 'critical');
const trouble = fc.constantFrom<TwilioFailure | undefined>(
  undefined,
  { status: 500 },
  { accepted: true, status: 503 },
  { reset: true },
  { reset: true, accepted: true },
  { accepted: true, body: '<html>' },
  { status: 429, retryAfter: 40 },
  { status: 401, code: 20003 },
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('fire' as const), client, severity }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resolve' as const), client, severity }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('acknowledge' as const), client, severity }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('twilio' as const), trouble }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('phone' as const), code: fc.constantFrom(0, 30003, 30008) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), minutes: fc.integer({ min: 0, max: 90 }) }) },
);
const keyOf = (name: string, level: string) => `threshold:${level}:2026-11:${name}`;

async function play(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Promise<Harness> {
  let failure: TwilioFailure | undefined;
  let carrier = 0;
  const h = await harness({
    config: { onCall: { clients: [[ada, bob], [carol]], operations: [] }, textsPerHour: 3 },
    standIn: {
      failures: ({ method }) => (method === 'POST' ? failure : undefined),
      message: () => (carrier === 0 ? undefined : { status: 'undelivered', errorCode: carrier }),
    },
  });
  for (const each of steps) {
    if (each.do === 'twilio') failure = each.trouble;
    else if (each.do === 'phone') carrier = each.code;
    else if (each.do === 'pass') await h.pass(each.minutes * MINUTE);
    else if (each.do === 'acknowledge') {
      const known = h.alert(keyOf(each.client, each.severity)) as { id: number } | undefined;
      if (known === undefined) continue;
      transaction(h.deps.db, () => {
        h.deps.db
          .prepare("UPDATE alerts SET acknowledged_at = ?, escalate_at = NULL WHERE id = ? AND status = 'firing'")
          .run(h.now(), known.id);
        cancelTextsOf(h.deps, [known.id], h.now());
      });
    } else {
      const status = each.do === 'fire' ? 'firing' : 'resolved';
      await h.fire([alert({ client: each.client, severity: each.severity, status })]);
    }
  }
  failure = undefined;
  carrier = 0;
  for (let minute = 0; minute < 30; minute++) await h.pass(MINUTE);
  for (let hour = 0; hour < 4; hour++) await h.pass(HOUR);
  return h;
}

test('nothing lost, nothing twice unmarked, nobody told what is over', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const h = await play(steps);
      try {
        // Every text came to an end that it can have.
        for (const { state, error } of h.messages()) {
          expect(['delivered', 'cancelled', 'failed', 'undelivered'], error ?? '').toContain(state);
        }
        // Twilio has no text that we do not know of.
        const known = h.deps.db.prepare('SELECT sid FROM attempts WHERE sid IS NOT NULL').all() as { sid: string }[];
        expect(new Set(known.map(({ sid }) => sid))).toEqual(new Set(h.texts().map(({ sid }) => sid)));
        // Of one text at most one copy is unmarked.
        const copies = h.deps.db
          .prepare("SELECT message_id AS id, body FROM attempts WHERE outcome = 'accepted'")
          .all() as { id: number; body: string }[];
        for (const { id } of copies) {
          const unmarked = copies.filter((copy) => copy.id === id && !copy.body.startsWith(MAY_REPEAT));
          expect(unmarked.length).toBeLessThanOrEqual(1);
        }
        // Whatever fires and waits for somebody was told since the last 24 hours, or given up aloud.
        for (const name of CLIENTS) {
          const row = h.alert(keyOf(name, 'critical'));
          if (row?.status !== 'firing' || row.acknowledged_at !== null) continue;
          const given = h.messages().some(({ state }) => state === 'failed' || state === 'undelivered');
          const told = h.deps.db
            .prepare(
              `SELECT 1 FROM message_alerts ma JOIN attempts t ON t.message_id = ma.message_id
              WHERE ma.alert_id = ? AND t.outcome = 'accepted' AND t.started_at > ?`,
            )
            .get(row.id as number, (row.fired_at as number) - 24 * HOUR);
          expect(told !== undefined || given, keyOf(name, 'critical')).toBe(true);
        }
        // A code stands for one set of alerts.
        const meanings = h.deps.db
          .prepare(
            `SELECT m.code, count(DISTINCT (SELECT group_concat(alert_id) FROM
              (SELECT alert_id FROM message_alerts WHERE message_id = m.id ORDER BY alert_id))) AS sets
            FROM messages m WHERE m.code IS NOT NULL AND m.state = 'delivered' AND m.repeats = 0 GROUP BY m.code`,
          )
          .all() as { code: string; sets: number }[];
        expect(meanings.filter(({ sets }) => sets > 1)).toEqual([]);
      } finally {
        await h.close();
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 15), endOnFailure: false },
  );
}, 120_000);
