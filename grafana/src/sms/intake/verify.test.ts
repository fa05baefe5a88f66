import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifyWebhook, WINDOW_MS } from './verify.ts';

const secret = 'the secret of the contact point';
const now = Date.parse('2026-11-15T19:00:00Z');
const timestamp = String(now / 1000);
const body = '{"alerts":[],"title":"é"}';
const sign = (text: string, key = secret) => createHmac('sha256', key).update(text).digest('hex');
const valid = { secret, rawBody: Buffer.from(body), signature: sign(`${timestamp}:${body}`), timestamp, now };
const reason = (change: object) => {
  const result = verifyWebhook({ ...valid, ...change });
  return result.ok ? 'ok' : result.reason;
};

test('as Grafana signs it', () => {
  expect(verifyWebhook(valid)).toEqual({ ok: true });
  expect(verifyWebhook({ ...valid, rawBody: body })).toEqual({ ok: true });
  // printf '1763233200:{}' | openssl dgst -sha256 -hmac key
  const signature = '6db35026c0ed61406cc7807c704c6910e76a283e2999ed3eedbfe3c2dc5bab04';
  const time = 1763233200;
  expect(reason({ secret: 'key', rawBody: '{}', signature, timestamp: String(time), now: time * 1000 })).toBe('ok');
});

describe('refused, with the way out', () => {
  test.each([
    ['another body', { rawBody: `${body} ` }, 'does not fit body and timestamp'],
    ['another time', { timestamp: String(now / 1000 + 1) }, 'does not fit body and timestamp'],
    ['another secret', { signature: sign(`${timestamp}:${body}`, 'x') }, 'CLIENT_COST_ALERT_WEBHOOK_SECRET'],
    ['the signature of the body alone', { signature: sign(body) }, 'does not fit'],
    ['no signature', { signature: undefined }, 'X-Grafana-Alerting-Signature is missing'],
    ['an empty signature', { signature: '' }, 'X-Grafana-Alerting-Signature is missing'],
    ['capitals', { signature: sign(`${timestamp}:${body}`).toUpperCase() }, '64 lower-case hexadecimal digits'],
    ['sha256=…', { signature: `sha256=${sign(`${timestamp}:${body}`)}` }, '64 lower-case'],
    ['the header twice, as Node joins it', { signature: `${valid.signature}, ${valid.signature}` }, 'not one value'],
    ['the header twice, as a list', { signature: [valid.signature, valid.signature] }, 'not one value'],
    ['no timestamp', { timestamp: undefined }, '"Timestamp header" to X-Grafana-Alerting-Timestamp'],
    ['a timestamp that is none', { timestamp: '1.5e9' }, 'not one count of Unix seconds'],
    ['a timestamp twice', { timestamp: `${timestamp}, ${timestamp}` }, 'not one count'],
    ['no secret', { secret: '' }, 'CLIENT_COST_ALERT_WEBHOOK_SECRET'],
  ])('%s', (_, change, said) => {
    expect(reason(change)).toContain(said);
    // Nothing of what was expected.
    expect(reason(change)).not.toContain(valid.signature);
  });
});

test('five minutes either way, to the second', () => {
  expect(reason({ now: now + WINDOW_MS })).toBe('ok');
  expect(reason({ now: now - WINDOW_MS })).toBe('ok');
  expect(reason({ now: now + WINDOW_MS + 1_000 })).toContain('301 seconds old');
  expect(reason({ now: now - WINDOW_MS - 1_000 })).toContain('301 seconds in the future');
});
