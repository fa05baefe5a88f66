import { warnOnce } from '../log.ts';
import type { ObservedCall } from './call.ts';
import { follow } from './follow.ts';
import type { AnyFunction, ApiPromise, RawResponse, ResponseProps, WithResponse } from './internal-types.ts';
import { observeRawResponse } from './raw-response.ts';
import { isStream, watchStream } from './stream.ts';

const CALL = Symbol('client-cost call');
type Watching = AnyFunction & { [CALL]?: ObservedCall };
const METHODS = ['parse', 'asResponse', '_thenUnwrap'] as const;

/** Prototypes of `APIPromise`, one per copy of the SDK, with the methods as the SDK made them. */
const prototypes = new Map<ApiPromise, Pick<ApiPromise, (typeof METHODS)[number]>>();

/**
 * Puts our eyes on the SDK's own promise; the object stays the same, and nothing is added to it that can be seen. It is
 * lazy: a `then` of ours would read the body before the caller says how to. So `parseResponse`, its own function that
 * does this reading for everybody, is wrapped.
 */
export function watchPromise(promise: ApiPromise, call: ObservedCall): void {
  const { parseResponse } = promise;
  if (typeof parseResponse !== 'function') throw new TypeError('no parseResponse');
  watchPrototype(promise);
  const watching: Watching = (...args: unknown[]) => {
    call.parsing = true;
    const parsed = parseResponse.apply(promise, args) as Promise<unknown>;
    try {
      return parsed.then(
        (data) => seen(call, data, args[args.length - 1] as ResponseProps),
        (error) => {
          call.failed(error);
          throw error;
        },
      );
    } catch {
      const see = (data: unknown) => seen(call, data, args[args.length - 1] as ResponseProps);
      return follow(parsed, see, (error) => call.failed(error));
    }
  };
  watching[CALL] = call;
  promise.parseResponse = watching;
  // openai 7 gives each promise a `_thenUnwrap` of its own, which goes around `parseResponse`.
  if (Object.hasOwn(promise, '_thenUnwrap')) promise._thenUnwrap = unwrapping(promise._thenUnwrap);
  // And a `withResponse` that does not go through `asResponse`.
  const { withResponse } = promise;
  if (withResponse === undefined || !Object.hasOwn(promise, 'withResponse')) return;
  promise.withResponse = (...args: []) => {
    const both = withResponse.apply(promise, args);
    const given = (result: WithResponse) => {
      handOver(call, result.response);
      return result;
    };
    try {
      return both.then(given);
    } catch {
      return follow(both, given);
    }
  };
}

function callOf(promise: ApiPromise): ObservedCall | undefined {
  return (promise.parseResponse as Watching | undefined)?.[CALL];
}

/** `parse()` and most resources derive further promises: those are watched for the same call. */
function unwrapping(original: AnyFunction): AnyFunction {
  return function _thenUnwrap(this: ApiPromise, transform: AnyFunction, ...rest: unknown[]) {
    const call = callOf(this);
    if (!call) return original.call(this, transform, ...rest);
    const watching = (data: unknown, ...more: unknown[]) =>
      transform(seen(call, data, more[0] as ResponseProps | undefined), ...more);
    const derived = original.call(this, watching, ...rest) as ApiPromise;
    try {
      watchPromise(derived, call);
    } catch (error) {
      call.watched = false;
      warnOnce('openai:derived', 'openai: a promise that the SDK derived could not be watched', error);
    }
    return derived;
  };
}

/** Once per copy of the SDK; a promise that is not ours passes through. */
function watchPrototype(promise: ApiPromise): void {
  let prototype = Object.getPrototypeOf(promise) as ApiPromise;
  if (prototypes.has(prototype)) return;
  while (!Object.hasOwn(prototype, 'asResponse')) {
    prototype = Object.getPrototypeOf(prototype) as ApiPromise;
    if (prototype === null || prototypes.has(prototype)) return;
  }
  const { parse, asResponse, _thenUnwrap } = prototype;
  prototypes.set(prototype, { parse, asResponse, _thenUnwrap });
  prototype.parse = function (this: ApiPromise, ...args: unknown[]) {
    const call = callOf(this);
    if (call) call.asked = true;
    return parse.apply(this, args);
  };
  prototype.asResponse = function (this: ApiPromise, ...args: []) {
    const call = callOf(this);
    const response = asResponse.apply(this, args);
    if (!call) return response;
    call.asked = true;
    try {
      return response.then((raw) => handOver(call, raw));
    } catch {
      return follow(response, (raw) => handOver(call, raw));
    }
  };
  prototype._thenUnwrap = unwrapping(_thenUnwrap);
}

/** Gives the SDK's promises their own methods back; the next watched call changes them again. */
export function restorePromises(): void {
  for (const [prototype, originals] of prototypes) Object.assign(prototype, originals);
  prototypes.clear();
}

/** The SDK's parsed data passes by, once. */
function seen(call: ObservedCall, data: unknown, props: ResponseProps | undefined): unknown {
  if (call.ended || call.observed || call.raw) return data;
  call.observed = true;
  try {
    if (call.streaming && isStream(data)) watchStream(data, call);
    else if (props && data === props.response) observeRawResponse(props.response, call);
    else if (typeof data === 'string') call.parsedText(data);
    else call.parsed(data);
  } catch (error) {
    warnOnce('openai:observe', 'openai: an answer could not be watched', error);
  }
  return data;
}

/** The Response goes to the caller: alone (`asResponse()`), or beside the parsed data (`withResponse()`). */
function handOver(call: ObservedCall, response: RawResponse): RawResponse {
  if (call.ended || call.raw) return response;
  // Parsed as well: whoever reads the body first has it. Only of a stream is there something to hide from a caller who reads it raw.
  if (call.parsing && !call.injected) return response;
  try {
    observeRawResponse(response, call);
  } catch (error) {
    warnOnce('openai:raw', 'openai: a raw Response could not be watched; the call is recorded as estimated', error);
  }
  return response;
}
