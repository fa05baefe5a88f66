import {
  closeDispute,
  createInvoice,
  createRefund,
  disputeNamed,
  invoiceNamed,
  payInvoice,
  updateDispute,
} from './after.ts';
import { amountOf, captureCharge, chargeNamed, createCharge, metadataOf } from './charges.ts';
import { noSuch, StripeFault } from './error.ts';
import { type Form, text } from './form.ts';
import { listOf } from './lists.ts';
import { cancelIntent, captureIntent, confirmIntent, createIntent, intentNamed } from './payment-intents.ts';
import type { Store, StripeObject } from './store.ts';

const KINDS: Readonly<Record<string, string>> = {
  balance_transactions: 'balance_transaction',
  charges: 'charge',
  disputes: 'dispute',
  invoices: 'invoice',
  payment_intents: 'payment_intent',
  refunds: 'refund',
};

type Handler = (store: Store, id: string, form: Form) => StripeObject;

/** `METHOD collection[ action]`: an action follows the object's id in the path; `:id` is the object itself. */
const HANDLERS: Readonly<Record<string, Handler>> = {
  'POST payment_intents': (store, _id, form) => createIntent(store, form),
  'POST payment_intents :id': (store, id, form) => described(intentNamed(store, id), form),
  'POST payment_intents confirm': (store, id, form) => confirmIntent(store, intentNamed(store, id), form),
  'POST payment_intents capture': (store, id, form) => captureIntent(store, intentNamed(store, id), form),
  'POST payment_intents cancel': (store, id) => cancelIntent(store, intentNamed(store, id)),
  'POST charges': (store, _id, form) => createCharge(store, form),
  'POST charges :id': (store, id, form) => described(chargeNamed(store, id), form),
  'POST charges capture': (store, id, form) =>
    captureCharge(store, chargeNamed(store, id), text(form, 'amount') === undefined ? undefined : amountOf(form)),
  'POST charges refunds': (store, id, form) => createRefund(store, form, id),
  'POST refunds': (store, _id, form) => createRefund(store, form),
  'POST disputes :id': (store, id, form) => updateDispute(store, disputeNamed(store, id), form),
  'POST disputes close': (store, id) => closeDispute(store, disputeNamed(store, id)),
  'POST invoices': (store, _id, form) => createInvoice(store, form),
  'POST invoices pay': (store, id, form) => payInvoice(store, invoiceNamed(store, id), form),
};

function described(object: StripeObject, form: Form): StripeObject {
  Object.assign(object.metadata, metadataOf(form));
  object.description = text(form, 'description') ?? object.description;
  return object;
}

/** What a request does. @throws StripeFault */
export function route(store: Store, method: string, path: string, form: Form): StripeObject {
  const [version, collection = '', id, action, ...rest] = path.slice(1).split('/').map(decodeURIComponent);
  const kind = KINDS[collection];
  const what = `${method} ${collection}${id === undefined ? '' : ` ${action ?? ':id'}`}`;
  const handler = HANDLERS[what];
  if (version === 'v1' && rest.length === 0) {
    if (handler !== undefined) return handler(store, id ?? '', form);
    if (method === 'GET' && kind !== undefined && action === undefined) {
      if (id === undefined) return listOf(store, kind, `/v1/${collection}`, form);
      const found = store.get(id);
      if (found?.object !== kind) throw noSuch(kind, id);
      return found;
    }
  }
  const message = `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`;
  throw new StripeFault(404, 'invalid_request_error', message);
}
