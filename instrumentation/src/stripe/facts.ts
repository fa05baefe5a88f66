import { isObject, type Said, textOf } from './internal-types.ts';

/** What Stripe's own figure of a fee is: integers of the smallest unit of `currency`. */
export interface Fee {
  readonly amount: unknown;
  readonly currency: unknown;
}

/** A movement of money that Stripe bills, as one of its objects tells it. */
export interface Fact {
  readonly operation: 'payment_intent' | 'charge' | 'refund' | 'dispute';
  /** Stripe's id of it: `ch_…`, `py_…`, `re_…`, `du_…`. */
  readonly id: string;
  /** Unix seconds that everyone who learns of it knows: what the usage id is derived from. */
  readonly created: unknown;
  readonly amount: unknown;
  readonly currency: unknown;
  readonly livemode: unknown;
  /** From the balance transaction, where it is in the answer. */
  readonly fee?: Fee | undefined;
  /** What the balance transaction says the amount is in the account's currency. */
  readonly settled?: Fee | undefined;
  readonly sku: 'payment' | 'refund' | 'dispute_received' | 'dispute_countered';
  /** The charge that a refund or dispute is about, and the payment intent that it all belongs to. */
  readonly charge?: string | undefined;
  readonly intent?: string | undefined;
  readonly metadata?: unknown;
  /** Grows with what is known of it, where more than one figure is final in its time. */
  readonly step?: number;
  readonly unpricedReason?: string | undefined;
}

/** What of money that has moved an answer or event tells; empty where none has, or for what is not known. */
export function factsOf(object: unknown): Fact[] {
  if (!isObject(object)) return [];
  switch (object.object) {
    case 'payment_intent':
      return list(ofIntent(object));
    case 'charge':
      return list(ofCharge(object));
    case 'refund':
      return list(ofRefund(object));
    case 'dispute':
      return list(ofDispute(object));
    case 'invoice':
      return list(ofInvoice(object));
    default:
      return [];
  }
}

const list = (fact: Fact | undefined): Fact[] => (fact === undefined ? [] : [fact]);

/** Of an integer that is 0 nothing has moved; what is no integer is recorded, unpriced, rather than lost. */
const moved = (amount: unknown): boolean => amount !== undefined && amount !== null && amount !== 0;

function ofIntent(intent: Said): Fact | undefined {
  const charge = chargeOf(intent);
  const id = isObject(charge) ? textOf(charge.id) : textOf(charge);
  // Part of it may be captured already while it waits for more.
  const done = intent.status === 'succeeded' || intent.status === 'requires_capture';
  if (!done || !moved(intent.amount_received)) return undefined;
  return {
    operation: 'payment_intent',
    sku: 'payment',
    id: id ?? textOf(intent.id) ?? '',
    created: intent.created,
    amount: intent.amount_received,
    currency: intent.currency,
    livemode: intent.livemode,
    intent: textOf(intent.id),
    metadata: intent.metadata,
    ...balanceOf(isObject(charge) ? charge.balance_transaction : undefined),
  };
}

/** API versions before 2022-11-15 list the charges. */
function chargeOf(intent: Said): unknown {
  if (intent.latest_charge !== undefined) return intent.latest_charge;
  const data = isObject(intent.charges) ? intent.charges.data : undefined;
  return Array.isArray(data) ? data.find((charge) => isObject(charge) && charge.status === 'succeeded') : undefined;
}

function ofCharge(charge: Said): Fact | undefined {
  const id = textOf(charge.id);
  const amount = charge.amount_captured ?? charge.amount;
  if (id === undefined || charge.captured !== true || charge.status !== 'succeeded' || !moved(amount)) return undefined;
  const intent = charge.payment_intent;
  return {
    operation: idOf(intent) === undefined ? 'charge' : 'payment_intent',
    sku: 'payment',
    id,
    created: isObject(intent) ? intent.created : charge.created,
    amount,
    currency: charge.currency,
    livemode: charge.livemode,
    intent: idOf(intent),
    metadata: charge.metadata,
    ...balanceOf(charge.balance_transaction),
  };
}

function ofRefund(refund: Said): Fact | undefined {
  const id = textOf(refund.id);
  if (id === undefined || refund.status === 'failed' || refund.status === 'canceled') return undefined;
  const { fee } = balanceOf(refund.balance_transaction);
  return {
    operation: 'refund',
    sku: 'refund',
    id,
    created: refund.created,
    amount: refund.amount,
    currency: refund.currency,
    livemode: refund.livemode,
    charge: idOf(refund.charge),
    intent: idOf(refund.payment_intent),
    metadata: refund.metadata,
    fee,
  };
}

