import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, createContextKey, propagation } from '@opentelemetry/api';
import { warnOnce } from '../log.ts';

const BILLABLE_KEY = createContextKey('client-cost billable call');

// The key of `suppressTracing` in @opentelemetry/core, whose loading this file does without.
const SUPPRESS_TRACING_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

// Of our own beside the OpenTelemetry context: an application may have a tracer or a meter and no context manager, and its
// calls' requests would be recorded a second time.
const storage = new AsyncLocalStorage<true>();
const TROUBLE = 'AsyncLocalStorage fails: a request of a recorded call may be recorded again';

/** The context to make a billable call in: without any baggage, so that none of it reaches the provider. */
export function billableContext(ctx: Context): Context {
  const bare = propagation.getBaggage(ctx) === undefined ? ctx : propagation.deleteBaggage(ctx);
  return bare.setValue(BILLABLE_KEY, true);
}

/** Runs `run` inside the billable call that the context is of, if any, whatever the context manager does. May throw. */
export function insideCallOf(ctx: Context, run: () => void): void {
  if (ctx.getValue(BILLABLE_KEY) === true) storage.run(true, run);
  else run();
}

/** Whether code sends telemetry: exporters do so with tracing suppressed. Nobody's calls, whoever was first to cause them. */
export function isTelemetry(ctx: Context): boolean {
  return ctx.getValue(SUPPRESS_TRACING_KEY) === true;
}

/** Whether code that runs here, in this active context, is inside a billable call. */
export function isBillable(active: Context): boolean {
  return active.getValue(BILLABLE_KEY) === true || enteredHere();
}

function enteredHere(): boolean {
  try {
    return storage.getStore() === true;
  } catch (error) {
    warnOnce('billable-storage', TROUBLE, error);
    return false;
  }
}
