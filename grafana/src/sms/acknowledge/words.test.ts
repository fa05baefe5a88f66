import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readReply } from './words.ts';

describe('what a text says', () => {
  test.each([
    ['4821'],
    ['ack 4821'],
    ['ACK 4821'],
    ['4821 ok'],
    ['#4821'],
    ['4821.'],
    ['４８２１'],
    ['٤٨٢١'],
    ['ok, 4821!'],
    ['stop 4821'],
    ['cancel 4821 please'],
    ['code:4821'],
    ['\u200e4821\u200f'],
    ['Liked “⚠️ Usage Alert for Acme: … $100.00. Reply 4821 to acknowledge”'],
    ['👍 to “… Reply 4821 to acknowledge”'],
  ])('%s is the code', (text) => {
    expect(readReply(text, undefined, false)).toEqual({ kind: 'codes', codes: ['4821'] });
  });

  test('several codes, each once', () => {
    expect(readReply('4821 and 193244, 4821', undefined, false)).toEqual({ kind: 'codes', codes: ['4821', '193244'] });
  });

  test.each(['yes', 'Y', 'OK', 'ok!', 'Ack', 'got it', '👍', '👍🏽', 'Thanks', 'On it.', '"ok"', 'ＯＫ'])(
    '%s is a yes',
    (text) => {
      expect(readReply(text, undefined, false)).toEqual({ kind: 'yes', all: false });
    },
  );

  test.each(['all', 'ACK ALL', 'ok all'])('%s means every open alert', (text) => {
    expect(readReply(text, undefined, false)).toEqual({ kind: 'yes', all: true });
  });

  test.each([
    'who is this?',
    'no',
    'not ok',
    '',
    'why $1000?',
    'is it 4,821.00 or 150%',
    'Disliked “… Reply 4821 to acknowledge”',
    'Questioned “… Reply 4821 to acknowledge”',
    'call me at 403-555-1234',
    'call 4035551234',
    'it',
    'on',
    '123',
  ])('%j is nothing to act on', (text) => {
    expect(readReply(text, undefined, false)).toEqual({ kind: 'other' });
  });

  test.each(['STOP', 'stop', ' Stop ', 'StopAll', 'UNSUBSCRIBE', 'cancel', 'END', 'quit', 'revoke', 'optout'])(
    '%j is STOP',
    (text) => {
      expect(readReply(text, undefined, false)).toEqual({ kind: 'stop', byTwilio: true });
    },
  );

  test('STOP with a full stop is STOP too, though Twilio does not see it', () => {
    expect(readReply('Stop.', undefined, false)).toEqual({ kind: 'stop', byTwilio: false });
  });

  test('YES is a yes, and START for who said STOP', () => {
    expect(readReply('Yes', undefined, false)).toMatchObject({ kind: 'yes' });
    expect(readReply('Yes', undefined, true)).toMatchObject({ kind: 'start' });
    expect(readReply('ok', undefined, true)).toMatchObject({ kind: 'yes' });
  });

  test("a Messaging Service's own words count as it says", () => {
    expect(readReply('arret', 'STOP', false)).toEqual({ kind: 'stop', byTwilio: true });
    expect(readReply('oui', 'START', true)).toEqual({ kind: 'start', byTwilio: true });
    expect(readReply('aide', 'HELP', false)).toEqual({ kind: 'help', byTwilio: true });
  });

  test('never throws, and never finds a code that is not there', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, stopped) => {
        const said = readReply(text, undefined, stopped);
        if (said.kind === 'codes') for (const code of said.codes) expect(code).toMatch(/^\d{4,6}$/);
      }),
    );
  });
});
