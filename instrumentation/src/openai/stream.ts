import type { ObservedCall } from './call.ts';
import type { SdkStream } from './internal-types.ts';

export function isStream(data: unknown): data is SdkStream {
  return typeof (data as SdkStream | null | undefined)?.[Symbol.asyncIterator] === 'function';
}

/**
 * Looks at a stream's chunks as its reader takes them, by replacing the one function that `for await`, `tee()`,
 * `toReadableStream()` and the `.stream()` helpers get their iterator from. Nothing is read ahead.
 */
export function watchStream(stream: SdkStream, call: ObservedCall): void {
  const key = typeof stream.iterator === 'function' ? 'iterator' : Symbol.asyncIterator;
  const original = stream[key] as () => AsyncIterator<unknown>;
  const observer = call.observe();
  let watched = false;

  async function* watch(source: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    if (watched) {
      // A second reading: the SDK answers with its own error.
      yield* source;
      return;
    }
    watched = true;
    call.iterating = true;
    let end: 'done' | 'left' | 'failed' = 'left';
    let failure: unknown;
    try {
      for await (const chunk of source) {
        if (!observer.see(chunk)) yield chunk;
      }
      end = 'done';
    } catch (error) {
      end = 'failed';
      failure = error;
      throw error;
    } finally {
      // `controller.abort()` ends the SDK's iterator without an error.
      call.streamEnded(end, failure, stream.controller?.signal.aborted === true);
    }
  }

  stream[key] = () => watch(original.call(stream) as unknown as AsyncIterable<unknown>);
}
