import { isPromise } from 'node:util/types';
import { warnOnce } from '../log.ts';
import type { ObservedCall } from './call.ts';
import { follow } from './follow.ts';
import type { RawResponse } from './internal-types.ts';
import { type BodyTap, SseTap } from './sse.ts';

// As they were when we were loaded: between the usage that we asked for and the caller nothing may fail.
const { defineProperty, getOwnPropertyDescriptor } = Object;

/** How the body of one raw Response is followed. */
export interface Reading {
  readonly call: ObservedCall;
  /** Held by all that reads its body: the call is given up when it is collected (`abandonWith`), which must not be in the middle of a reading. */
  readonly response: RawResponse;
  /** Its body is a stream of events. */
  readonly streamed: boolean;
  readonly tap: BodyTap;
  /** Never throws. */
  readonly finish: (how: 'done' | 'left' | 'failed', error?: unknown) => void;
  /** A stream that reads a web stream when it is read itself, past the tap; undefined for anything else. */
  readonly through: (body: unknown) => unknown;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * For a Response that a `fetch` of the application's made its own way. Its methods do what they did, on the receiver that they are
 * called on; we see what they return, and a body that is a web stream as it passes. What cannot be changed is left as it is: the call
 * then ends, estimated, with the Response.
 */
export function watchResults(response: RawResponse, readers: readonly string[], reading: Reading): void {
  for (const name of readers) {
    attempt(() => {
      const method = (response as unknown as Record<string, unknown>)[name];
      if (typeof method !== 'function') return;
      // A proxy: whatever else there is of the function (a mock's records) is still there.
      const watching = new Proxy(method as Method, {
        apply: (original, self, args) => watched(Reflect.apply(original, self, args), name, reading),
      });
      replace(response, name, watching);
    });
  }
  attempt(() => {
    const { body } = response;
    const stream = reading.through(body);
    if (stream === undefined) return;
    if (!reading.call.parsing) return replace(response, 'body', stream);
    // The SDK reads it for a stream that is watched itself.
    const get = () => (reading.call.iterating ? body : stream);
    defineProperty(response, 'body', { get, configurable: true });
  });
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    warnOnce('openai:foreign', 'openai: a Response of another make can be watched in part only', error);
  }
}

function replace(response: object, name: string, value: unknown): void {
  const enumerable = getOwnPropertyDescriptor(response, name)?.enumerable ?? false;
  defineProperty(response, name, { value, writable: true, enumerable, configurable: true });
}

function watched(result: unknown, name: string, reading: Reading): unknown {
  if (!isPromise(result)) return result;
  return follow(
    result,
    (value) => seen(value, name, reading),
    (error) => reading.finish('failed', error),
  );
}

function seen(value: unknown, name: string, { call, streamed, finish }: Reading): unknown {
  try {
    if (call.ended) return value;
    if (name === 'json') call.parsed(value);
    else if (typeof value !== 'string') readBytes(value, call);
    else if (!streamed) call.parsedText(value);
    else {
      const text = new SseTap(call.observe(), call.injected).text(value);
      finish('done');
      return text;
    }
  } catch (error) {
    warnOnce('openai:foreign-value', 'openai: what a Response of another make returned could not be read', error);
  }
  return value;
}

function readBytes(value: unknown, call: ObservedCall): void {
  if (value instanceof ArrayBuffer) call.parsedText(Buffer.from(value).toString());
  else if (ArrayBuffer.isView(value))
    call.parsedText(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
  else call.abandoned();
}
