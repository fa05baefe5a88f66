import { amountOf, chargeNamed, currencyOf, makeCharge, metadataOf } from './charges.ts';
import { invalid, missing, noSuch, StripeFault } from './error.ts';
import { DISPUTE_FEE } from './fee.ts';
import { type Form, text } from './form.ts';
import { intentNamed } from './payment-intents.ts';
import { newId, type Store, type StripeObject } from './store.ts';

/** POST /v1/refunds (and, with the charge in the path, /v1/charges/:id/refunds). Stripe keeps its fee. */
export function createRefund(store: Store, form: Form, chargeId = text(form, 'charge')): StripeObject {
  const intentId = text(form, 'payment_intent');
  if (chargeId === undefined && intentId === undefined) throw missing('charge');
  const charge = chargeNamed(store, chargeId ?? intentNamed(store, intentId ?? '').latest_charge);
  const left = charge.amount_captured - refunded(store, charge);
  const amount = text(form, 'amount') === undefined ? left : amountOf(form);
  if (left === 0) {
    throw new StripeFault(400, 'invalid_request_error', `Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  }
  if (amount > left)
    throw invalid('amount', `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`);
  const refund = store.add({
    id: newId('re'),
    object: 'refund',
    amount,
    balance_transaction: null as string | null,
    charge: charge.id,
    created: store.now(),
    currency: charge.currency,
    destination_details: { card: { type: 'refund' }, type: 'card' },
    metadata: metadataOf(form),
    payment_intent: charge.payment_intent,
    reason: text(form, 'reason') ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  });
  refund.balance_transaction = store.balance(refund, 'refund', -amount, 0).id;
  charge.amount_refunded += amount;
  charge.refunded = charge.amount_refunded >= charge.amount;
  store.emit('refund.created', refund);
  store.emit('charge.refunded', charge);
  return refund;
}

function refunded(store: Store, charge: StripeObject): number {
  return store.all('refund').reduce((sum, refund) => (refund.charge === charge.id ? sum + refund.amount : sum), 0);
}

export function disputeNamed(store: Store, id: string): StripeObject {
  const found = store.get(id);
  if (found?.object !== 'dispute') throw noSuch('dispute', id, 'dispute');
  return found;
}

/** POST /v1/disputes/:id: evidence. Submitted, it is a counter, which has a fee of its own. */
export function updateDispute(store: Store, dispute: StripeObject, form: Form): StripeObject {
  if (dispute.status === 'lost' || dispute.status === 'won') {
    throw new StripeFault(400, 'invalid_request_error', 'This dispute is already closed');
  }
  Object.assign(dispute.metadata, metadataOf(form));
  if (typeof form.evidence === 'object') {
    Object.assign(dispute.evidence, form.evidence);
    dispute.evidence_details.has_evidence = true;
    if (text(form, 'submit') !== 'false') {
      if (dispute.evidence_details.submission_count === 0) {
        dispute.balance_transactions.push(store.balance(dispute, 'adjustment', 0, DISPUTE_FEE));
      }
      dispute.evidence_details.submission_count += 1;
      dispute.status = 'under_review';
    }
  }
  store.emit('charge.dispute.updated', dispute);
  return dispute;
}

/** POST /v1/disputes/:id/close, and what the bank says in the end. */
export function closeDispute(store: Store, dispute: StripeObject, status: 'lost' | 'won' = 'lost'): StripeObject {
  dispute.status = status;
  if (status === 'won') {
    const countered = dispute.evidence_details.submission_count > 0;
    const back = store.balance(dispute, 'adjustment', dispute.amount, countered ? -DISPUTE_FEE : 0);
    dispute.balance_transactions.push(back);
  }
  store.emit('charge.dispute.closed', dispute);
  return dispute;
}

/** POST /v1/invoices: one that is open and may be paid. */
export function createInvoice(store: Store, form: Form): StripeObject {
  return store.add({
    id: newId('in'),
    object: 'invoice',
    amount_due: amountOf(form),
    amount_paid: 0,
    amount_remaining: amountOf(form),
    charge: null as string | null,
    created: store.now(),
    currency: currencyOf(form),
    customer: text(form, 'customer') ?? null,
    livemode: store.livemode,
    metadata: metadataOf(form),
    payment_intent: null,
    payments: { object: 'list', data: [] as StripeObject[], has_more: false, url: '/v1/invoice_payments' },
    status: 'open',
    status_transitions: { finalized_at: store.now(), marked_uncollectible_at: null, paid_at: null, voided_at: null },
    total: amountOf(form),
  });
}

export function invoiceNamed(store: Store, id: string): StripeObject {
  const found = store.get(id);
  if (found?.object !== 'invoice') throw noSuch('invoice', id, 'invoice');
  return found;
}

/**
 * POST /v1/invoices/:id/pay. Its charge is in `charge` for API versions before 2025-03-31, and in `payments`, which has to be
 * asked for with `expand[]=payments`, from then on.
 */
export function payInvoice(store: Store, invoice: StripeObject, form: Form): StripeObject {
  if (invoice.status === 'paid') {
    throw new StripeFault(400, 'invalid_request_error', 'Invoice is already paid', { code: 'invoice_already_paid' });
  }
  const id = newId('pi');
  const intent = store.add({
    id,
    object: 'payment_intent',
    amount: invoice.amount_due,
    amount_received: invoice.amount_due,
    capture_method: 'automatic',
    created: store.now(),
    currency: invoice.currency,
    latest_charge: null as string | null,
    livemode: store.livemode,
    metadata: {},
    status: 'succeeded',
  });
  const method = text(form, 'payment_method') ?? 'pm_card_visa';
  const { amount_due: amount, currency } = invoice;
  const charge = makeCharge(store, { amount, currency, method, capture: true, paymentIntent: intent });
  intent.latest_charge = charge.id;
  invoice.payments.data.push({
    id: newId('inpay'),
    object: 'invoice_payment',
    amount_paid: amount,
    created: store.now(),
    currency,
    invoice: invoice.id,
    payment: { payment_intent: intent.id, type: 'payment_intent' },
    status: 'paid',
  });
  Object.assign(invoice, {
    amount_paid: amount,
    amount_remaining: 0,
    charge: charge.id,
    payment_intent: intent.id,
    status: 'paid',
  });
  invoice.status_transitions.paid_at = store.now();
  store.emit('invoice.paid', invoice);
  return invoice;
}
