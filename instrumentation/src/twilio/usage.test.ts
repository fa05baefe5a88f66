import { describe, expect, it } from 'vitest';
import {
  callCreated,
  callEnd,
  messageCreated,
  messageEnd,
  messagePhase,
  recordingEnd,
  startedMinutes,
} from './usage.ts';

const sku = 'us_ca';

describe('a message when it is made', () => {
  it('has the segments that Twilio says', () => {
    const end = messageCreated({ status: 'queued', numSegments: '3', numMedia: '0', price: null }, { sku, body: 'x' });
    expect(end).toEqual({ outcome: 'ok', sku, unit: 'segment', quantity: 3 });
  });

  it('through a Messaging Service: counted, and estimated', () => {
    const end = messageCreated({ status: 'accepted', numSegments: '0' }, { sku, body: 'я'.repeat(71) });
    expect(end).toEqual({ outcome: 'ok', sku, unit: 'segment', quantity: 2, estimated: true });
  });

  it('of a template whose text nobody knows: unpriced', () => {
    const end = messageCreated({ status: 'accepted', numSegments: '0' }, { sku, body: undefined });
    expect(end).toMatchObject({ quantity: 1, unit: 'segment', unpricedReason: expect.stringContaining('segments') });
  });

  it('with media, or over a channel: one message', () => {
    const one = { outcome: 'ok', sku, unit: 'message', quantity: 1 };
    expect(messageCreated({ status: 'queued', numSegments: '1' }, { sku, mms: true })).toEqual(one);
    expect(messageCreated({ status: 'queued', numSegments: '1', numMedia: '2' }, { sku })).toEqual(one);
    expect(messageCreated({ status: 'queued', numSegments: '2' }, { sku: 'whatsapp', channel: true })).toEqual({
      ...one,
      sku: 'whatsapp',
    });
  });

  it('with a price in the answer: that price', () => {
    const end = messageCreated({ status: 'sent', numSegments: '1', price: '-0.01130', priceUnit: 'USD' }, { sku });
    expect(end).toMatchObject({ cost: '0.01130', costCurrency: 'USD', quantity: 1 });
  });

  it('that failed at once: the fee', () => {
    expect(messageCreated({ status: 'failed', numSegments: '4' }, { sku })).toMatchObject({
      sku: 'failed',
      quantity: 1,
    });
  });

  it('with test credentials: not billed', () => {
    expect(messageCreated({ status: 'queued', numSegments: '1' }, { sku, test: true })).toMatchObject({
      billed: false,
    });
  });

  it.each([[undefined], [null], ['x'], ['-1'], ['1.5'], [Number.NaN], ['99999999999999']])(
    'whose count is %o: as if there was none',
    (numSegments) => {
      expect(messageCreated({ status: 'queued', numSegments }, { sku, body: 'hi' })).toMatchObject({
        quantity: 1,
        estimated: true,
      });
    },
  );
});

describe('a later report about a message', () => {
  it.each([
    ['queued'],
    ['accepted'],
    ['scheduled'],
    ['sending'],
    ['receiving'],
    ['teleported'],
    [''],
    [undefined],
    [7],
    ['toString'],
  ])('status %o ends nothing', (status) => {
    expect(messagePhase(status)).toBe('pending');
    expect(messageEnd({ status, numSegments: '2', price: '-0.01' }, { sku })).toBeUndefined();
  });

  it.each([['sent'], ['delivered'], ['undelivered'], ['read'], ['DELIVERED']])('%s: billed as sent', (status) => {
    expect(messageEnd({ status }, { sku })).toBeUndefined();
    expect(messageEnd({ status, numSegments: '2' }, { sku })).toEqual({
      outcome: 'ok',
      sku,
      unit: 'segment',
      quantity: 2,
    });
    expect(messageEnd({ status, price: '-0.0166', priceUnit: 'USD', numSegments: '2' }, { sku })).toMatchObject({
      cost: '0.0166',
    });
    expect(messageEnd({ status, numSegments: '1' }, { sku, mms: true })).toBeUndefined();
  });

  it('failed: a fee per message, and none for what is Twilio’s own fault', () => {
    const fee = { outcome: 'error', errorType: '30005', sku: 'failed', unit: 'message', quantity: 1 };
    expect(messageEnd({ status: 'failed', errorCode: '30005', price: null }, { sku })).toEqual(fee);
    expect(messageEnd({ status: 'failed', errorCode: 30005 }, { sku })).toEqual(fee);
    expect(messageEnd({ status: 'failed' }, { sku })).toMatchObject({ errorType: 'failed', sku: 'failed' });
    expect(messageEnd({ status: 'failed', errorCode: '30500' }, { sku })).toMatchObject({ billed: false });
    expect(
      messageEnd({ status: 'failed', errorCode: '30005', price: '-0.001', priceUnit: 'USD' }, { sku }),
    ).toMatchObject({
      cost: '0.001',
    });
  });

  it('canceled: nothing is billed', () => {
    const end = { outcome: 'aborted', sku, unit: 'segment', quantity: 0, billed: false };
    expect(messageEnd({ status: 'canceled', numSegments: '0' }, { sku })).toEqual(end);
  });
});

