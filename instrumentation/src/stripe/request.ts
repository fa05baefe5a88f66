import type { Attributes } from '@opentelemetry/api';
import { currentMillis } from '../clock.ts';
import type { AnyFunction } from '../instrument/package-instrumentation.ts';
import { activeContext, within } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { getRecorder } from '../recorder/index.ts';
import { recallCharge } from '../recorder/open-charges.ts';
import { type Fact, factsOf } from './facts.ts';
import { failureOf } from './failure.ts';
import { type Callback, isObject, type Said, type Sender, textOf } from './internal-types.ts';
import { type OwnCall, record, timeOf } from './record.ts';
import { type Route, routeOf } from './routes.ts';
import { rememberIntent, scopeOf } from './scope.ts';

/*
 * The choke point is the sender's `_request(method, host, path, data, authenticator, options[, usage], callback, …)`: every method of
 * every resource, `rawRequest` and each page of a list come through it, once for all of a call's retries, and it hands its result to a
 * callback. What the caller gets (promise, callback, pages, streams) is made from that callback's arguments by Stripe's own code.
 */

/** The first arguments are no callbacks, though the authenticator is a function. */
const FIRST_CALLBACK = 5;
/** What is only looked at is recorded while it is new: who looks at last year's charges does not change last year's bill. */
const SEEN_FOR_MS = 24 * 3_600_000;

export function wrapRequest(original: AnyFunction): AnyFunction {
  return function _request(this: Sender, ...args: unknown[]) {
    const route = guard(() => routeOf(args[0], args[2]));
    const index = route === undefined ? -1 : callbackIn(args);
    if (route === undefined || index < 0) return original.apply(this, args);
    const callback = args[index] as Callback;
    if (!route.moves) {
      // Evidence and closing change a dispute's fee; a GET changes nothing.
      const always = args[0] !== 'GET';
      args[index] = watching(callback, (error, answer) => {
        if (!error) shown(answer, always);
      });
      return original.apply(this, args);
    }
    const own = begin(this, route, args[1], args[3]);
    if (own === undefined) return original.apply(this, args);
    args[index] = watching(callback, (error, answer) => {
      let finished = false;
      guard(() => {
        finish(own, error, answer);
        finished = true;
      });
      // Whatever the answer is: a call that was made is recorded.
      if (!finished) own.call.end({ outcome: error ? 'error' : 'ok', unpricedReason: 'the answer could not be read' });
    });
    try {
      return within(guard(() => own.call.context) ?? activeContext(), () => original.apply(this, args));
    } catch (error) {
      // Refused by Stripe's own checks: never sent.
      guard(() => own.call.end({ ...failureOf(error), billed: false }));
      throw error;
    }
  };
}

function callbackIn(args: readonly unknown[]): number {
  for (let at = FIRST_CALLBACK; at < args.length; at++) if (typeof args[at] === 'function') return at;
  return -1;
}

function watching(callback: Callback, observe: (error: unknown, answer: unknown) => void): Callback {
  return function watched(this: unknown, error: unknown, ...answer: [unknown?]) {
    guard(() => observe(error, answer[0]));
    return callback.call(this, error, ...answer);
  };
}

function begin(sender: Sender, route: Route, host: unknown, data: unknown): OwnCall | undefined {
  return guard(() => {
    const attributes: Attributes = { 'http.request.method': 'POST', 'url.template': route.template };
    const address = host ?? sender._stripe?.getApiField?.('host');
    const port = Number(sender._stripe?.getApiField?.('port'));
    if (typeof address === 'string') attributes['server.address'] = address;
    if (Number.isInteger(port)) attributes['server.port'] = port;
    const params: Said = isObject(data) ? data : {};
    const scope = scopeOf([route.id, textOf(params.payment_intent), textOf(params.charge)], params.metadata);
    const { operation } = route;
    const spanName = `stripe ${operation}`;
    return { call: getRecorder().start({ service: 'stripe', operation, spanName, attributes, scope }), scope };
  });
}

function finish(own: OwnCall, error: unknown, answer: unknown): void {
  const { call, scope } = own;
  if (error) {
    call.end(failureOf(error));
    return;
  }
  const said: Said = isObject(answer) ? answer : {};
  const last: Said = isObject(said.lastResponse) ? said.lastResponse : {};
  if (typeof last.statusCode === 'number') {
    const { statusCode } = last;
    guard(() => call.span.setAttribute('http.response.status_code', statusCode));
  }
  const [fact] = factsOf(answer);
  if (fact === undefined && said.object === 'payment_intent') rememberIntent(textOf(said.id), scope);
  // Replayed for nobody in particular: whoever was first knows the client.
  const replayed = isObject(last.headers) && last.headers['idempotent-replayed'] === 'true';
  const mine = replayed && scope.clientId === undefined ? undefined : own;
  // No money has moved, or the charge is recorded already: a span, and no usage.
  if (fact === undefined || !record(fact, mine)) call.span.end();
}

/** An object that was looked at: recorded where this process knows it, or it is new. */
function shown(answer: unknown, always: boolean): void {
  for (const fact of factsOf(answer)) {
    if (always || isNews(fact)) seen(fact);
  }
}

/** What this process knows, or what is new. */
export function isNews(fact: Fact): boolean {
  const created = timeOf(fact.created);
  const recent = created !== undefined && currentMillis() - created.getTime() < SEEN_FOR_MS;
  return recent || recallCharge(`stripe:${fact.id}`) !== undefined;
}

/** Money that has moved, as something that did not move it tells. */
export function seen(fact: Fact, at = timeOf(fact.created)): void {
  record(fact, undefined, at);
}

export function guard<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    warnOnce('stripe', 'stripe: a payment could not be recorded; the call itself is not affected', error);
    return undefined;
  }
}
