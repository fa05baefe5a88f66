import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acceptIncoming } from '../acknowledge/incoming.ts';
import { acknowledgeByLink } from '../acknowledge/link.ts';
import { acknowledgeToken } from '../acknowledge/token.ts';
import { readSmsConfig } from '../config.ts';
import { acceptWebhook } from '../intake/accept.ts';
import { grafanaBody } from '../server/testing/webhook.ts';
import { openStore } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';
import { escalateDue } from './escalate.ts';

// Whatever happens in whatever order: nobody is texted about what somebody acknowledged or what is over, nobody who said STOP is texted, an
// acknowledgement happens once, and no open critical is forgotten while there is a further level.

const PHONES = ['+14035551234', '+14035555678', '+14035559012'];
const NAMES = ['ada', 'bob', 'carol'];
const START = Date.UTC(2026, 10, 10, 12);
const BEGAN = new Date(START).toISOString();
const config = readSmsConfig({
  CLIENT_COST_SMS_DATABASE: ':memory:',
  CLIENT_COST_SMS_GATHER_MS: '0',
  CLIENT_COST_ALERT_WEBHOOK_SECRET: 'w'.repeat(24),
  CLIENT_COST_ON_CALL: NAMES.map((name, i) => `${name}=${PHONES[i]}`).join(';'),
  TWILIO_ACCOUNT_SID: `AC${'a'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'b'.repeat(32),
  TWILIO_PHONE_NUMBER: '+14035550000',
});

type Step =
  | { do: 'fire' | 'resolve'; clients: number[]; severity: 'warning' | 'critical' }
  | { do: 'reply'; who: number; what: 'code' | 'other code' | 'ok' | 'all' | 'STOP' | 'START' | 'huh' }
  | { do: 'link'; client: number; severity: 'warning' | 'critical' }
  | { do: 'pass'; minutes: number };

const severity = fc.constantFrom('warning' as const, 'critical' as const);
const clients = fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('fire' as const, 'fire' as const, 'resolve' as const), clients, severity }),
  fc.record({
    do: fc.constant('reply' as const),
    who: fc.nat(2),
    what: fc.constantFrom('code', 'other code', 'ok', 'all', 'STOP', 'START', 'huh'),
  }),
  fc.record({ do: fc.constant('link' as const), client: fc.nat(2), severity }),
  fc.record({ do: fc.constant('pass' as const), minutes: fc.constantFrom(1, 14, 16, 60, 1_500) }),
);

interface Alert {
  id: number;
  key: string;
  status: string;
  severity: string;
  level: number;
  escalate_at: number | null;
  acknowledged_at: number | null;
  fired_at: number;
}

class World {
  now = START;
  inbound = 0;
  readonly deps: SmsDeps;

  constructor() {
    const quiet = { info() {}, warn() {}, error() {} };
    this.deps = { db: openStore(':memory:'), config, clock: { now: () => this.now }, log: quiet };
  }

  all<T>(sql: string, ...values: (string | number)[]): T[] {
    return this.deps.db.prepare(sql).all(...values) as T[];
  }

  take(step: Step): void {
    this.now += 1_000;
    if (step.do === 'pass') this.now += step.minutes * 60_000;
    else if (step.do === 'link') {
      const key = `threshold:${step.severity}:2026-11:c${step.client}`;
      acknowledgeByLink(this.deps, acknowledgeToken(config, { key }, this.now), 'grace', 'link');
    } else if (step.do === 'reply') this.reply(step.who, step.what);
    else {
      const status = step.do === 'fire' ? 'firing' : 'resolved';
      const alerts = step.clients.map(
        (i) => ({ client: `c${i}`, name: `C${i}`, severity: step.severity, status, startsAt: BEGAN }) as const,
      );
      acceptWebhook(this.deps, 'clients', grafanaBody(alerts));
    }
    this.check();
    escalateDue(this.deps);
    this.check();
    this.send();
  }

  reply(who: number, what: string): void {
    const own = what === 'code' ? 'phone = ?' : 'phone <> ?';
    const [message] = this.all<{ code: string }>(
      `SELECT code FROM messages WHERE ${own} AND code IS NOT NULL AND state = 'sent' ORDER BY id DESC LIMIT 1`,
      PHONES[who]!,
    );
    const body = what.endsWith('code') ? (message?.code ?? '1234') : what;
    acceptIncoming(this.deps, { MessageSid: `SM${this.inbound++}`, From: PHONES[who]!, Body: body });
  }

  /** As the sender does, without Twilio. */
  send(): void {
    const due = this.all<{ id: number; phone: string }>(
      "SELECT id, phone FROM messages WHERE state = 'queued' AND not_before <= ?",
      this.now,
    );
    for (const { id, phone } of due) {
      expect(this.all('SELECT 1 FROM stopped WHERE phone = ?', phone)).toEqual([]);
      const open = this.all(
        `SELECT 1 FROM message_alerts JOIN alerts ON alerts.id = alert_id
         WHERE message_id = ? AND status = 'firing' AND acknowledged_at IS NULL`,
        id,
      );
      expect(open.length).toBeGreaterThan(0);
      this.deps.db.prepare("UPDATE messages SET state = 'sent', sent_at = ? WHERE id = ?").run(this.now, id);
      this.deps.db
        .prepare(
          'UPDATE alerts SET last_texted_at = ? WHERE id IN (SELECT alert_id FROM message_alerts WHERE message_id = ?)',
        )
        .run(this.now, id);
    }
  }

  check(): void {
    for (const alert of this.all<Alert>('SELECT * FROM alerts')) {
      if (alert.status === 'resolved' || alert.acknowledged_at !== null) expect(alert.escalate_at).toBeNull();
      if (alert.severity === 'warning') expect(alert.level).toBe(0);
      expect(alert.level).toBeLessThan(PHONES.length);
      // Open, critical, and somebody was told: either it goes on, or it is at the last level, or nobody further takes texts.
      const told = this.all(
        "SELECT 1 FROM messages JOIN message_alerts ON message_id = messages.id WHERE alert_id = ? AND created_at >= ? AND state <> 'cancelled' AND state <> 'failed'",
        alert.id,
        alert.fired_at,
      );
      const further = PHONES.slice(alert.level + 1);
      const stopped = this.all<{ phone: string }>('SELECT phone FROM stopped').map(({ phone }) => phone);
      const open = alert.status === 'firing' && alert.acknowledged_at === null && alert.severity === 'critical';
      if (open && told.length > 0 && alert.escalate_at === null && alert.level + 1 < PHONES.length) {
        expect(further.every((phone) => stopped.includes(phone))).toBe(true);
      }
      const events = this.all<{ event: string; at: number }>(
        'SELECT event, at FROM events WHERE alert_key = ? ORDER BY rowid',
        alert.key,
      );
      let since: Record<string, number> = {};
      for (const { event } of events) {
        if (event === 'fired') since = {};
        since[event] = (since[event] ?? 0) + 1;
        expect(since.acknowledged ?? 0).toBeLessThanOrEqual(1);
        expect(since.resolved ?? 0).toBeLessThanOrEqual(1);
        if (event === 'queued' || event === 'escalated')
          expect([event, since.acknowledged, since.resolved]).toEqual([event, undefined, undefined]);
      }
    }
  }
}

test('any order of alerts, answers, links, stops and time', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const world = new World();
      try {
        for (const each of steps) world.take(each);
      } finally {
        world.deps.db.close();
      }
    }),
    { numRuns: 100 },
  );
}, 120_000);
