import type { Attributes, Context } from '@opentelemetry/api';
import { currentScope } from '../attribution/index.ts';
import type { AnyFunction } from '../instrument/package-instrumentation.ts';
import { activeContext, within } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { getRecorder } from '../recorder/index.ts';
import type { BillableCall, UsageScope } from '../types.ts';
import { errorTypeOf, grpcOutcome } from './grpc.ts';
import type { Callback, CallOptions, InnerCall, PlacesClient } from './internal-types.ts';
import { inSession } from './sessions.ts';
import { classifyMethod, type PlacesCall, SERVICE } from './sku.ts';
import { chargeOf } from './usage.ts';

/*
 * Every method of PlacesClient ends in `this.innerApiCalls[method](request, options, callback)`, with or without retries, over
 * gRPC or REST alike. The client itself chains on the promise that the inner call returns, so a handler of ours on it neither
 * hides a rejection from the caller nor adds one.
 */

export const METHODS = ['searchText', 'searchNearby', 'getPlace', 'autocompletePlaces', 'getPhotoMedia'] as const;
interface Begun {
  readonly billable: BillableCall;
  readonly call: PlacesCall;
  /** Of the autocomplete session that the call belongs to. */
  readonly token: string | undefined;
  readonly scope: UsageScope | undefined;
}

const RPC = 'google.maps.places.v1.Places';

/** A client's inner calls, each as it was before it was wrapped: by the wrapper. */
const wrapped = new WeakSet<InnerCall>();
let enabled = true;

/** Clients that were wrapped record no more, until `initialize` is wrapped again: their own functions stay as they are. */
export function silenceClients(): void {
  enabled = false;
}

export function wrapInitialize(original: AnyFunction): AnyFunction {
  enabled = true;
  return function initialize(this: PlacesClient, ...args: unknown[]) {
    const stub = original.apply(this, args);
    try {
      wrapInnerCalls(this);
    } catch (error) {
      warnOnce('google_places:client', 'a PlacesClient has an unknown shape: its calls are NOT recorded', error);
    }
    return stub;
  };
}

function wrapInnerCalls(client: PlacesClient): void {
  const calls = client.innerApiCalls;
  if (calls === undefined) return;
  for (const method of METHODS) {
    const inner = calls[method];
    if (typeof inner !== 'function' || wrapped.has(inner)) continue;
    const outer: InnerCall = (request, options, callback) =>
      enabled ? observe(client, method, inner, request, options, callback) : inner(request, options, callback);
    wrapped.add(outer);
    calls[method] = outer;
  }
}

function observe(
  client: PlacesClient,
  method: string,
  inner: InnerCall,
  request: unknown,
  options: CallOptions | undefined,
  callback: Callback | undefined,
): unknown {
  const outside = activeContext();
  const begun = begin(client, method, request, options);
  if (begun === undefined) return inner(request, options, callback);
  const end = (error: unknown, failed: boolean): void => finish(begun, error, failed);
  const answered =
    typeof callback === 'function' ? (...args: Parameters<Callback>) => reply(outside, callback, args, end) : callback;
  let result: unknown;
  try {
    result = within(begun.billable?.context ?? activeContext(), () => inner(request, options, answered));
  } catch (error) {
    end(error, true);
    throw error;
  }
  try {
    const then = (result as { then?: unknown } | undefined)?.then;
    if (typeof then === 'function') {
      then.call(
        result,
        () => end(undefined, false),
        (error: unknown) => end(error, true),
      );
    }
  } catch (error) {
    warnOnce('google_places:follow', 'an answer of PlacesClient could not be waited for', error);
  }
  return result;
}

/** The caller's callback runs in the caller's context, not in the one of the call. */
function reply(
  outside: Context,
  callback: Callback,
  args: Parameters<Callback>,
  end: (error: unknown, failed: boolean) => void,
): unknown {
  end(args[0], Boolean(args[0]));
  return within(outside, () => callback(...args));
}

function begin(
  client: PlacesClient,
  method: string,
  request: unknown,
  options: CallOptions | undefined,
): Begun | undefined {
  try {
    const said = (request as { sessionToken?: unknown } | null | undefined)?.sessionToken;
    const token = typeof said === 'string' && said !== '' ? said : undefined;
    const call = classifyMethod(method, fieldMaskOf(options), token !== undefined);
    const attributes: Attributes = { ...serverOf(client) };
    if (!client._opts?.fallback) {
      attributes['rpc.system'] = 'grpc';
      attributes['rpc.service'] = RPC;
      attributes['rpc.method'] = `${method[0]?.toUpperCase()}${method.slice(1)}`;
    }
    const billable = getRecorder().start({
      service: SERVICE,
      operation: call.operation,
      spanName: `${SERVICE} ${call.operation}`,
      attributes,
    });
    return { billable, call, token, scope: token === undefined ? undefined : currentScope() };
  } catch (error) {
    warnOnce('google_places:begin', 'a call of PlacesClient could not be recorded', error);
    return undefined;
  }
}

function finish({ billable, call, token, scope }: Begun, error: unknown, failed: boolean): void {
  try {
    if (!failed) {
      billable.end(inSession(call, token, chargeOf(call, { outcome: 'ok', refused: false }), scope));
      return;
    }
    const { outcome, refused } = grpcOutcome(error);
    billable.end({ ...chargeOf(call, { outcome, refused, errorType: errorTypeOf(error) }), error });
  } catch (problem) {
    warnOnce('google_places:end', 'a call of PlacesClient could not be recorded', problem);
  }
}

/** `X-Goog-FieldMask` among the call's headers, by any case; several values are one list. */
function fieldMaskOf(options: CallOptions | undefined): string | undefined {
  const headers = options?.otherArgs?.headers;
  if (headers === undefined || headers === null) return undefined;
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() !== 'x-goog-fieldmask') continue;
    return Array.isArray(value) ? value.join(',') : String(value);
  }
  return undefined;
}

function serverOf(client: PlacesClient): Attributes {
  const { servicePath, port } = client._opts ?? {};
  const attributes: Attributes = {};
  if (typeof servicePath === 'string') attributes['server.address'] = servicePath;
  if (Number.isSafeInteger(port)) attributes['server.port'] = port as number;
  return attributes;
}
