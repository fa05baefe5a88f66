import { expect, it } from 'vitest';
import { formatPico } from './expected.ts';
import type { DemoProviders } from './providers.ts';
import { billsOf, chargesOfRecord, sumBills } from './record.ts';

const mapOf = (...resources: object[]) => new Map(resources.map((resource, i) => [String(i), resource]));
const empty = { twilio: { messages: mapOf(), calls: mapOf(), recordings: mapOf(), numbers: mapOf() } };
const providers = (over: object) =>
  ({
    ...empty,
    stripe: { events: [] },
    places: { requests: [] },
    r2: { requests: [] },
    ...over,
  }) as unknown as DemoProviders;

it('reads what each provider kept of a client, and prices it', () => {
  const charges = chargesOfRecord(
    providers({
      twilio: {
        messages: mapOf(
          { direction: 'outbound-api', from: '+1', to: '+9', num_segments: '2' },
          { direction: 'inbound', from: '+9', to: '+1', num_segments: '1' },
        ),
        calls: new Map([['CA1', { from: '+1', duration: '61' }]]),
        recordings: mapOf({ call_sid: 'CA1', duration: '60' }),
        numbers: mapOf({ phone_number: '+1' }),
      },
      stripe: {
        events: [
          { type: 'charge.succeeded', data: { object: { amount: 4900, metadata: { client: 'a' } } } },
          { type: 'payment_intent.succeeded', data: { object: {} } },
        ],
      },
      places: { requests: [{ query: new URLSearchParams('place_id=ChIJstandIn0000') }] },
      r2: {
        requests: [
          { operation: 'PutObject', key: 'clients/a/x' },
          { operation: 'GetObject', key: 'clients/a/x' },
        ],
      },
    }),
    ['a'],
    { '+1': 'a' },
  );
  expect(charges.map(({ operation, quantity, amount }) => [operation, quantity, formatPico(amount)])).toEqual([
    ['send_sms', '2', '0.0166'],
    ['receive_sms', '1', '0.0083'],
    ['outbound_call', '2', '0.028'],
    ['recording', '1', '0.0025'],
    ['provision_number', '1', '1.15'],
    ['payment_intent', '49.00', '1.721'],
    ['place_details', '1', '0.017'],
    ['put_object', '1', '0.0000045'],
    ['get_object', '1', '0.00000036'],
  ]);
  const bills = billsOf(charges);
  expect(bills.get('a')?.calls).toBe(9);
  expect(sumBills(bills, bills).get('a')?.amount).toBe(2n * bills.get('a')!.amount);
});

it('fails where a record is nobody’s: then the demo proves nothing', () => {
  const messages = mapOf({ direction: 'inbound', to: '+7', num_segments: '1' });
  const nobody = providers({ twilio: { ...empty.twilio, messages } });
  expect(() => chargesOfRecord(nobody, ['a'], { '+1': 'a' })).toThrow("Nobody's: twilio_sms receive_sms");
});
