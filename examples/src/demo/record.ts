import type { ExpectedBill } from './expected.ts';
import type { DemoProviders } from './providers.ts';
import { placeOf } from './purchases.ts';

/**
 * List prices in USD × 10^12, written down a second time on purpose: the demo's check must not read the price book that it checks.
 * twilio.com/en-us/sms/pricing/us and /voice/pricing/us, stripe.com/pricing, developers.google.com/maps/billing-and-pricing/pricing,
 * developers.cloudflare.com/r2/pricing, as of 2026-11-22.
 */
const PRICES = {
  segment: 8_300_000_000n,
  minute: 14_000_000_000n,
  recordedMinute: 2_500_000_000n,
  localNumber: 1_150_000_000_000n,
  /** Of each cent paid, and for each payment. */
  paidCent: 290_000_000n,
  payment: 300_000_000_000n,
  placeDetails: 17_000_000_000n,
  classA: 4_500_000n,
  classB: 360_000n,
} as const;

/** Something bought, as the provider's own record has it, and what it costs. */
export interface Charge {
  readonly clientId: string;
  readonly service: string;
  readonly operation: string;
  readonly unit: string;
  readonly sku?: string;
  readonly quantity: string;
  /** USD × 10^12. */
  readonly amount: bigint;
}

/** What every client bought by the records of the providers themselves, model calls apart. Throws where a record is nobody's. */
export function chargesOfRecord(
  { twilio, stripe, places, r2 }: Pick<DemoProviders, 'twilio' | 'stripe' | 'places' | 'r2'>,
  clientIds: readonly string[],
  clientOfNumber: Readonly<Record<string, string>>,
): Charge[] {
  const charges: Charge[] = [];
  type What = Omit<Charge, 'clientId' | 'quantity' | 'amount'>;
  const add = (client: string | undefined, what: What, count: bigint, each: bigint, quantity = String(count)) => {
    if (client === undefined || !clientIds.includes(client)) {
      throw new Error(`Nobody's: ${what.service} ${what.operation}`);
    }
    charges.push({ clientId: client, ...what, quantity, amount: count * each });
  };
  for (const { direction, from, to, num_segments: segments } of twilio.messages.values()) {
    const inbound = direction === 'inbound';
    const operation = inbound ? 'receive_sms' : 'send_sms';
    const client = clientOfNumber[String(inbound ? to : from)];
    const what = { service: 'twilio_sms', operation, unit: 'segment', sku: 'us_ca' };
    add(client, what, BigInt(String(segments)), PRICES.segment);
  }
  for (const { from, duration } of twilio.calls.values()) {
    const what = { service: 'twilio_voice', operation: 'outbound_call', unit: 'minute', sku: 'us_ca' };
    add(clientOfNumber[String(from)], what, startedMinutes(duration), PRICES.minute);
  }
  for (const { call_sid: call, duration } of twilio.recordings.values()) {
    const what = { service: 'twilio_voice', operation: 'recording', unit: 'minute' };
    const number = String(twilio.calls.get(String(call))?.from);
    add(clientOfNumber[number], what, startedMinutes(duration), PRICES.recordedMinute);
  }
  for (const { phone_number: number } of twilio.numbers.values()) {
    const what = { service: 'twilio_phone', operation: 'provision_number', unit: 'number_month', sku: 'local' };
    add(clientOfNumber[String(number)], what, 1n, PRICES.localNumber);
  }
  for (const { type, data } of stripe.events as readonly StripeEvent[]) {
    if (type !== 'charge.succeeded') continue;
    const { amount: cents, metadata } = data.object;
    const what = { service: 'stripe', operation: 'payment_intent', unit: 'usd' };
    const fee = BigInt(cents) * PRICES.paidCent + PRICES.payment;
    add(metadata.client, what, 1n, fee, (cents / 100).toFixed(2));
  }
  for (const { query } of places.requests) {
    const index = clientIds.findIndex((_, i) => placeOf(i) === query.get('place_id'));
    const what = { service: 'google_places', operation: 'place_details', unit: 'request', sku: 'legacy_place_details' };
    add(clientIds[index], what, 1n, PRICES.placeDetails);
  }
  for (const { key, operation } of r2.requests) {
    const read = operation === 'GetObject';
    const name = { service: 'cloudflare_r2', operation: read ? 'get_object' : 'put_object', unit: 'request' };
    add(key.split('/')[1], { ...name, sku: read ? 'class_b' : 'class_a' }, 1n, read ? PRICES.classB : PRICES.classA);
  }
  return charges;
}

/** What every client owes for them. */
export function billsOf(charges: readonly Charge[]): Map<string, ExpectedBill> {
  return sumBills(...charges.map(({ clientId, amount }) => new Map([[clientId, { calls: 1, amount }]])));
}

interface StripeEvent {
  readonly type: string;
  readonly data: { readonly object: { amount: number; metadata: { client?: string }; id: string } };
}

const startedMinutes = (seconds: unknown): bigint => BigInt(Math.ceil(Number(seconds) / 60));

/** Two lists of bills as one. */
export function sumBills(...lists: readonly ReadonlyMap<string, ExpectedBill>[]): Map<string, ExpectedBill> {
  const sums = new Map<string, ExpectedBill>();
  for (const [client, { calls, amount }] of lists.flatMap((list) => [...list])) {
    const sum = sums.get(client) ?? { calls: 0, amount: 0n };
    sums.set(client, { calls: sum.calls + calls, amount: sum.amount + amount });
  }
  return sums;
}
