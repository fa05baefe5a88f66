import { type Context, createContextKey, propagation } from '@opentelemetry/api';
import { enteredIn, sharedStorage } from './entered.ts';

const BILLABLE_KEY = createContextKey('client-cost billable call');

/** A billable call, as what runs inside it knows it. Listeners on its streams do so for as long as they live: it says when it ended. */
export interface CallMark {
  open: boolean;
  /** The call that this one was made in. */
  outer?: CallMark | undefined;
}

// The key of `suppressTracing` in @opentelemetry/core, whose loading this file does without.
const SUPPRESS_TRACING_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

// Of our own beside the OpenTelemetry context: an application may have a tracer or a meter and no context manager, and its
// calls' requests would be recorded a second time.
const storage = sharedStorage<CallMark>('calls');
const TROUBLE = 'AsyncLocalStorage fails: a request of a recorded call may be recorded again';

/**
 * The context to make a billable call in: without any baggage, so that none of it reaches the provider.
 *
 * @param mark of the call, whose maker closes it
 */
export function billableContext(ctx: Context, mark: CallMark = { open: true }): Context {
  const bare = propagation.getBaggage(ctx) === undefined ? ctx : propagation.deleteBaggage(ctx);
  mark.outer = [markOf(ctx), enteredHere()].find(isOpen);
  return bare.setValue(BILLABLE_KEY, mark);
}

/** Runs `run` inside the billable call that the context is of, if any, whatever the context manager does. May throw. */
export function insideCallOf(ctx: Context, run: () => void): void {
  const mark = markOf(ctx);
  if (mark === undefined) run();
  else storage.run(mark, run);
}

/** Whether code sends telemetry: exporters do so with tracing suppressed. Nobody's calls, whoever was first to cause them. */
export function isTelemetry(ctx: Context): boolean {
  return ctx.getValue(SUPPRESS_TRACING_KEY) === true;
}

/** Whether code that runs here, in this active context, is inside a billable call that has not ended. */
export function isBillable(active: Context): boolean {
  return isOpen(markOf(active)) || isOpen(enteredHere());
}

const markOf = (ctx: Context): CallMark | undefined => ctx.getValue(BILLABLE_KEY) as CallMark | undefined;

function isOpen(mark: CallMark | undefined): boolean {
  for (let one = mark; one !== undefined; one = one.outer) if (one.open) return true;
  return false;
}

const enteredHere = (): CallMark | undefined => enteredIn(storage, 'billable-storage', TROUBLE);
