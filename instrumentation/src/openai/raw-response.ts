import { pipeline, type Readable, Transform } from 'node:stream';
import { ReadableStream, type ReadableStreamDefaultReader } from 'node:stream/web';
import { abandonWith } from '../instrument/abandoned.ts';
import { warnOnce } from '../log.ts';
import type { ObservedCall } from './call.ts';
import { type Reading, watchResults } from './foreign-response.ts';
import type { RawResponse } from './internal-types.ts';
import { JsonTap, SseTap } from './sse.ts';

// As they were when we were loaded: between the usage that we asked for and the caller nothing may fail.
const { defineProperty, getPrototypeOf, hasOwn } = Object;

/** All ways to read a body that undici's and node-fetch's Response have. */
const READERS = ['text', 'json', 'arrayBuffer', 'blob', 'bytes', 'formData', 'buffer', 'textConverted'] as const;

/**
 * The caller reads this Response's body, we look on as the bytes pass. The object, its class, status, headers and url
 * stay; its body's readers are its own, at first use led through a stream that copies nothing it need not and reads
 * only when the caller does. A Response that is not one of its class alone (a mock, a proxy, methods of its own) keeps
 * its readers; what they return is looked at.
 */
export function observeRawResponse(response: RawResponse, call: ObservedCall): void {
  const alone = !call.parsing;
  if (alone) call.raw = true;
  try {
    abandonWith(response, call);
  } catch (error) {
    warnOnce('openai:raw-unread', 'openai: a raw answer that nobody reads is recorded when the process ends', error);
  }
  const streamed = isEventStream(response) ?? call.injected;
  const tap = streamed ? new SseTap(call.observe(), call.injected) : new JsonTap();
  const end = (how: 'done' | 'left' | 'failed', error?: unknown) => {
    if (streamed) call.streamEnded(how, error);
    else if (how === 'done') call.parsed((tap as JsonTap).value());
    else if (how === 'failed') call.failed(error);
    else call.abandoned();
  };
  const reading: Reading = {
    call,
    response,
    streamed,
    tap,
    finish: (how, error) => {
      try {
        end(how, error);
      } catch (problem) {
        warnOnce('openai:raw-end', 'openai: the end of a raw answer could not be recorded', problem);
      }
    },
    through: (body) => (isWeb(body) ? webThrough(body, reading) : undefined),
  };
  if (isOfItsClass(response)) shadow(response, reading);
  else watchResults(response, READERS, reading);
}

/** undefined: nobody can say. */
function isEventStream(response: RawResponse): boolean | undefined {
  try {
    return /text\/event-stream/i.test(String(response.headers?.get?.('content-type') ?? ''));
  } catch {
    return undefined;
  }
}

const isWeb = (body: unknown): body is ReadableStream =>
  typeof (body as { getReader?: unknown } | null | undefined)?.getReader === 'function';

/** Whether all that reads the body is its class's: then another object of the class reads as this one does. */
function isOfItsClass(response: RawResponse): boolean {
  const target = response as unknown as Record<string, unknown>;
  const prototype = (response.constructor as { prototype?: Record<string, unknown> } | undefined)?.prototype;
  if (prototype === undefined || hasOwn(response, 'body') || !('body' in prototype)) return false;
  for (const name of [...READERS, 'clone']) {
    if (hasOwn(response, name) || target[name] !== prototype[name]) return false;
  }
  return true;
}

function shadow(response: RawResponse, reading: Reading): void {
  const target = response as unknown as Record<string, unknown>;
  const original = getPrototypeOf(response) as object;
  let names: readonly string[] = [];
  const define = (name: string, property: PropertyDescriptor) => {
    defineProperty(response, name, { ...property, configurable: true });
    names = [...names, name];
  };
  let made: Record<string, unknown> | undefined;
  let failed = false;
  /** The copy; undefined: there can be none, and the Response is as it was again. */
  const through = (): Record<string, unknown> | undefined => {
    if (made !== undefined || failed) return made;
    try {
      made = copyWith(response, reading);
      reading.call.raw = true;
    } catch (error) {
      failed = true;
      for (const name of names) delete target[name];
      warnOnce('openai:copy', 'openai: a Response cannot be made anew; what its methods return is looked at', error);
      watchResults(response, READERS, reading);
    }
    return made;
  };
  /** The SDK reads the body for a stream that is watched itself. */
  const natural = (name: string) => Reflect.get(original, name, response) as unknown;
  const bypass = () => reading.call.iterating && made === undefined && !failed;
  const method = (name: string) => {
    if (bypass()) return natural(name) as (...args: unknown[]) => unknown;
    const copy = through();
    return (copy ?? target)[name] as (...args: unknown[]) => unknown;
  };
  try {
    for (const name of READERS) {
      if (typeof target[name] !== 'function') continue;
      define(name, { value: (...args: unknown[]) => method(name).apply(made ?? response, args), writable: true });
    }
    if (typeof target.clone === 'function') {
      const clone = () => {
        const copy = method('clone').call(made ?? response) as RawResponse;
        return made === undefined ? copy : identify(copy, response);
      };
      define('clone', { value: clone, writable: true });
    }
    define('body', { get: () => (bypass() ? natural('body') : (through() ?? target).body) });
    define('bodyUsed', { get: () => (made ? made.bodyUsed : Reflect.get(original, 'bodyUsed', response)) });
  } catch (error) {
    // Frozen, for example. Half of it would be worse than nothing.
    for (const name of names) delete target[name];
    throw error;
  }
}

