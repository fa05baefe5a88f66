import { afterEach, expect, it } from 'vitest';
import { forgetCharges, type OpenCharge, recallCharge, rememberCharge } from './open-charges.ts';

afterEach(forgetCharges);

const charge = (usageId: string): OpenCharge => ({ usageId, version: 1, scope: { clientId: 'acme' }, at: new Date(0) });

it('gives a charge back by the name that the provider gave it', () => {
  rememberCharge('twilio:CA1', charge('u1'));
  expect(recallCharge('twilio:CA1')?.usageId).toBe('u1');
  expect(recallCharge('twilio:CA2')).toBeUndefined();
});

it('holds the newest 10,000 and lets the oldest go', () => {
  for (let i = 0; i < 10_000; i++) rememberCharge(`twilio:CA${i}`, charge(`u${i}`));
  rememberCharge('twilio:CA0', charge('again'));
  rememberCharge('twilio:CAx', charge('x'));
  expect(recallCharge('twilio:CA0')?.usageId).toBe('again');
  expect(recallCharge('twilio:CA1')).toBeUndefined();
  expect(recallCharge('twilio:CA2')?.usageId).toBe('u2');
});