describe('a price', () => {
  const of = (price: unknown, priceUnit?: unknown) =>
    messageEnd({ status: 'delivered', numSegments: '1', price, priceUnit }, { sku });
  it.each([
    ['-0.00750', 'USD', { cost: '0.00750', costCurrency: 'USD' }],
    ['-0.00750', undefined, { cost: '0.00750', costCurrency: 'USD' }],
    [-0.0075, 'usd', { cost: '0.0075', costCurrency: 'usd' }],
    ['-0.006', 'EUR', { cost: '0.006', costCurrency: 'EUR' }],
    ['0', 'USD', { cost: '0' }],
  ])('%o %o', (price, unit, expected) => {
    expect(of(price, unit)).toMatchObject(expected);
  });
  it.each([[null], [undefined], [''], ['free'], [{}], ['1e5'], [Number.NaN]])('%o is none', (price) => {
    expect(of(price)).not.toHaveProperty('cost');
  });
  it('of zero before the end is none', () => {
    expect(messageCreated({ status: 'queued', numSegments: '1', price: '0' }, { sku })).not.toHaveProperty('cost');
  });
});

describe('a call', () => {
  it('that was just made has no price, and says why', () => {
    expect(callCreated(sku)).toEqual({
      outcome: 'ok',
      sku,
      unit: 'minute',
      quantity: 0,
      unpricedReason: 'the call has not ended',
    });
  });

  it.each([
    ['0', 0],
    ['1', 1],
    ['59', 1],
    ['60', 1],
    ['61', 2],
    [125, 3],
    ['3600', 60],
  ])('of %s seconds is %i minutes', (seconds, quantity) => {
    expect(callEnd({ status: 'completed', seconds }, { sku })).toEqual({
      outcome: 'ok',
      sku,
      unit: 'minute',
      quantity,
    });
  });

  it.each([['-1'], ['abc'], [-5], [Number.NaN], [Number.POSITIVE_INFINITY], [{}], ['1e99']])(
    'of %o seconds is unpriced',
    (seconds) => {
      expect(startedMinutes(seconds)).toBeUndefined();
      expect(callEnd({ status: 'completed', seconds }, { sku })).toMatchObject({
        quantity: 0,
        unpricedReason: expect.stringContaining('duration'),
        raw: expect.any(String),
      });
    },
  );

  it.each([[undefined], [null], ['']])('whose length is not said (%o) is unpriced', (seconds) => {
    const end = callEnd({ status: 'completed', seconds }, { sku });
    expect(end).toMatchObject({ quantity: 0, unpricedReason: expect.stringContaining('how long') });
    expect(end).not.toHaveProperty('raw');
  });

  it.each([
    ['busy', 'ok'],
    ['no-answer', 'ok'],
    ['failed', 'error'],
    ['canceled', 'aborted'],
  ])('that ended %s costs nothing', (status, outcome) => {
    expect(callEnd({ status, seconds: '0' }, { sku })).toMatchObject({ outcome, quantity: 0, billed: false });
  });

  it.each([['queued'], ['initiated'], ['ringing'], ['in-progress'], ['on-hold'], [undefined], [null]])(
    '%o is no end',
    (status) => {
      expect(callEnd({ status, seconds: '5' }, { sku })).toBeUndefined();
    },
  );

  it('has Twilio’s price where it is said', () => {
    const end = callEnd({ status: 'completed', seconds: '61', price: '-0.02800', priceUnit: 'USD' }, { sku });
    expect(end).toMatchObject({ quantity: 2, cost: '0.02800', costCurrency: 'USD' });
  });
});

it.each([
  [
    { status: 'completed', seconds: '61' },
    { outcome: 'ok', quantity: 2 },
  ],
  [
    { status: 'completed', seconds: '-1' },
    { quantity: 0, unpricedReason: expect.any(String) },
  ],
  [{ status: 'absent' }, { outcome: 'ok', quantity: 0, billed: false }],
  [{ status: 'failed' }, { outcome: 'error', quantity: 0, billed: false }],
])('a recording %o', (report, expected) => {
  expect(recordingEnd(report)).toMatchObject({ unit: 'minute', ...expected });
});
it.each([['in-progress'], ['paused'], ['stopped'], ['processing'], ['deleted'], [undefined]])(
  'a recording that is %o is not over',
  (status) => {
    expect(recordingEnd({ status, seconds: '60' })).toBeUndefined();
  },
);
