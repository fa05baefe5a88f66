import type { AnyFunction, Target } from '../instrument/package-instrumentation.ts';
import { factsOf } from './facts.ts';
import { isObject, textOf } from './internal-types.ts';
import { timeOf } from './record.ts';
import { guard, isNews, seen } from './request.ts';

/*
 * Only what Stripe's own code has verified is observed: the event that `constructEvent` returns, and, for the asynchronous form, the
 * payload whose signature `verifyHeaderAsync` has found right. That one is awaited by Stripe's code, so that looking at its promise
 * handles nothing in the caller's place, and the caller's own promise is left alone.
 */

/** Events about money that has moved. */
const EVENTS =
  /^(charge\.(succeeded|captured|updated|refunded|dispute\.\w+)|payment_intent\.(succeeded|partially_funded|amount_capturable_updated)|refund\.(created|updated))$/;
/** Of a payment that may be months old: these say what became of it, not that it was made. */
const LATER = /^charge\.(updated|refunded)$/;
const WORTH_READING = /"(?:charge|payment_intent|refund)\.[a-z_.]+"/;

let enabled = false;
const wrapped = new WeakSet<object>();

/** Clients' own objects stay replaced, and do nothing any more. */
export function disableWebhooks(): void {
  enabled = false;
}

/** The object that verifies webhooks: `Stripe.webhooks`, or, up to major 17, each client's own. */
export function webhookTargets(webhooks: unknown): Target[] {
  if (!hasEvents(webhooks)) return [];
  const targets: Target[] = [{ object: webhooks, wraps: { constructEvent: wrapConstruct } }];
  const { signature } = webhooks;
  if (isObject(signature)) targets.push({ object: signature, wraps: { verifyHeaderAsync: wrapVerify } });
  return targets;
}

/** The same for an object that belongs to one client: not undone, only switched off. */
export function watchWebhooks(webhooks: unknown): void {
  for (const { object, wraps } of webhookTargets(webhooks)) {
    if (wrapped.has(object)) continue;
    wrapped.add(object);
    const methods = object as Record<string, AnyFunction>;
    for (const [name, wrap] of Object.entries(wraps)) {
      const original = methods[name];
      if (typeof original === 'function') methods[name] = wrap(original);
    }
  }
}

function hasEvents(value: unknown): value is { constructEvent: AnyFunction; signature?: unknown } {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { constructEvent?: unknown }).constructEvent === 'function';
}

function wrapConstruct(original: AnyFunction): AnyFunction {
  enabled = true;
  return function constructEvent(this: unknown, ...args: unknown[]) {
    const event: unknown = original.apply(this, args);
    if (enabled) guard(() => observe(event));
    return event;
  };
}

function wrapVerify(original: AnyFunction): AnyFunction {
  return function verifyHeaderAsync(this: unknown, ...args: unknown[]) {
    const verified = original.apply(this, args) as Promise<unknown>;
    const see = (right: unknown): void => {
      if (right === true) guard(() => observePayload(args[0]));
    };
    if (enabled) guard(() => void verified.then(see, ignore));
    return verified;
  };
}

const ignore = (): void => {};

function observePayload(payload: unknown): void {
  const text = payload instanceof Uint8Array ? new TextDecoder().decode(payload) : payload;
  if (typeof text === 'string' && WORTH_READING.test(text)) observe(JSON.parse(text));
}

function observe(event: unknown): void {
  if (!isObject(event) || event.object !== 'event') return;
  const type = textOf(event.type) ?? '';
  if (!EVENTS.test(type)) return;
  const object = isObject(event.data) ? event.data.object : undefined;
  const later = LATER.test(type);
  for (const fact of factsOf(object)) {
    if (later && fact.fee === undefined && !isNews(fact)) continue;
    // The payment stays on its day; a dispute is dated by itself.
    seen(fact, later || fact.operation === 'dispute' ? undefined : timeOf(event.created));
  }
  // API versions before 2022-11-15 list a charge's refunds.
  const refunds = isObject(object) && isObject(object.refunds) ? object.refunds.data : undefined;
  if (type === 'charge.refunded' && Array.isArray(refunds)) {
    for (const refund of refunds.flatMap(factsOf)) seen(refund);
  }
}
