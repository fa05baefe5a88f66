import type { AnyFunction, ProviderPatch, Target } from '../instrument/package-instrumentation.ts';
import { warnOnce } from '../log.ts';
import type { Sender } from './internal-types.ts';
import { wrapRequest } from './request.ts';
import { configure } from './settings.ts';
import type { StripeInstrumentationConfig } from './types.ts';
import { disableWebhooks, watchWebhooks, webhookTargets } from './webhooks.ts';

interface StripeClass {
  readonly StripeResource?: { readonly prototype?: object };
  readonly webhooks?: unknown;
  readonly prototype: object;
}

/** One for all copies of this package: two of them must not both record. */
const WATCHED = Symbol.for('@client-cost/instrumentation stripe');
type Request = AnyFunction & { [WATCHED]?: boolean };

/** Senders' prototypes whose `_request` is replaced: there is one for each loaded copy of stripe. */
const senders = new Map<{ _request: Request }, Request>();
const accessors: { readonly prototype: object; readonly before: PropertyDescriptor }[] = [];

export const stripePatch: ProviderPatch<StripeInstrumentationConfig> = {
  /**
   * The sender's class is exported nowhere: a client's first request leads to it. So what is replaced are the ways into it (a
   * resource's `_makeRequest`, the client's `rawRequest`), and, through them, the sender's `_request`.
   */
  targets(exports) {
    const found = stripeClass(exports);
    if (found === undefined) return [];
    const resource = found.StripeResource?.prototype as object;
    // Made anew whenever the instrumentation is enabled.
    const enter = (original: AnyFunction) => {
      watchClients(found.prototype);
      return wrapEntry(original);
    };
    const targets: Target[] = [{ object: resource, wraps: { _makeRequest: enter } }];
    const raw = owner(found.prototype, 'rawRequest');
    if (raw) targets.push({ object: raw, wraps: { rawRequest: wrapEntry } });
    return [...targets, ...webhookTargets(found.webhooks)];
  },
  configure: (config) => configure(config),
  restore() {
    disableWebhooks();
    for (const [prototype, original] of senders) {
      if (prototype._request[WATCHED] === true) prototype._request = original;
    }
    senders.clear();
    for (const { prototype, before } of accessors.splice(0)) Object.defineProperty(prototype, 'webhooks', before);
  },
};

function stripeClass(exports: unknown): StripeClass | undefined {
  const module = exports as { Stripe?: unknown; default?: unknown } | null | undefined;
  for (const candidate of [module, module?.default, module?.Stripe]) {
    const { StripeResource, prototype } = (candidate ?? {}) as Partial<StripeClass>;
    const methods = StripeResource?.prototype as { _makeRequest?: unknown } | undefined;
    if (typeof methods?._makeRequest === 'function' && prototype) return candidate as StripeClass;
  }
  return undefined;
}

function owner(prototype: object | null, name: string): object | undefined {
  let at = prototype;
  while (at !== null && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at) as object | null;
  return at ?? undefined;
}

function wrapEntry(original: AnyFunction): AnyFunction {
  return function entry(this: { _requestSender?: Sender; _stripe?: { _requestSender?: Sender } }, ...args: unknown[]) {
    try {
      watchSender(this._requestSender ?? this._stripe?._requestSender);
    } catch (error) {
      warnOnce('stripe:sender', 'stripe: the client cannot be watched: its payments are NOT recorded', error);
    }
    return original.apply(this, args);
  };
}

function watchSender(sender: Sender | undefined): void {
  const request = (sender as { _request?: Request } | undefined)?._request;
  if (request?.[WATCHED] === true) return;
  const prototype = request && (owner(sender as object, '_request') as { _request: Request } | undefined);
  if (typeof request !== 'function' || prototype === undefined) {
    warnOnce('stripe:sender', 'stripe: the client sends requests in an unknown way: its payments are NOT recorded');
    return;
  }
  senders.set(prototype, request);
  prototype._request = Object.assign(wrapRequest(request), { [WATCHED]: true });
}

/**
 * Up to major 17 each client makes its own object for webhooks: it is seen when the constructor sets it. What the client has is a
 * plain property as before.
 */
function watchClients(prototype: object): void {
  const before = Object.getOwnPropertyDescriptor(prototype, 'webhooks');
  if (before === undefined || !before.configurable || before.set !== undefined) return;
  accessors.push({ prototype, before });
  Object.defineProperty(prototype, 'webhooks', {
    configurable: true,
    enumerable: before.enumerable ?? true,
    get: () => before.value as unknown,
    set(this: object, value: unknown) {
      try {
        watchWebhooks(value);
      } catch (error) {
        warnOnce('stripe:webhooks', 'stripe: webhooks cannot be watched', error);
      }
      Object.defineProperty(this, 'webhooks', { value, configurable: true, enumerable: true, writable: true });
    },
  });
}
