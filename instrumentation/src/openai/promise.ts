import { context } from '@opentelemetry/api';
import { warnOnce } from '../log.ts';
import type { ObservedCall } from './call.ts';
import type { ApiPromise, RawResponse, ResponseProps } from './internal-types.ts';
import { observeRawResponse } from './raw-response.ts';
import { isStream, watchStream } from './stream.ts';

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

/**
 * Puts our eyes on the SDK's own promise; the object stays the same. It is lazy: a `then` of ours would read the body
 * before the caller says how to. So `parseResponse`, which does that reading for everybody, is wrapped, and
 * `_thenUnwrap`, through which `parse()` and the resources derive further promises (openai 7 lets those go around
 * `parseResponse`).
 */
export function watchPromise(promise: ApiPromise, call: ObservedCall): void {
  const { parseResponse, _thenUnwrap: thenUnwrap, asResponse } = promise;
  if (typeof parseResponse !== 'function') throw new TypeError('no parseResponse');

  promise.parseResponse = (...args: unknown[]) => {
    call.parsing = true;
    // A body that times out is fetched again from in here (openai 7).
    const reading = context.with(call.context, () => parseResponse.apply(promise, args)) as Promise<unknown>;
    return reading.then(
      (data) => seen(call, data, args.at(-1) as ResponseProps),
      (error) => {
        call.failed(error);
        throw error;
      },
    );
  };

  define(promise, '_thenUnwrap', (transform: (...args: unknown[]) => unknown, ...rest: unknown[]) => {
    const watching = (data: unknown, ...more: unknown[]) =>
      transform(seen(call, data, more[0] as ResponseProps | undefined), ...more);
    const derived = thenUnwrap.call(promise, watching, ...rest) as ApiPromise;
    watchPromise(derived, call);
    return derived;
  });

  define(promise, 'asResponse', (...args: []) =>
    asResponse.apply(promise, args).then((response) => handOver(call, response)),
  );
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

/** `withResponse()` of openai 4 to 6 asks for the Response beside the parsed data: then it is no longer the caller's to read. */
function handOver(call: ObservedCall, response: RawResponse): RawResponse {
  if (call.parsing || call.ended || call.raw) return response;
  call.raw = true;
  try {
    observeRawResponse(response, call);
  } catch (error) {
    warnOnce('openai:raw', 'openai: a raw Response could not be watched; the call is recorded as estimated', error);
  }
  return response;
}
