import { expect, it } from 'vitest';
import { derivedUsageId } from './derived-id.ts';

const AT = new Date('2026-11-22T18:06:08.123Z');

it('is a UUIDv7 that is the same for everyone who names the same thing on the same UTC day', () => {
  const id = derivedUsageId('twilio_sms:SM1', AT);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(derivedUsageId('twilio_sms:SM1', new Date('2026-11-22T00:00:00Z'))).toBe(id);
  expect(new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toISOString()).toBe(
    '2026-11-22T00:00:00.000Z',
  );
});

it('differs by name and by day', () => {
  const ids = ['a', 'b', 'a:b'].flatMap((key) =>
    ['2026-11-21', '2026-11-22'].map((day) => derivedUsageId(key, new Date(day))),
  );
  expect(new Set(ids).size).toBe(6);
  const many = Array.from({ length: 20_000 }, (_, i) => derivedUsageId(`twilio_sms:SM${i}`, AT));
  expect(new Set(many).size).toBe(many.length);
});

it('never changes: ids of last year must be found again', () => {
  expect(derivedUsageId('stripe:ch_1', new Date('2026-01-31T23:59:59Z'))).toBe('019c1159-7000-7f7d-877b-62074480bf6f');
});
