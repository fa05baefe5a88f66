import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseForm, type WebhookParams } from './params.ts';
import { expectedSignature, isSigned, isSignedBody } from './signature.ts';

const twilio = require('twilio') as {
  validateRequest(token: string, signature: string, url: string, params: object): boolean;
  getExpectedBodyHash(body: string): string;
};
const { getExpectedTwilioSignature } = require('twilio/lib/webhooks/webhooks.js') as {
  getExpectedTwilioSignature(token: string, url: string, params: object): string;
};

const TOKEN = '0123456789abcdef0123456789abcdef';

const text = fc.string({ unit: fc.constantFrom(...'aZ09 +&=%~._-\'"#?/\\éß€😀\u0000\n'), maxLength: 12 });
const params = fc.dictionary(
  fc.oneof(fc.constantFrom('From', 'To', 'Body', 'CallSid', '__proto__', 'constructor'), text),
  fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 4 })),
  { maxKeys: 8, noNullPrototype: false },
) as fc.Arbitrary<WebhookParams>;
const host = fc.constantFrom(
  'example.com',
  'EXAMPLE.com',
  'a.b',
  '127.0.0.1',
  '[::1]',
  'münchen.de',
  'user:pw@host.org',
);
const port = fc.constantFrom('', ':80', ':443', ':8443', ':3000');
const path = fc.constantFrom('', '/', '/sms', "/it's here", '/a%20b', '/a/../b', '/ü', '//x');
const query = fc.oneof(
  fc.constantFrom(
    '',
    '?',
    '?a=b',
    "?name=it's",
    '?a=b&a=c',
    '?x=%27%20y+z',
    '?q=ä',
    '?a[b]=c',
    '#frag',
    '?a=b#f',
    '?=&&',
  ),
  text.map((each) => `?v=${each}`),
);
const url = fc
  .tuple(fc.constantFrom('http', 'https', 'HTTPS'), host, port, path, query)
  .map(([scheme, name, number, rest, after]) => `${scheme}://${name}${number}${rest}${after}`)
  .filter((each) => URL.canParse(each));

describe('signatures', () => {
  it('are those that twilio computes', () => {
    fc.assert(
      fc.property(url, params, fc.string(), (address, fields, token) => {
        expect(expectedSignature(token, address, fields)).toBe(getExpectedTwilioSignature(token, address, fields));
      }),
      { numRuns: 1000 },
    );
  });

  it('are accepted and refused exactly where twilio does', () => {
    const variants = fc.tuple(url, url, params, fc.constantFrom('same', 'port', 'normal', 'other', 'token', 'cut'));
    let accepted = 0;
    fc.assert(
      fc.property(variants, ([address, other, fields, how]) => {
        const signedUrl =
          how === 'port'
            ? address.replace(/^(\w+:\/\/[^/?#]*?)(:\d+)?(?=[/?#]|$)/, '$1:443')
            : how === 'normal'
              ? new URL(address).toString()
              : how === 'other'
                ? other
                : address;
        const whole = getExpectedTwilioSignature(how === 'token' ? 'another' : TOKEN, signedUrl, fields);
        const signature = how === 'cut' ? whole.slice(0, -2) : whole;
        const theirs = twilio.validateRequest(TOKEN, signature, address, fields);
        if (theirs) accepted++;
        expect(isSigned({ urls: [address], signature, params: fields }, [TOKEN])).toBe(theirs);
      }),
      { numRuns: 2000 },
    );
    // The property compares something: both answers occur.
    expect(accepted).toBeGreaterThan(300);
    expect(accepted).toBeLessThan(1900);
  });

  it('are those of the published example', () => {
    // https://www.twilio.com/docs/usage/security#validating-requests
    const fields = {
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675310',
      Digits: '1234',
      From: '+14158675310',
      To: '+18005551212',
    };
    const address = 'https://example.com/myapp.php?foo=1&bar=2';
    expect(expectedSignature('12345', address, fields)).toBe('L/OH5YylLD5NRKLltdqwSvS0BnU=');
  });

  it('hold for one of several tokens and addresses', () => {
    const fields = parseForm('Body=hi&To=%2B1');
    const signature = expectedSignature('second', 'https://a.example/sms', fields);
    const urls = ['https://b.example/sms', 'https://a.example/sms'];
    expect(isSigned({ urls, signature, params: fields }, ['first', 'second'])).toBe(true);
    expect(isSigned({ urls, signature, params: fields }, ['first'])).toBe(false);
    expect(isSigned({ urls: [], signature, params: fields }, ['second'])).toBe(false);
  });

  it('of a body are its SHA-256, as twilio writes it', () => {
    for (const body of ['', '{}', '{"a":"ü😀"}']) {
      expect(isSignedBody(Buffer.from(body), twilio.getExpectedBodyHash(body))).toBe(true);
      expect(isSignedBody(Buffer.from(`${body} `), twilio.getExpectedBodyHash(body))).toBe(false);
    }
    expect(isSignedBody(Buffer.from('{}'), '')).toBe(false);
  });
});
