import { types } from 'node:util';
import type { AnyFunction } from '../instrument/package-instrumentation.ts';
import { activeContext, within } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { watchCreation } from './creation.ts';
import type { Answer, Client, ClientPrototype, RequestOptions } from './internal-types.ts';
import { watchReport } from './report.ts';
import { resourceOf } from './resource.ts';
import type { Watch } from './watch.ts';

/*
 * The choke point is the client's `request`: every resource of the package, raw `client.request()`, subclasses, subaccounts and
 * custom HTTP clients come through it, with method, URI and fields known and the answer as Twilio gave it (an HTTP
 * error is an answer here, made an exception by the caller of `request`).
 */

export function wrapRequest(original: AnyFunction): AnyFunction {
  return function request(this: Client, options: unknown, ...rest: unknown[]) {
    const watch = watchOf(this, options);
    if (watch === undefined) return original.call(this, options, ...rest);
    let answer: unknown;
    try {
      answer = within(watch.context ?? activeContext(), () => original.call(this, options, ...rest));
    } catch (error) {
      // Refused by the package itself: nothing was sent.
      guard(watch, () => watch.failed(error, false));
      throw error;
    }
    return observe(answer, watch);
  };
}

function watchOf(client: Client, given: unknown): Watch | undefined {
  try {
    const options = given as RequestOptions | null | undefined;
    const resource = resourceOf(options?.method, options?.uri);
    if (options == null || resource === undefined) return undefined;
    return watchReport(resource, options) ?? watchCreation(resource, client, options);
  } catch (error) {
    warnOnce('twilio:begin', 'twilio: a call could not be recorded', error);
    return undefined;
  }
}

/**
 * The promise that the caller gets is one that follows the package's own: a second branch on that one would handle a rejection
 * in the place of a caller who does not, or reject twice.
 */
function observe(answer: unknown, watch: Watch): unknown {
  const answered = (value: unknown): void => guard(watch, () => watch.answered(...partsOf(value)));
  const failed = (error: unknown): void => guard(watch, () => watch.failed(error, true));
  try {
    // Also one of another realm: a vm context, as test runners have them.
    if (isPromise(answer)) {
      return answer.then(
        (value: unknown) => {
          answered(value);
          return value;
        },
        (error: unknown) => {
          failed(error);
          throw error;
        },
      );
    }
    // An HTTP client of the application's with promises of its own keeps them.
    const then = (answer as { then?: unknown } | null | undefined)?.then;
    if (typeof then === 'function') guard(watch, () => void then.call(answer, answered, failed));
    else failed(undefined);
  } catch (error) {
    warnOnce('twilio:follow', 'twilio: an answer could not be waited for', error);
    guard(watch, () => watch.unreadable());
  }
  return answer;
}

function partsOf(value: unknown): [status: number | undefined, body: unknown] {
  const { statusCode, body } = (value ?? {}) as Answer;
  return [typeof statusCode === 'number' ? statusCode : undefined, body];
}

/** Whatever goes wrong in reading an answer, the call is recorded and the caller does not notice. */
function guard(watch: Watch, work: () => void): void {
  try {
    work();
  } catch (error) {
    warnOnce('twilio:end', 'twilio: an answer could not be read', error);
    try {
      watch.unreadable();
    } catch {
      // The recorder says so itself.
    }
  }
}

// Bound now: an application may replace it.
const { isPromise } = types;

/** The prototype that owns `request`, or undefined: not a client of a shape that we know. */
export function clientPrototype(candidate: unknown): ClientPrototype | undefined {
  let prototype = (candidate as { prototype?: object } | null | undefined)?.prototype ?? null;
  while (prototype && prototype !== Object.prototype) {
    const own = prototype as Partial<ClientPrototype> & { getHostname?: unknown };
    // `request` alone is what the HTTP clients of the package have too.
    if (Object.hasOwn(own, 'request') && typeof own.request === 'function' && typeof own.getHostname === 'function') {
      return own as ClientPrototype;
    }
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return undefined;
}
