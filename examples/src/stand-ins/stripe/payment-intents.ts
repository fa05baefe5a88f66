import { amountOf, captureCharge, chargeNamed, currencyOf, makeCharge, metadataOf } from './charges.ts';
import { noSuch, StripeFault, unexpectedState } from './error.ts';
import { type Form, text } from './form.ts';
import { newId, type Store, type StripeObject } from './store.ts';

/** Payment methods that want the cardholder's own word first. */
const AUTHENTICATED = new Set(['pm_card_authenticationRequired', 'pm_card_threeDSecureRequired']);

/** POST /v1/payment_intents */
export function createIntent(store: Store, form: Form): StripeObject {
  const method = text(form, 'payment_method');
  const id = newId('pi');
  const capture = text(form, 'capture_method') ?? 'automatic_async';
  const intent = store.add({
    id,
    object: 'payment_intent',
    amount: amountOf(form),
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: capture,
    client_secret: `${id}_secret_${newId('s').slice(3)}`,
    confirmation_method: text(form, 'confirmation_method') ?? 'automatic',
    created: store.now(),
    currency: currencyOf(form),
    customer: text(form, 'customer') ?? null,
    description: text(form, 'description') ?? null,
    last_payment_error: null,
    latest_charge: null as string | null,
    livemode: store.livemode,
    metadata: metadataOf(form),
    next_action: null as unknown,
    payment_method: method ?? null,
    payment_method_types: ['card'],
    receipt_email: null,
    setup_future_usage: null,
    status: method === undefined ? 'requires_payment_method' : 'requires_confirmation',
  });
  store.emit('payment_intent.created', intent);
  if (text(form, 'confirm') === 'true') confirmIntent(store, intent, form);
  return intent;
}

/** POST /v1/payment_intents/:id/confirm */
export function confirmIntent(store: Store, intent: StripeObject, form: Form): StripeObject {
  if (!/^requires_(payment_method|confirmation|action)$/.test(intent.status)) {
    const message = `You cannot confirm this PaymentIntent because it has already ${intent.status === 'canceled' ? 'been canceled' : 'succeeded after being previously confirmed'}.`;
    throw unexpectedState(message, intent);
  }
  intent.payment_method = text(form, 'payment_method') ?? intent.payment_method;
  if (intent.payment_method === null) {
    throw unexpectedState('You cannot confirm this PaymentIntent because it is missing a payment method.', intent);
  }
  if (AUTHENTICATED.has(intent.payment_method) && intent.status !== 'requires_action') {
    intent.status = 'requires_action';
    intent.next_action = { type: 'use_stripe_sdk', use_stripe_sdk: {} };
    return intent;
  }
  const manual = intent.capture_method === 'manual';
  try {
    const charge = makeCharge(store, {
      amount: intent.amount,
      currency: intent.currency,
      method: intent.payment_method,
      capture: !manual,
      paymentIntent: intent,
      description: intent.description ?? undefined,
      metadata: { ...intent.metadata },
    });
    intent.latest_charge = charge.id;
  } catch (error) {
    if (error instanceof StripeFault) failed(store, intent, error);
    throw error;
  }
  intent.next_action = null;
  intent.status = manual ? 'requires_capture' : 'succeeded';
  intent.amount_capturable = manual ? intent.amount : 0;
  intent.amount_received = manual ? 0 : intent.amount;
  store.emit(manual ? 'payment_intent.amount_capturable_updated' : 'payment_intent.succeeded', intent);
  return intent;
}

function failed(store: Store, intent: StripeObject, fault: StripeFault): void {
  const said = fault.body.error as StripeObject;
  intent.status = 'requires_payment_method';
  intent.latest_charge = said.charge;
  intent.last_payment_error = { ...said, payment_method: { id: intent.payment_method, object: 'payment_method' } };
  intent.payment_method = null;
  said.payment_intent = structuredClone(intent);
  store.emit('payment_intent.payment_failed', intent);
}

/** POST /v1/payment_intents/:id/capture */
export function captureIntent(store: Store, intent: StripeObject, form: Form): StripeObject {
  if (intent.status !== 'requires_capture') {
    throw unexpectedState(
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
      intent,
    );
  }
  const amount = text(form, 'amount_to_capture') === undefined ? undefined : amountOf(form, 'amount_to_capture');
  const charge = captureCharge(store, chargeNamed(store, intent.latest_charge), amount);
  intent.status = 'succeeded';
  intent.amount_capturable = 0;
  intent.amount_received = charge.amount_captured;
  store.emit('payment_intent.succeeded', intent);
  return intent;
}

/** POST /v1/payment_intents/:id/cancel */
export function cancelIntent(store: Store, intent: StripeObject): StripeObject {
  if (intent.status === 'succeeded' || intent.status === 'canceled') {
    throw unexpectedState(`You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`, intent);
  }
  intent.status = 'canceled';
  intent.canceled_at = store.now();
  store.emit('payment_intent.canceled', intent);
  return intent;
}

export function intentNamed(store: Store, id: string): StripeObject {
  const found = store.get(id);
  if (found?.object !== 'payment_intent') throw noSuch('payment_intent', id, 'intent');
  return found;
}