/** An inquiry (`warning_…`) costs nothing; it may become a dispute. */
function ofDispute(dispute: Said): Fact | undefined {
  const id = textOf(dispute.id);
  const status = textOf(dispute.status) ?? '';
  if (id === undefined || status.startsWith('warning_')) return undefined;
  const fees = feesOf(dispute.balance_transactions);
  const details = dispute.evidence_details;
  const submitted = isObject(details) && typeof details.submission_count === 'number' && details.submission_count > 0;
  const countered = submitted && status !== 'won';
  return {
    operation: 'dispute',
    id,
    created: dispute.created,
    amount: dispute.amount,
    currency: dispute.currency,
    livemode: dispute.livemode,
    charge: idOf(dispute.charge),
    intent: idOf(dispute.payment_intent),
    metadata: dispute.metadata,
    sku: countered ? 'dispute_countered' : 'dispute_received',
    fee: fees.fee,
    // Grows as a dispute goes on, whoever reports it: received, countered, decided.
    step: 2 * fees.count + (status === 'won' || status === 'lost' ? 2 : Number(countered)),
    unpricedReason:
      status === 'prevented' && fees.fee === undefined ? 'what preventing a dispute costs is not known' : undefined,
  };
}

/** A dispute's balance transactions: withdrawn, countered, given back. Their fees make its fee. */
function feesOf(transactions: unknown): { readonly fee: Fee | undefined; readonly count: number } {
  const said = Array.isArray(transactions) ? transactions.filter(isObject) : [];
  const currency = said[0]?.currency;
  if (said.length === 0 || said.some((one) => !Number.isSafeInteger(one.fee) || one.currency !== currency)) {
    return { fee: undefined, count: 0 };
  }
  return { fee: { amount: said.reduce((sum, one) => sum + stripesFee(one), 0), currency }, count: said.length };
}

/** The fee of a balance transaction without what a platform takes of its connected accounts. `fee` is a safe integer. */
function stripesFee({ fee, fee_details: details }: Said): number {
  const own = Array.isArray(details) ? details.filter((one): one is Said => isObject(one)) : [];
  const taken = own.filter(({ type, amount }) => type === 'application_fee' && Number.isSafeInteger(amount));
  return taken.reduce((sum, { amount }) => sum - (amount as number), fee as number);
}

/**
 * An invoice that has been paid, where its answer shows the charge: `charge`, or `payments` of newer API versions. Of one that was paid
 * outside of Stripe the charge is an attempt that failed.
 */
function ofInvoice(invoice: Said): Fact | undefined {
  if (invoice.status !== 'paid' || invoice.paid_out_of_band === true) return undefined;
  if (isObject(invoice.charge)) return ofCharge(invoice.charge);
  const payment = lastPayment(invoice.payments);
  const intent = payment?.payment_intent ?? invoice.payment_intent;
  if (isObject(intent)) return ofIntent(intent);
  const charge = payment?.charge ?? invoice.charge;
  if (isObject(charge)) return ofCharge(charge);
  const id = textOf(charge);
  if (id === undefined || !moved(invoice.amount_paid)) return undefined;
  const paid = isObject(invoice.status_transitions) ? invoice.status_transitions.paid_at : undefined;
  return {
    operation: 'payment_intent',
    sku: 'payment',
    id,
    created: paid,
    amount: invoice.amount_paid,
    currency: invoice.currency,
    livemode: invoice.livemode,
    metadata: invoice.metadata,
  };
}

function lastPayment(payments: unknown): Said | undefined {
  const data = isObject(payments) && Array.isArray(payments.data) ? payments.data : [];
  const paid = data.filter((one): one is Said => isObject(one) && one.status === 'paid').at(-1);
  return isObject(paid?.payment) ? paid.payment : undefined;
}

function balanceOf(transaction: unknown): { readonly fee?: Fee; readonly settled?: Fee } {
  if (!isObject(transaction) || !Number.isSafeInteger(transaction.fee)) return {};
  const { amount, currency } = transaction;
  return { fee: { amount: stripesFee(transaction), currency }, settled: { amount, currency } };
}

const idOf = (value: unknown): string | undefined => (isObject(value) ? textOf(value.id) : textOf(value));
