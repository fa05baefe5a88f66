import { createContextKey } from '@opentelemetry/api';
import { abandonWith } from '../instrument/abandoned.ts';
import { activeContext, within } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { ObservedCall } from './call.ts';
import type {
  AnyFunction,
  ApiPromise,
  Client,
  ClientPrototype,
  RequestOptions,
  ResponseProps,
} from './internal-types.ts';
import { watchPromise } from './promise.ts';
import { readUnasked } from './raw-response.ts';
import { type Operation, operationOf } from './request.ts';

/*
 * The choke point is the client's `post` (and `request`, for those who call it directly): `create()`, `parse()`,
 * `stream()`, `runTools()`, AzureOpenAI, subclasses and raw `client.post()` all come through it, with the path known at
 * once. `makeRequest` is where the SDK's promise of the answer is made, so a failure is seen there on the very promise
 * that the caller's chain hangs on: nothing is handled in the caller's place, and nothing rejects twice.
 */

/** Between `post` and the `makeRequest` that it calls synchronously. */
let handedOver: ObservedCall | undefined;
/** From a call's final options to the call: the SDK retries with the same object. */
const sent = new WeakMap<object, ObservedCall>();
/** With a workload identity the SDK calls `makeRequest` later. */
const CALL = createContextKey('client-cost openai call');

export function wrapPost(original: AnyFunction): AnyFunction {
  return function post(this: Client, path: unknown, ...rest: unknown[]) {
    const operation = billable(path);
    if (!operation) return original.call(this, path, ...rest);
    return watched(new ObservedCall(operation), this, () => original.call(this, path, ...rest));
  };
}

export function wrapRequest(original: AnyFunction): AnyFunction {
  return function request(this: Client, options: unknown, ...rest: unknown[]) {
    const operation = handedOver === undefined ? directOperation(options) : undefined;
    if (!operation) return original.call(this, options, ...rest);
    return watched(new ObservedCall(operation), this, () => original.call(this, options, ...rest));
  };
}

/** Never throws: what cannot be told is none of our business. */
function billable(path: unknown): Operation | undefined {
  try {
    return operationOf(path);
  } catch (error) {
    warnOnce('openai:path', 'openai: a call could not be recognised: it is NOT recorded', error);
    return undefined;
  }
}

function directOperation(options: unknown): Operation | undefined {
  try {
    const given = options as RequestOptions | null | undefined;
    return typeof given?.method === 'string' && /^post$/i.test(given.method) ? operationOf(given.path) : undefined;
  } catch {
    return undefined;
  }
}

function watched(call: ObservedCall, client: Client, send: () => ApiPromise): ApiPromise {
  const outer = handedOver;
  handedOver = call;
  let promise: ApiPromise;
  try {
    promise = (client as { _workloadIdentityAuth?: unknown })._workloadIdentityAuth
      ? within(activeContext().setValue(CALL, call), send)
      : send();
  } finally {
    handedOver = outer;
  }
  try {
    watchPromise(promise, call);
    call.watched = true;
  } catch (error) {
    warnOnce(
      'openai:promise',
      'openai: the SDK returned a promise of an unknown shape; calls may go unrecorded',
      error,
    );
  }
  return promise;
}

export function wrapMakeRequest(original: AnyFunction): AnyFunction {
  return function makeRequest(this: Client, input: unknown, ...rest: unknown[]) {
    const call = handedOver ?? lateCall(input);
    handedOver = undefined;
    if (call) return send(original, this, call, input, rest);
    const retried = sentBefore(input);
    if (!retried) return original.call(this, input, ...rest);
    retried.resends += 1;
    // openai 7 also retries a body that times out, from within the caller's `then`.
    return within(retried.context, () => original.call(this, input, ...rest));
  };
}

function lateCall(input: unknown): ObservedCall | undefined {
  try {
    const path = (input as RequestOptions | null | undefined)?.path;
    if (path === undefined || operationOf(path) === undefined) return undefined;
    const call = activeContext().getValue(CALL) as ObservedCall | undefined;
    return call?.begun === false ? call : undefined;
  } catch {
    return undefined;
  }
}

function sentBefore(input: unknown): ObservedCall | undefined {
  try {
    return typeof input === 'object' && input !== null ? sent.get(input) : undefined;
  } catch {
    return undefined;
  }
}

async function send(
  original: AnyFunction,
  client: Client,
  call: ObservedCall,
  input: unknown,
  rest: unknown[],
): Promise<ResponseProps> {
  const options = call.begin(client, (await input) as RequestOptions);
  guard(() => sent.set(options, call));
  let props: ResponseProps;
  try {
    props = await within(call.context, () => original.call(client, options, ...rest));
  } catch (error) {
    call.failed(error);
    throw error;
  } finally {
    call.sent();
  }
  call.arrived();
  guard(() => {
    if (call.streaming) abandonWith(props.response, call);
    else if (!call.asked) setImmediate(readUnasked, props.response, call);
  });
  return props;
}

function guard(work: () => void): void {
  try {
    work();
  } catch (error) {
    warnOnce('openai:send', 'openai: a call could not be followed to its end', error);
  }
}

/** The prototype that owns the three methods, or undefined: not a client of a shape that we know. */
export function clientPrototype(candidate: unknown): ClientPrototype | undefined {
  let prototype: object | null = (candidate as { prototype?: object } | null | undefined)?.prototype ?? null;
  while (prototype && prototype !== Object.prototype) {
    const own = prototype as Partial<ClientPrototype>;
    if (Object.hasOwn(own, 'post') && typeof own.makeRequest === 'function' && typeof own.request === 'function') {
      return own as ClientPrototype;
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return undefined;
}
