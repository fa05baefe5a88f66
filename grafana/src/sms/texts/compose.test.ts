import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { segmentsOf as countedByTwilio } from '../../../../examples/src/stand-ins/twilio/segments.ts';
import { graphemes } from './clean.ts';
import { composeText, segmentsOf, type TextAlert } from './compose.ts';

const THRESHOLD = 'Monthly usage has exceeded $100.00';
const SPIKE = 'Usage is 163% higher than in the same days of last month';
const client = (name: string, message = THRESHOLD, severity = 'critical'): TextAlert => ({
  route: 'clients',
  client_id: name,
  client_name: name,
  severity,
  message,
});
const own = (message: string): TextAlert => ({
  route: 'operations',
  client_id: '',
  client_name: '',
  severity: 'critical',
  message,
});
const code = '4821';

test('one alert, word for word', () => {
  expect(composeText({ alerts: [client('Acme')] })).toBe('⚠️ Usage Alert for Acme: Monthly usage has exceeded $100.00');
  expect(composeText({ alerts: [client('Acme')], code })).toBe(
    '⚠️ Usage Alert for Acme: Monthly usage has exceeded $100.00. Reply 4821 to acknowledge',
  );
  expect(composeText({ alerts: [own('No usage event for 30 minutes.')], code })).toBe(
    '⚠️ client-cost: No usage event for 30 minutes. Reply 4821 to acknowledge',
  );
  expect(composeText({ alerts: [client('Acme')], code, mayRepeat: true })).toBe(
    '(may repeat) ⚠️ Usage Alert for Acme: Monthly usage has exceeded $100.00. Reply 4821 to acknowledge',
  );
});

test('the link where nothing is lost for it', () => {
  const link = 'https://a.example/a/AAAAAAAAAAAAAAAA.abc123.c4821';
  const short = composeText({ alerts: [own('Nothing comes')], code, link });
  expect(short).toBe(`⚠️ client-cost: Nothing comes. Reply 4821 to acknowledge or ${link}`);
  const long = composeText({ alerts: [client('Northside Plumbing', SPIKE)], code, link });
  expect(long).not.toContain('https');
  expect(long).toContain(`Northside Plumbing: ${SPIKE}. Reply 4821`);
});

test('several of one client: the name once', () => {
  expect(composeText({ alerts: [client('Acme', 'Projected monthly cost: $150.00', 'warning'), client('Acme')] })).toBe(
    '⚠️ Usage Alert for Acme: Monthly usage has exceeded $100.00, Projected monthly cost: $150.00',
  );
  expect(composeText({ alerts: [client('Acme'), client('Acme', SPIKE, 'warning')], code })).toBe(
    '⚠️ Usage Alert for Acme: Monthly usage has exceeded $100.00, +1 more. Reply 4821 to acknowledge',
  );
});

test('several clients: the most severe first, as many named as fit, the rest counted', () => {
  const alerts = [client('Beta Plumbing', SPIKE, 'warning'), client('Acme'), client('Gamma', THRESHOLD, 'warning')];
  expect(composeText({ alerts, code })).toBe(
    '⚠️ 3 alerts, 1 critical: Acme: Monthly usage has exceeded $100.00; Beta Plumbing, Gamma. Reply 4821 to acknowledge',
  );
  const many = Array.from({ length: 500 }, (_, i) => client(`Client ${i}`));
  expect(composeText({ alerts: many, code })).toMatch(
    /^⚠️ 500 critical alerts: Client 0: Monthly usage has exceeded \$100\.00; Client 1, .*\+\d+ more\. Reply 4821/,
  );
});

test('thousands at once are composed quickly', () => {
  const many = Array.from({ length: 5_000 }, (_, i) => client(`Client number ${i} of a long list`, SPIKE));
  const start = performance.now();
  expect(composeText({ alerts: many, code })).toContain('5000 critical alerts');
  expect(performance.now() - start).toBeLessThan(2_000);
});

