import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import { activeContext } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import type { BillableCall, CallStart, Recorder } from '../types.ts';

/** Used until the process has a recorder: the call goes through undisturbed, nothing is recorded. */
class NoopRecorder implements Recorder {
  start(_call: CallStart): BillableCall {
    return { context: activeContext(), span: trace.wrapSpanContext(INVALID_SPAN_CONTEXT), end() {} };
  }
}

let given: Recorder | undefined;
let current: Recorder | undefined;
let factory: () => Recorder = () => new NoopRecorder();

/** The recorder of this process, made on first use. Ask for it at each call: it may be replaced. Never throws. */
export function getRecorder(): Recorder {
  if (given !== undefined) return given;
  if (current === undefined) {
    try {
      current = factory();
    } catch (error) {
      warnOnce('recorder:make', 'the recorder could not be made: nothing is recorded', error);
      current = new NoopRecorder();
    }
  }
  return current;
}

/** Replaces the recorder; `undefined` goes back to one that is made on the next use. Tests hand in their own. */
export function setRecorder(recorder: Recorder | undefined): void {
  given = recorder;
  if (recorder === undefined) current = undefined;
}

/** How `getRecorder` makes the recorder of this process, where none was handed in. */
export function setRecorderFactory(make: () => Recorder): void {
  factory = make;
  current = undefined;
}
