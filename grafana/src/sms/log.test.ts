import { expect, test } from 'vitest';
import { readSmsConfig } from './config.ts';
import { createSmsLog } from './log.ts';

const config = readSmsConfig({
  CLIENT_COST_SMS_DATABASE: ':memory:',
  CLIENT_COST_ALERT_WEBHOOK_SECRET: 'webhook-secret-0123456789',
  CLIENT_COST_ON_CALL: 'ada=+14035551234',
  TWILIO_ACCOUNT_SID: `AC${'a'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'twilio.token+of/tests',
  TWILIO_PHONE_NUMBER: '+14035550000',
});

const lines: string[] = [];
const log = createSmsLog(config, { destination: { write: (line: string) => void lines.push(line) } });
const logged = (fields: Record<string, unknown>, message = 'm') => {
  lines.length = 0;
  log.error(fields, message);
  return lines.join('');
};

test('one JSON object a line, with level, time and service', () => {
  expect(JSON.parse(logged({ alert: 'x' }, 'Something'))).toEqual({
    level: 'error',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    service: 'client-cost-sms',
    alert: 'x',
    msg: 'Something',
  });
});

test.each([
  '+14035551234',
  '14035551234',
  '4035551234',
  '(403) 555-1234',
  '+1 403-555-1234',
  '%2B14035551234',
  '+4915112345678',
  '+14035550000',
  'webhook-secret-0123456789',
  'twilio.token+of/tests',
])('%s is logged nowhere: message, fields, errors, lists, keys', (hidden) => {
  const all =
    logged({}, `to ${hidden}.`) +
    logged({
      to: hidden,
      deep: { list: [`x${hidden}y`] },
      [`k ${hidden}`]: 1,
      error: new Error(`The 'To' number ${hidden} is not valid`),
    });
  expect(all).not.toContain(hidden);
  expect(all).toMatch(/\[(number|secret)\]/);
});

test('ids, times and amounts stay readable', () => {
  const fields = {
    sid: `SM${'0123456789'.repeat(3)}ab`,
    at: '2026-11-22T10:00:00.000Z',
    cost: '104.500000000000',
    n: 4035551234,
    key: 'threshold:critical:2026-11:acme',
  };
  expect(JSON.parse(logged(fields))).toMatchObject(fields);
});

test('an object that holds itself does not stop the log', () => {
  const loop: Record<string, unknown> = { a: 1 };
  loop.loop = loop;
  expect(logged({ loop })).toContain('[…]');
});
