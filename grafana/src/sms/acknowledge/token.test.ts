import fc from 'fast-check';
import { expect, test } from 'vitest';
import { acknowledgeToken, acknowledgeUrl, readAcknowledgeToken } from './token.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const config = { publicUrl: 'https://a.example.com', linkSecret: 'l'.repeat(32), linkSeconds: 7 * 86_400 };

test('a link names its code or alert, is short, and ends where a phone ends a link', () => {
  const url = acknowledgeUrl(config, { code: '4821' }, NOW)!;
  expect(url).toMatch(/^https:\/\/a\.example\.com\/a\/[\w.-]+[0-9a-z]$/);
  expect(url.length - config.publicUrl.length).toBeLessThanOrEqual(32);
  expect(readAcknowledgeToken(config, url.split('/a/')[1]!, NOW)).toMatchObject({
    ok: true,
    subject: { code: '4821' },
  });
  const key = 'threshold:critical:2026-11:client/with ünusual:id';
  expect(readAcknowledgeToken(config, acknowledgeToken(config, { key }, NOW), NOW)).toMatchObject({
    ok: true,
    subject: { key },
  });
  expect(acknowledgeUrl({ ...config, publicUrl: undefined }, { code: '1' }, NOW)).toBeUndefined();
});

test('says when it was made, to the minute', () => {
  const reading = readAcknowledgeToken(config, acknowledgeToken(config, { code: '7' }, NOW + 31_000), NOW + 60_000);
  expect(reading.ok && reading.issuedAt - NOW).toBe(60_000);
});

test('ends with its time', () => {
  const token = acknowledgeToken(config, { code: '4821' }, NOW);
  expect(readAcknowledgeToken(config, token, NOW + config.linkSeconds * 1000 - 1).ok).toBe(true);
  expect(readAcknowledgeToken(config, token, NOW + config.linkSeconds * 1000)).toEqual({
    ok: false,
    reason: 'expired',
  });
});

test('no changed character, other secret, code for key or longer life is believed', () => {
  const token = acknowledgeToken(config, { code: '4821' }, NOW);
  for (let i = 0; i < token.length; i++) {
    for (const other of ['a', 'B', '0', '.', '-', '_']) {
      if (token[i] === other) continue;
      const changed = token.slice(0, i) + other + token.slice(i + 1);
      expect(readAcknowledgeToken(config, changed, NOW).ok, changed).toBe(false);
    }
  }
  expect(readAcknowledgeToken({ ...config, linkSecret: 'other' }, token, NOW)).toEqual({ ok: false, reason: 'forged' });
});

test('whatever is sent as a token is refused, never an exception', () => {
  fc.assert(fc.property(fc.string(), (text) => !readAcknowledgeToken(config, text, NOW).ok));
  fc.assert(
    fc.property(fc.stringMatching(/^[\w-]{16}\.[0-9a-z]{1,9}\.[ck][\w-]{1,40}$/), (text) => {
      expect(readAcknowledgeToken(config, text, NOW).ok).toBe(false);
    }),
  );
});