/** A clone keeps what a constructor cannot set. */
function identify(copy: RawResponse, response: RawResponse): RawResponse {
  for (const name of ['url', 'redirected', 'type'] as const) {
    const value = (response as unknown as Record<string, unknown>)[name];
    defineProperty(copy, name, { value, configurable: true });
  }
  return copy;
}

/** A Response of the same class over a stream of ours. The body itself is not touched before somebody reads. */
function copyWith(response: RawResponse, reading: Reading): Record<string, unknown> {
  const body = Reflect.get(getPrototypeOf(response) as object, 'body', response) as unknown;
  const { status, statusText, headers } = response;
  const init = { status, statusText, headers, url: response.url };
  const Class = response.constructor as new (body: unknown, init: object) => object;
  const node = !isWeb(body) && typeof (body as Readable | null)?.pipe === 'function' ? nodeThrough(reading) : undefined;
  const stream = isWeb(body) ? webThrough(body, reading) : (node ?? null);
  const copy = new Class(stream, init) as Record<string, unknown>;
  if (copy.body !== stream || copy.status !== status) throw new TypeError('its constructor takes something else');
  if (node !== undefined) join(body as Readable, node, reading);
  if (stream === null) reading.finish('done');
  // Methods of a Response check their receiver.
  return new Proxy(copy, {
    get: (inner, name) => {
      const value = Reflect.get(inner, name, inner);
      return typeof value === 'function' ? value.bind(inner) : value;
    },
  });
}

/** The stream holds `reading` itself, not parts of it: with that the Response lives for as long as somebody reads. */
function webThrough(body: ReadableStream, reading: Reading): ReadableStream {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let broken: { readonly error: unknown } | undefined;
  const source = () => (reader ??= body.getReader() as ReadableStreamDefaultReader<Uint8Array>);
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      try {
        if (broken) throw broken.error;
        for (;;) {
          const { done, value } = await source().read();
          const passed = done ? reading.tap.flush() : reading.tap.push(value);
          // Asked before it is enqueued: a byte stream takes the buffer away, and what it took is empty.
          const some = passed !== undefined && passed.byteLength > 0;
          // The application's own buffer, a pool's or a constant's, is not ours to give.
          if (some) controller.enqueue(passed === value ? new Uint8Array(passed) : passed);
          if (done) {
            reading.finish('done');
            controller.close();
            controller.byobRequest?.respond(0);
            return;
          }
          if (some) return;
        }
      } catch (error) {
        const rest = broken ? undefined : reading.tap.flush();
        broken = { error };
        reading.finish('failed', error);
        // What was held of the event that broke off goes on first: an error drops all that is queued, so it waits for the next pull.
        if (rest && rest.byteLength > 0) controller.enqueue(rest);
        else controller.error(error);
      }
    },
    cancel(reason) {
      reading.finish('left');
      return source().cancel(reason);
    },
  });
}

/** Holds `reading` as a web stream of ours does. The connection holds it too: a body that was begun and dropped ends with that. */
function nodeThrough(reading: Reading): Transform {
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      done(null, reading.tap.push(bytes));
    },
    flush(done) {
      const rest = reading.tap.flush();
      reading.finish('done');
      done(null, rest);
    },
  });
}

function join(body: Readable, through: Transform, { finish }: Reading): void {
  pipeline(body, through, (error) => {
    if (!error) return;
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') finish('left');
    else finish('failed', error);
  });
}

/**
 * The answer to a call that nobody awaits has come. Its usage is read from a clone, so that a caller who comes later
 * still finds the body whole.
 */
export async function readUnasked(response: RawResponse, call: ObservedCall): Promise<void> {
  if (call.asked || call.ended) return;
  try {
    const text = await response.clone?.().text?.();
    if (text === undefined) call.abandoned();
    else call.parsedText(text);
  } catch (error) {
    warnOnce('openai:unasked', 'openai: an answer that nobody awaited could not be read', error);
    call.abandoned();
  }
}
