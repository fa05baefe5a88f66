import type { UsageEvent, UsageExporter } from '@client-cost/exporter';
import {
  type Attributes,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { billableContext, type CallMark } from '../attribution/billable.ts';
import { UNATTRIBUTED } from '../attribution/client-id.ts';
import { currentScope } from '../attribution/index.ts';
import { currentTime } from '../clock.ts';
import { activeContext } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import type { PriceBook } from '../prices/book.ts';
import type { BillableCall, CallEnd, CallStart, Recorder, UsageScope } from '../types.ts';
import { eventAttributes, type Finished, spanAttributes } from './attributes.ts';
import { absurdity, costOf, normalizeQuantity } from './cost.ts';
import { UsageCounters } from './counters.ts';
import { uuidv7 } from './uuid.ts';

/** Name of the tracer, the meter and the events' scope. */
export const SCOPE_NAME = '@client-cost/instrumentation';

/** Where the recorder's three outputs come from. Each may throw; none of it reaches the caller. */
export interface RecorderParts {
  readonly version: string;
  /** Called before the first span: starts an SDK where one is missing. */
  readonly onFirstCall?: () => void;
  /** Whether spans are those of an SDK of ours without attribute limits (see `putAttributes`). */
  readonly plainSpans?: () => boolean;
  /** Called when the application's meter provider is found to be another than before. */
  readonly onMeterProvider?: () => void;
  readonly priceBook: () => PriceBook;
  /** @param span of the call, whose SDK knows the process's resource */
  readonly exporter: (span: Span) => UsageExporter | undefined;
}

const EMPTY: UsageScope = Object.freeze(Object.create(null));
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Turns finished calls into a span, counters and a usage event. */
export class UsageRecorder implements Recorder {
  readonly #parts: RecorderParts;
  readonly #counters: UsageCounters;
  #tracer: Tracer | undefined;
  #started = false;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#counters = new UsageCounters(SCOPE_NAME, parts.version, parts.onMeterProvider);
  }

  start(call: CallStart): BillableCall {
    if (!this.#started) {
      this.#started = true;
      guard('start', () => this.#parts.onFirstCall?.());
    }
    const scope = guard('scope', () => call.scope ?? currentScope()) ?? EMPTY;
    const operation = scope.operation ?? call.operation;
    const active = activeContext();
    const span = guard('span', () => usable(this.#startSpan(call, scope, operation))) ?? NO_SPAN;
    const mark: CallMark = { open: true };
    const inner = guard('context', () => trace.setSpan(billableContext(active, mark), span)) ?? active;
    const id = uuidv7();
    let ended = false;
    return {
      context: inner,
      span,
      id,
      end: (end) => {
        if (ended) return;
        ended = true;
        guard('end', () => this.#end(span, { id, scope, service: call.service, operation }, call.operation, end));
        // What its context still runs from here on (listeners on an answer's body) is the application's own.
        mark.open = false;
      },
    };
  }

  priceBook(): PriceBook {
    return this.#parts.priceBook();
  }

  #startSpan(call: CallStart, scope: UsageScope, operation: string): Span {
    // A ProxyTracer until a provider is registered, and that provider's tracer from then on.
    this.#tracer ??= trace.getTracer(SCOPE_NAME, this.#parts.version);
    const attributes: Attributes = {
      ...call.attributes,
      'client.id': scope.clientId ?? UNATTRIBUTED,
      'usage.service': call.service,
      'usage.operation': operation,
    };
    const { startTime } = call;
    const plain = this.#parts.plainSpans?.() === true;
    const span = this.#tracer.startSpan(call.spanName, {
      kind: SpanKind.CLIENT,
      // Samplers of ours look at none.
      ...(plain ? undefined : { attributes }),
      ...(startTime === undefined ? undefined : { startTime }),
    });
    if (plain && span.isRecording()) putAttributes(span, attributes, true);
    return span;
  }

  #end(
    span: Span,
    about: Pick<Finished, 'id' | 'scope' | 'service' | 'operation'>,
    ownOperation: string,
    said: CallEnd,
  ): void {
    // Without a prototype: what somebody put on Object.prototype is no id, price or verdict of a call.
    const end: CallEnd = Object.assign(
      Object.create(null),
      said,
      said.outcome === 'error' ? errorTypeOfEnd(said) : undefined,
    );
    const at = validTime(end.endTime);
    const quantity = normalizeQuantity(end.quantity ?? 1);
    const unit = end.unit ?? 'request';
    const problem = absurdity(end);
    const cost = costOf({ ...about, ownOperation, quantity, unit, at }, end, problem, this.#parts.priceBook);
    const call: Finished = { ...about, id: end.usageId ?? about.id, end, quantity, unit, cost, problem };
    const attributes = eventAttributes(call);
    // Money first: whatever happens to the telemetry, the event is out.
    guard('event', () => this.#emit(call.id, at, attributes, span));
    guard('span-end', () => endSpan(span, end, attributes, this.#parts.plainSpans?.() === true));
    guard('counters', () => this.#counters.add(call));
  }

  #emit(id: string, at: Date, attributes: Attributes, span: Span): void {
    const event: UsageEvent = {
      id,
      timeUnixNano: BigInt(at.getTime()) * 1_000_000n,
      attributes,
      ...guard('span-context', () => idsOf(span)),
    };
    this.#parts.exporter(span)?.emit(event);
  }
}

function idsOf(span: Span): Pick<UsageEvent, 'traceId' | 'spanId' | 'traceFlags'> | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return isSpanContextValid({ traceId, spanId, traceFlags }) ? { traceId, spanId, traceFlags } : undefined;
}

/** A tracer of the application's may give anything. */
function usable(span: Span | undefined): Span | undefined {
  return typeof span?.spanContext === 'function' && span.spanContext() !== undefined ? span : undefined;
}

/** A time that can be recorded: that of the end, or now. */
function validTime(said: Date | undefined): Date {
  return said !== undefined && !Number.isNaN(said.getTime()) ? said : currentTime();
}

/**
 * The SDK's `setAttributes` checks every value anew, with a WeakSet made for each: with 25 attributes that is a third of what a
 * span costs. Ours are valid by construction, so on a span of our own SDK they go straight into its `attributes`.
 */
function putAttributes(span: Span, attributes: Attributes, plain: boolean): void {
  const own = plain ? (span as { attributes?: unknown }).attributes : undefined;
  if (typeof own === 'object' && own !== null) Object.assign(own, attributes);
  else span.setAttributes(attributes);
}

function endSpan(span: Span, end: CallEnd, attributes: Attributes, plain: boolean): void {
  if (span.isRecording()) {
    try {
      putAttributes(span, spanAttributes(attributes), plain);
      if (end.outcome === 'error') {
        // The type alone: a provider's message may quote the prompt or the key.
        const type = end.errorType ?? '_OTHER';
        span.setStatus({ code: SpanStatusCode.ERROR, message: type });
        span.addEvent('exception', { 'exception.type': type }, end.endTime);
      }
    } finally {
      span.end(end.endTime);
    }
  } else {
    span.end();
  }
}

function errorTypeOfEnd({ errorType, error }: CallEnd): Pick<CallEnd, 'errorType'> {
  return { errorType: errorType ?? errorTypeOf(error) };
}

/** `error.type` of whatever was thrown: its class name, `_OTHER` where it has none. */
function errorTypeOf(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return '_OTHER';
    const { name } = error.constructor as { name?: unknown };
    return typeof name === 'string' && name !== '' && name !== 'Object' ? name : '_OTHER';
  } catch {
    return '_OTHER';
  }
}

/** Runs one step; a failure is said once per step and goes no further. */
function guard<T>(step: string, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    warnOnce(`recorder:${step}`, `recording a billable call failed (${step}); the call itself is not affected`, error);
    return undefined;
  }
}
