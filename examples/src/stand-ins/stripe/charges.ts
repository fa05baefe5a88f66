import { invalid, missing, noSuch, StripeFault } from './error.ts';
import { type Form, text } from './form.ts';
import { newId, type Store, type StripeObject } from './store.ts';

/** Why a test payment method or token is declined. */
const DECLINES: Readonly<Record<string, readonly [code: string, declineCode: string, message: string]>> = {
  pm_card_chargeDeclined: ['card_declined', 'generic_decline', 'Your card was declined.'],
  pm_card_visa_chargeDeclined: ['card_declined', 'generic_decline', 'Your card was declined.'],
  tok_chargeDeclined: ['card_declined', 'generic_decline', 'Your card was declined.'],
  pm_card_chargeDeclinedInsufficientFunds: ['card_declined', 'insufficient_funds', 'Your card has insufficient funds.'],
  tok_chargeDeclinedInsufficientFunds: ['card_declined', 'insufficient_funds', 'Your card has insufficient funds.'],
  pm_card_chargeDeclinedExpiredCard: ['expired_card', '', 'Your card has expired.'],
  tok_chargeDeclinedExpiredCard: ['expired_card', '', 'Your card has expired.'],
};

/** Ends in a dispute at once. */
const DISPUTED = new Set(['pm_card_createDispute', 'tok_createDispute']);

/** A positive integer amount. */
export function amountOf(form: Form, param = 'amount'): number {
  const given = text(form, param);
  if (given === undefined) throw missing(param);
  if (!/^\d+$/.test(given)) throw invalid(param, `Invalid integer: ${given}`, 'parameter_invalid_integer');
  if (Number(given) < 1)
    throw invalid(param, 'This value must be greater than or equal to 1.', 'parameter_invalid_integer');
  return Number(given);
}

export function currencyOf(form: Form): string {
  const given = text(form, 'currency')?.toLowerCase();
  if (given === undefined) throw missing('currency');
  if (!/^[a-z]{3}$/.test(given)) throw invalid('currency', `Invalid currency: ${given}.`);
  return given;
}

export interface NewCharge {
  readonly amount: number;
  readonly currency: string;
  readonly method: string;
  readonly capture: boolean;
  readonly paymentIntent?: StripeObject;
  readonly description?: string | undefined;
  readonly metadata?: Record<string, unknown>;
}

/** Charges a card. @throws StripeFault 402 where the card is declined (a failed charge is kept). */
export function makeCharge(store: Store, asked: NewCharge): StripeObject {
  const decline = DECLINES[asked.method];
  const paid = decline === undefined;
  const charge = store.add({
    id: newId('ch'),
    object: 'charge',
    amount: asked.amount,
    amount_captured: 0,
    amount_refunded: 0,
    balance_transaction: null,
    captured: false,
    created: store.now(),
    currency: asked.currency,
    customer: null,
    description: asked.description ?? null,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.[0] ?? null,
    failure_message: decline?.[2] ?? null,
    invoice: null,
    livemode: store.livemode,
    metadata: asked.metadata ?? {},
    outcome: {
      network_status: paid ? 'approved_by_network' : 'declined_by_network',
      reason: decline?.[1] || null,
      risk_level: 'normal',
      seller_message: paid ? 'Payment complete.' : 'The bank did not return any further details with this decline.',
      type: paid ? 'authorized' : 'issuer_declined',
    },
    paid,
    payment_intent: asked.paymentIntent?.id ?? null,
    payment_method: asked.method.startsWith('pm_') ? asked.method : null,
    payment_method_details: { card: { brand: 'visa', country: 'US', last4: '4242' }, type: 'card' },
    receipt_email: null,
    refunded: false,
    status: paid ? 'succeeded' : 'failed',
  });
  if (!paid) {
    store.emit('charge.failed', charge);
    throw new StripeFault(402, 'card_error', decline[2], {
      charge: charge.id,
      code: decline[0],
      ...(decline[1] === '' ? {} : { decline_code: decline[1] }),
      doc_url: `https://stripe.com/docs/error-codes/${decline[0].replaceAll('_', '-')}`,
    });
  }
  if (asked.capture) collect(store, charge, asked.amount);
  store.emit('charge.succeeded', charge);
  if (asked.capture && DISPUTED.has(asked.method)) dispute(store, charge);
  return charge;
}

function collect(store: Store, charge: StripeObject, amount: number): void {
  charge.amount_captured = amount;
  charge.captured = true;
  charge.amount_refunded = charge.amount - amount;
  store.settleCharge(charge);
}

/** Takes what was authorised, or a part of it. */
export function captureCharge(store: Store, charge: StripeObject, amount: number | undefined): StripeObject {
  const taken = amount ?? charge.amount;
  if (charge.captured) {
    throw new StripeFault(400, 'invalid_request_error', `Charge ${charge.id} has already been captured.`, {
      code: 'charge_already_captured',
    });
  }
  if (taken > charge.amount) {
    throw invalid(
      'amount_to_capture',
      'The requested capture amount is greater than the remaining amount.',
      'amount_too_large',
    );
  }
  collect(store, charge, taken);
  store.emit('charge.captured', charge);
  return charge;
}

/** A cardholder disputes a charge. */
export function dispute(store: Store, charge: StripeObject, fee = 1500): StripeObject {
  const made = store.add({
    id: newId('du'),
    object: 'dispute',
    amount: charge.amount_captured,
    balance_transactions: [] as StripeObject[],
    charge: charge.id,
    created: store.now(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: { due_by: store.now() + 9 * 86_400, has_evidence: false, past_due: false, submission_count: 0 },
    is_charge_refundable: false,
    livemode: store.livemode,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: 'fraudulent',
    status: 'needs_response',
  });
  made.balance_transactions.push(store.balance(made, 'adjustment', -made.amount, fee));
  charge.disputed = true;
  store.emit('charge.dispute.created', made);
  return made;
}

/** POST /v1/charges */
export function createCharge(store: Store, form: Form): StripeObject {
  const method = text(form, 'source') ?? text(form, 'customer');
  if (method === undefined) throw new StripeFault(400, 'invalid_request_error', 'Must provide source or customer.');
  return makeCharge(store, {
    amount: amountOf(form),
    currency: currencyOf(form),
    method,
    capture: text(form, 'capture') !== 'false',
    description: text(form, 'description'),
    metadata: metadataOf(form),
  });
}

export function metadataOf(form: Form): Record<string, unknown> {
  const given = form.metadata;
  return typeof given === 'object' && !Array.isArray(given) ? { ...given } : {};
}

export function chargeNamed(store: Store, id: string, param = 'charge'): StripeObject {
  const found = store.get(id);
  if (found?.object !== 'charge') throw noSuch('charge', id, param);
  return found;
}
