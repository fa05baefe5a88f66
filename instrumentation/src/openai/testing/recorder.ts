import { context, INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import type { BillableCall, CallEnd, CallStart, Recorder } from '../../types.ts';

export interface Recorded {
  readonly start: CallStart;
  readonly end: CallEnd;
}

/** Keeps what it is told. */
export class RecorderDouble implements Recorder {
  readonly started: CallStart[] = [];
  readonly calls: Recorded[] = [];

  start(start: CallStart): BillableCall {
    this.started.push(start);
    return {
      context: context.active(),
      span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT),
      end: (end) => void this.calls.push({ start, end }),
    };
  }

  get last(): Recorded {
    const last = this.calls.at(-1);
    if (!last) throw new Error('nothing was recorded');
    return last;
  }

  clear(): void {
    this.started.length = 0;
    this.calls.length = 0;
  }
}