describe('names', () => {
  test('control characters, turned text and new lines do not reach the phone', () => {
    const evil = 'Ac\u0000me\r\n\u202Egnp.exe\u2028x\u200B\uD800';
    const text = composeText({ alerts: [client(evil)], code });
    expect(text).toContain('Usage Alert for Ac me gnp.exe x\uFFFD: Monthly');
  });

  test('a long one gives way, the amount does not', () => {
    const name = 'Northside Plumbing, Heating and Air Conditioning Services of Greater Alberta Incorporated';
    const text = composeText({ alerts: [client(name, SPIKE)], code: '482111', mayRepeat: true });
    expect(text).toMatch(/ Northside[^:]*…: Usage is 163% higher than in the same days of last month\. Reply 482111/);
    expect(segmentsOf(text)).toBe(2);
  });

  test('a family of four is not torn apart', () => {
    const family = '👨‍👩‍👧‍👦';
    const text = composeText({ alerts: [client(family.repeat(20), SPIKE)], code });
    const name = text.slice(text.indexOf('for ') + 4, text.indexOf('…'));
    expect(graphemes(name).every((grapheme) => grapheme === family)).toBe(true);
    expect(name.length).toBeGreaterThan(0);
  });

  test('without a name, the id', () => {
    expect(composeText({ alerts: [{ ...client('acme-7'), client_name: '\n' }] })).toContain('Usage Alert for acme-7:');
  });
});

test('a message too long is never cut within a figure', () => {
  for (let pad = 60; pad < 130; pad++) {
    const text = composeText({ alerts: [own(`${'x'.repeat(pad)} $1,234,567.89 too much, far too much of it`)], code });
    const figures = text.match(/\$[\d.,]*\d/g) ?? [];
    expect(figures.filter((figure) => figure !== '$1,234,567.89')).toEqual([]);
    expect(segmentsOf(text)).toBeLessThanOrEqual(2);
  }
});

const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.constantFrom('Acme', 'Ünïcödé GmbH', '株式会社クライアント', '👩🏽‍🚀🚀'.repeat(30), `e${'\u0301'.repeat(300)}`),
);
const message = fc.oneof(
  fc.constantFrom(THRESHOLD, SPIKE, 'Projected monthly cost: $150.00', 'Monthly usage has exceeded $1,234,567.00'),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
);
const anAlert: fc.Arbitrary<TextAlert> = fc.record({
  route: fc.constantFrom('clients', 'operations'),
  client_id: fc.string({ maxLength: 12 }),
  client_name: name,
  severity: fc.constantFrom('warning', 'critical'),
  message,
});
const codes = fc.constantFrom('4821', '482100');

test('always: at most two segments, one line, whole characters, the code', () => {
  fc.assert(
    fc.property(
      fc.array(anAlert, { minLength: 1, maxLength: 30 }),
      codes,
      fc.option(fc.webUrl(), { nil: undefined }),
      fc.boolean(),
      (alerts, reply, link, mayRepeat) => {
        const text = composeText({ alerts, code: reply, link, mayRepeat });
        expect(segmentsOf(text)).toBeLessThanOrEqual(2);
        expect(countedByTwilio(text)).toBeLessThanOrEqual(2);
        expect(text).not.toMatch(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u);
        expect(text.isWellFormed()).toBe(true);
        expect(text).toContain(`Reply ${reply} to acknowledge`);
        expect(text.startsWith('(may repeat) ')).toBe(mayRepeat);
        expect(text).toContain('⚠️');
      },
    ),
    { numRuns: 300 },
  );
});

test('always: one of our own messages is said whole, whatever the name', () => {
  fc.assert(
    fc.property(
      name,
      fc.constantFrom(THRESHOLD, SPIKE, 'Projected monthly cost: $1,234,567.00'),
      codes,
      fc.boolean(),
      (who, said, reply, mayRepeat) => {
        const text = composeText({ alerts: [client(who, said)], code: reply, mayRepeat });
        expect(text).toContain(`: ${said}. Reply ${reply} to acknowledge`);
      },
    ),
    { numRuns: 300 },
  );
});
