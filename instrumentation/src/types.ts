import type { Attributes, Context, Span } from '@opentelemetry/api';
import type { PriceBook } from './prices/book.ts';

/** Who pays and what for: what `withClient`, `setClient` and `usageContext` put around calls. */
export interface UsageScope {
  readonly clientId?: string | undefined;
  readonly leadId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly flowExecutionId?: string | undefined;
  /** Overrides the operation that the provider's instrumentation would name. */
  readonly operation?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Token counts as the GenAI conventions define them: `input` includes cached tokens, `output` includes reasoning. */
export interface TokenUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
  readonly reasoning?: number | undefined;
  readonly inputAudio?: number | undefined;
  readonly outputAudio?: number | undefined;
  readonly cacheReadAudio?: number | undefined;
}

export type UsageOutcome = 'ok' | 'error' | 'aborted';
export type CostSource = 'price_book' | 'estimated' | 'provider' | 'unpriced';

/** What the price book answers: a decimal string of USD with at most 12 decimals, or no amount and the reason. */
export type Price =
  | { readonly amount: string; readonly currency: 'USD'; readonly version: string }
  | { readonly amount: undefined; readonly reason: string; readonly version: string };

/** What a provider's instrumentation knows when a billable call begins. */
export interface CallStart {
  /** `openai`, `twilio_sms`, … (docs/architecture.md, usage.service). */
  readonly service: string;
  /** `chat_completion`, `response`, `embedding`, `send_sms`, … */
  readonly operation: string;
  /** GenAI conventions: `chat gpt-4o-mini`; else `{service} {operation}`. */
  readonly spanName: string;
  /** Span attributes known at start (`gen_ai.operation.name`, `server.address`, …). */
  readonly attributes?: Attributes;
  /** Who pays and what for; default: the scope in force where the call starts. */
  readonly scope?: UsageScope | undefined;
  /** When the call began, where that is not now. */
  readonly startTime?: Date | undefined;
}

/** What it knows when the call is finished. The recorder prices it. */
export interface CallEnd {
  readonly outcome: UsageOutcome;
  /** Set on failure: becomes the span's status, exception and `error.type`. */
  readonly error?: unknown;
  readonly errorType?: string | undefined;
  /** `gen_ai.provider.name`, for model calls. */
  readonly provider?: string | undefined;
  readonly requestModel?: string | undefined;
  readonly responseModel?: string | undefined;
  readonly serviceTier?: string | undefined;
  readonly tokens?: TokenUsage | undefined;
  /** Decimal string or safe integer; defaults to `1`. */
  readonly quantity?: string | number | undefined;
  /** Defaults to `request`. */
  readonly unit?: string | undefined;
  /** What the provider's price list calls it (`usage.sku`): `text_search_pro`, `class_a`, …; decides the price with operation and unit. */
  readonly sku?: string | undefined;
  /** The usage itself was estimated: `cost.source` becomes `estimated`. */
  readonly estimated?: boolean | undefined;
  /** What the provider itself says the call cost, as a decimal string: not priced again, source `provider`. */
  readonly cost?: string | undefined;
  /** ISO 4217, any case; default `USD`. Another one is converted by the user's dated rate, else the call is unpriced. */
  readonly costCurrency?: string | undefined;
  /** Set where something that was said cannot be used: the call is recorded `unpriced`, with this reason. */
  readonly unpricedReason?: string | undefined;
  /** What was said and could not be used, as text (`usage.raw`). */
  readonly raw?: string | undefined;
  /** False for an attempt that the provider does not bill: it costs 0. Default true. */
  readonly billed?: boolean | undefined;
  readonly externalId?: string | undefined;
  /** `usage.id` in place of the one made at the start: of an earlier event of this charge, or a `derivedUsageId`. */
  readonly usageId?: string | undefined;
  /** `usage.version`, default 1 (docs/ledger.md: 1 created, 100 final by a callback, 1000 and more corrected by the command). */
  readonly version?: number | undefined;
  /**
   * A later report about the charge `externalId` of this service, whose own event this process does not know (`usage.update`):
   * the ledger finds the charge and keeps its id, client and time; where there is none this event is the charge.
   */
  readonly update?: boolean | undefined;
  /** Takes the charge back (`usage.deleted`). */
  readonly deleted?: boolean | undefined;
  /** More attributes for span and event (`gen_ai.response.finish_reasons`, …). */
  readonly attributes?: Attributes | undefined;
  /** When the call ended, where that is not now. */
  readonly endTime?: Date | undefined;
}

/** One billable call under way. All methods are total: they never throw. */
export interface BillableCall {
  /** The context to make the provider's call in: span active, baggage stripped, marked as billable. */
  readonly context: Context;
  readonly span: Span;
  /** `usage.id` of the event that `end` emits; absent where nothing is recorded. */
  readonly id?: string;
  /** Idempotent: the first end wins. */
  end(end: CallEnd): void;
}

/** The only place that turns a finished call into telemetry (span, counters, usage event). */
export interface Recorder {
  start(call: CallStart): BillableCall;
  /** What calls are priced with; see `recorder/prices.ts`. */
  priceBook?(): PriceBook;
}
