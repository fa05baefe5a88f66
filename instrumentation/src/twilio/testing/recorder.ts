import { context, INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import { billableContext } from '../../attribution/billable.ts';
import { uuidv7 } from '../../recorder/uuid.ts';
import type { BillableCall, CallEnd, CallStart, Recorder } from '../../types.ts';

export interface Recorded {
  readonly id: string;
  readonly start: CallStart;
  readonly end: CallEnd;
}

/** Keeps what it is told, in the order of the ends. */
export class TwilioRecorder implements Recorder {
  readonly calls: Recorded[] = [];
  started = 0;

  start(start: CallStart): BillableCall {
    const id = uuidv7();
    this.started += 1;
    return {
      id,
      context: billableContext(context.active()),
      span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT),
      end: (end) => void this.calls.push({ id, start, end }),
    };
  }

  get last(): Recorded {
    const last = this.calls.at(-1);
    if (!last) throw new Error('nothing was recorded');
    return last;
  }

  clear(): void {
    this.calls.length = 0;
    this.started = 0;
  }
}
