import { pipeline, type Readable, Transform } from 'node:stream';
import { ReadableStream, type ReadableStreamDefaultReader } from 'node:stream/web';
import { abandonWith } from '../instrument/abandoned.ts';
import { warnOnce } from '../log.ts';
import type { ObservedCall } from './call.ts';
import type { RawResponse } from './internal-types.ts';
import { type BodyTap, JsonTap, SseTap } from './sse.ts';

type Finish = (how: 'done' | 'left' | 'failed', error?: unknown) => void;

/** All ways to read a body that undici's and node-fetch's Response have. */
const READERS = ['text', 'json', 'arrayBuffer', 'blob', 'bytes', 'formData', 'buffer', 'textConverted'] as const;

/**
 * The caller reads this Response's body, we look on as the bytes pass. The object, its class, status, headers and url
 * stay; its body's readers are its own, at first use led through a stream that copies nothing it need not and reads
 * only when the caller does.
 */
export function observeRawResponse(response: RawResponse, call: ObservedCall): void {
  call.raw = true;
  abandonWith(response, call);
  const type = String(response.headers?.get?.('content-type') ?? '');
  const streamed = /text\/event-stream/i.test(type);
  const tap = streamed ? new SseTap(call.observe(), call.injected) : new JsonTap();
  const finish: Finish = (how, error) => {
    if (streamed) call.streamEnded(how, error);
    else if (how === 'done') call.parsed((tap as JsonTap).value());
    else if (how === 'failed') call.failed(error);
    else call.abandoned();
  };
  shadow(response, tap, finish);
}

function shadow(response: RawResponse, tap: BodyTap, finish: Finish): void {
  const target = response as unknown as Record<string, unknown>;
  let made: Record<string, unknown> | undefined;
  const through = (): Record<string, unknown> => {
    made ??= copyWith(response, tap, finish);
    return made;
  };
  const original = Object.getPrototypeOf(response) as object;
  for (const name of READERS) {
    if (typeof target[name] !== 'function') continue;
    const value = (...args: unknown[]) => (through()[name] as (...args: unknown[]) => unknown)(...args);
    Object.defineProperty(response, name, { value, configurable: true, writable: true });
  }
  if (typeof target.clone === 'function') {
    const value = () => identify((through().clone as () => RawResponse)(), response);
    Object.defineProperty(response, 'clone', { value, configurable: true, writable: true });
  }
  Object.defineProperty(response, 'body', { get: () => through().body, configurable: true });
  Object.defineProperty(response, 'bodyUsed', {
    get: () => (made ? made.bodyUsed : Reflect.get(original, 'bodyUsed', response)),
    configurable: true,
  });
}

/** A clone keeps what a constructor cannot set. */
function identify(copy: RawResponse, response: RawResponse): RawResponse {
  for (const name of ['url', 'redirected', 'type'] as const) {
    const value = (response as unknown as Record<string, unknown>)[name];
    Object.defineProperty(copy, name, { value, configurable: true });
  }
  return copy;
}

function copyWith(response: RawResponse, tap: BodyTap, finish: Finish): Record<string, unknown> {
  const body = Reflect.get(Object.getPrototypeOf(response) as object, 'body', response) as unknown;
  const { status, statusText, headers } = response;
  const init = { status, statusText, headers, url: response.url };
  const Class = response.constructor as new (body: unknown, init: object) => object;
  let stream: unknown = null;
  if (body && typeof (body as ReadableStream).getReader === 'function')
    stream = webThrough(body as ReadableStream, tap, finish);
  else if (body && typeof (body as Readable).pipe === 'function') stream = nodeThrough(body as Readable, tap, finish);
  else finish('done');
  const copy = new Class(stream, init) as Record<string, unknown>;
  // Methods of a Response check their receiver.
  return new Proxy(copy, {
    get: (inner, name) => {
      const value = Reflect.get(inner, name, inner);
      return typeof value === 'function' ? value.bind(inner) : value;
    },
  });
}

function webThrough(body: ReadableStream, tap: BodyTap, finish: Finish): ReadableStream {
  let reader: ReadableStreamDefaultReader<Uint8Array>;
  return new ReadableStream({
    type: 'bytes',
    start() {
      reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    },
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = await reader.read();
          const passed = done ? tap.flush() : tap.push(value);
          if (passed && passed.byteLength > 0) controller.enqueue(passed);
          if (done) {
            finish('done');
            controller.close();
            controller.byobRequest?.respond(0);
            return;
          }
          if (passed && passed.byteLength > 0) return;
        }
      } catch (error) {
        finish('failed', error);
        controller.error(error);
      }
    },
    cancel(reason) {
      finish('left');
      return reader.cancel(reason);
    },
  });
}

function nodeThrough(body: Readable, tap: BodyTap, finish: Finish): Transform {
  const through = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      done(null, tap.push(bytes));
    },
    flush(done) {
      const rest = tap.flush();
      finish('done');
      done(null, rest);
    },
  });
  return pipeline(body, through, (error) => {
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
