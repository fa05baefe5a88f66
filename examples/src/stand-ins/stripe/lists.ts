import { invalid, noSuch, StripeFault } from './error.ts';
import { type Form, text } from './form.ts';
import type { Store, StripeObject } from './store.ts';

/** Parameters that a list may be narrowed by, beside `created`. */
const FILTERS = ['charge', 'customer', 'payment_intent', 'source', 'type', 'currency', 'invoice', 'status'] as const;

/** GET of a list: newest first, `limit`, `starting_after`, `ending_before`, `created`, filters. */
export function listOf(store: Store, kind: string, url: string, form: Form): StripeObject {
  const limit = Number(text(form, 'limit') ?? 10);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw invalid('limit', 'This value must be between 1 and 100.', 'parameter_invalid_integer');
  }
  let found = store.all(kind).filter((object) => matches(object, form));
  const after = text(form, 'starting_after');
  const before = text(form, 'ending_before');
  if (after !== undefined) found = found.slice(indexOf(found, after, kind, 'starting_after') + 1);
  if (before !== undefined) {
    found = found.slice(0, indexOf(found, before, kind, 'ending_before'));
    const data = found.slice(-limit);
    return { object: 'list', data, has_more: found.length > data.length, url };
  }
  return { object: 'list', data: found.slice(0, limit), has_more: found.length > limit, url };
}

function indexOf(list: readonly StripeObject[], id: string, kind: string, param: string): number {
  const index = list.findIndex((object) => object.id === id);
  if (index < 0) throw noSuch(kind, id, param);
  return index;
}

function matches(object: StripeObject, form: Form): boolean {
  for (const name of FILTERS) {
    const wanted = text(form, name);
    if (wanted !== undefined && object[name] !== wanted) return false;
  }
  const { created } = form;
  if (typeof created === 'string') return object.created === Number(created);
  if (typeof created !== 'object' || Array.isArray(created)) return true;
  const bound = (name: string, other: number) => Number(text(created, name) ?? other);
  return (
    object.created >= bound('gte', 0) &&
    object.created > bound('gt', -1) &&
    object.created <= bound('lte', Number.POSITIVE_INFINITY) &&
    object.created < bound('lt', Number.POSITIVE_INFINITY)
  );
}

/** Fields that hold an id, or null, and may be asked for as objects. */
const EXPANDABLE = new Set([
  'balance_transaction',
  'balance_transactions',
  'charge',
  'invoice',
  'latest_charge',
  'payment_intent',
  'payments',
  'source',
]);
const MAX_EXPAND_DEPTH = 4;

/** The API version that took an invoice's charge away and gave it payments. */
const PAYMENTS_SINCE = '2025-03-31';

/** A copy of what is stored as an API version shows it, with what `expand[]` names in place of its id. */
export function expanded(store: Store, object: StripeObject, form: Form, version: string): StripeObject {
  const copy = structuredClone(object);
  if (copy.object === 'invoice' && version >= PAYMENTS_SINCE) {
    delete copy.charge;
    delete copy.payment_intent;
  }
  const asked = Array.isArray(form.expand) ? form.expand : [];
  for (const path of asked) {
    if (typeof path !== 'string') throw invalid('expand', 'Invalid array');
    const parts = path.split('.');
    if (parts.length > MAX_EXPAND_DEPTH) {
      throw new StripeFault(
        400,
        'invalid_request_error',
        `You cannot expand more than 4 levels of a property. Property: ${path}`,
      );
    }
    expandOne(store, copy, parts, path);
  }
  // Only what is asked for comes with an invoice.
  if (copy.object === 'invoice' && !asked.some((path) => String(path).startsWith('payments'))) delete copy.payments;
  return copy;
}

function expandOne(store: Store, at: StripeObject, [name, ...rest]: string[], path: string): void {
  if (name === undefined) return;
  if (Array.isArray(at)) {
    for (const item of at) expandOne(store, item, [name, ...rest], path);
    return;
  }
  if (!(name in at)) {
    throw new StripeFault(400, 'invalid_request_error', `This property cannot be expanded (${path}).`, {
      param: 'expand',
    });
  }
  if (typeof at[name] === 'string' && EXPANDABLE.has(name)) at[name] = structuredClone(store.get(at[name]) ?? at[name]);
  const value: unknown = at[name];
  if (typeof value === 'object' && value !== null) expandOne(store, value as StripeObject, rest, path);
}
