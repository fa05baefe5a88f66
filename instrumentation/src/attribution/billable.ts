import { type Context, createContextKey, propagation } from '@opentelemetry/api';

const BILLABLE_KEY = createContextKey('client-cost billable call');

// The key of `suppressTracing` in @opentelemetry/core, whose loading this file does without.
const SUPPRESS_TRACING_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** The context to make a billable call in: without any baggage, so that none of it reaches the provider. */
export function billableContext(ctx: Context): Context {
  const bare = propagation.getBaggage(ctx) === undefined ? ctx : propagation.deleteBaggage(ctx);
  return bare.setValue(BILLABLE_KEY, true);
}

/** Whether code sends telemetry: exporters do so with tracing suppressed. Nobody's calls, whoever was first to cause them. */
export function isTelemetry(ctx: Context): boolean {
  return ctx.getValue(SUPPRESS_TRACING_KEY) === true;
}

/** Whether code runs inside a billable call. */
export function isBillable(ctx: Context): boolean {
  return ctx.getValue(BILLABLE_KEY) === true;
}
