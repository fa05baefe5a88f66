import { normalizeClientId } from './attribution/client-id.ts';
import { currentScope } from './attribution/index.ts';
import { currentMillis, currentTime } from './clock.ts';
import { describeError, quote, warnOnce } from './log.ts';
import { normalizeAmount, normalizeQuantity } from './recorder/cost.ts';
import { getRecorder } from './recorder/index.ts';
import { uuidv7 } from './recorder/uuid.ts';
import { startRecording } from './start.ts';
import type { TokenUsage, UsageOutcome, UsageScope } from './types.ts';

/** Something that cost money and that no instrumentation sees. */
export interface UsageRecord {
  /** Who sends the bill: `twilio_sms`, `acme_ocr`, … */
  readonly service: string;
  /** What was done: `send_sms`, `page`, … */
  readonly operation: string;
  /** How many units; a decimal string or a number, 0 or more, at most 12 decimals. Default `1`. */
  readonly quantity?: string | number | undefined;
  /** What is counted: `segment`, `page`, `gb_month`, … Default `request`. */
  readonly unit?: string | undefined;
  /** What the provider's price list calls it, where its price depends on it (`usage.sku`). */
  readonly sku?: string | undefined;
  /** Currency of `cost`, ISO 4217; default `USD`. Another one is converted by your dated rate (docs/prices.md). */
  readonly currency?: string | undefined;
  /**
   * What it cost, as a decimal string such as `'0.0079'`: recorded as it is, `cost.source = provider`. Without
   * it the price book prices service, operation, unit and quantity, or provider, model and tokens.
   */
  readonly cost?: string | undefined;
  /** `gen_ai.provider.name`, for model calls. */
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly serviceTier?: string | undefined;
  readonly tokens?: TokenUsage | undefined;
  /** The usage itself is an estimate. */
  readonly estimated?: boolean | undefined;
  /** False for an attempt that costs nothing. */
  readonly billed?: boolean | undefined;
  /** The provider's own id of it. */
  readonly externalId?: string | undefined;
  /** Default `ok`. */
  readonly outcome?: UsageOutcome | undefined;
  readonly errorType?: string | undefined;
  /** Default: the client in force (`withClient`, `setClient`, …). */
  readonly clientId?: string | undefined;
  readonly leadId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly flowExecutionId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** When it happened: a Date, milliseconds (not seconds) since the Unix epoch or an ISO 8601 string. Default: now. */
  readonly timestamp?: Date | number | string | undefined;
}

const OUTCOMES: readonly unknown[] = ['ok', 'error', 'aborted'];
// The ledger refuses a charge of the far past or of the future. What is earlier than March 1973 are seconds (Stripe's and OpenAI's `created`).
const EARLIEST = 1e11;
const AHEAD = 86_400_000;

/**
 * Records anything that costs money as one usage event, span and counter step. Never throws and loses nothing: a
 * field that cannot be used is named in one warning, and the event is recorded `unpriced` with what was said in
 * `usage.raw`, to be corrected later under the same id.
 *
 * @returns the `usage.id` of the event (UUIDv7)
 */
export function recordUsage(record: UsageRecord): string {
  try {
    startRecording();
    return new Validator(record).record();
  } catch (error) {
    warnOnce('record-usage', 'recordUsage: the usage could not be recorded', error);
    return uuidv7();
  }
}

/** Reads one record; collects what is wrong with it on the way. */
class Validator {
  readonly #record: UsageRecord;
  readonly #problems: string[] = [];

  constructor(record: UsageRecord) {
    this.#record = typeof record === 'object' && record !== null ? record : ({} as UsageRecord);
    if (this.#record !== record) this.#reject('record', record, 'an object');
  }

  record(): string {
    const { provider, model, serviceTier, tokens, estimated, billed, externalId, errorType, sku, currency } =
      this.#record;
    const service = this.#name('service') ?? 'unknown';
    const operation = this.#name('operation') ?? 'unknown';
    const unit = this.#record.unit === undefined ? 'request' : (this.#name('unit') ?? 'unknown');
    const quantity = this.#quantity();
    const cost = this.#cost();
    const outcome = this.#outcome();
    const time = this.#time();
    const scope = this.#scope(operation);
    const call = getRecorder().start({
      service,
      operation,
      spanName: `${service} ${operation}`,
      scope,
      startTime: time,
    });
    call.end({
      outcome,
      quantity,
      unit,
      sku: typeof sku === 'string' ? sku : undefined,
      cost,
      costCurrency: currency,
      provider,
      requestModel: model,
      serviceTier,
      tokens,
      estimated,
      billed,
      externalId,
      errorType,
      endTime: time,
      ...(this.#problems.length === 0 ? undefined : { unpricedReason: this.#problems.join('; '), raw: this.#raw() }),
    });
    return call.id ?? uuidv7();
  }

  #reject(field: string, value: unknown, wanted: string): void {
    const problem = `${field} must be ${wanted}, not ${typeof value === 'number' ? String(value) : quote(value)}`;
    this.#problems.push(problem);
    warnOnce(`record-usage:${field}`, `recordUsage: ${problem}; recorded as unpriced, with what was said in usage.raw`);
  }

  #name(field: 'service' | 'operation' | 'unit'): string | undefined {
    const value: unknown = this.#record[field];
    if (typeof value === 'string' && value.trim() !== '' && value.length <= 256) return value.toWellFormed();
    this.#reject(field, value, 'a non-empty string of at most 256 characters');
    return undefined;
  }

  /** The quantity as given: the recorder leaves out what is none. */
  #quantity(): string {
    const { quantity = 1 } = this.#record;
    const normal = normalizeQuantity(quantity);
    if (normal !== undefined) return normal;
    this.#reject('quantity', quantity, 'a decimal number of 0 or more with at most 12 decimals, below 10^15');
    return 'invalid';
  }

  #cost(): string | undefined {
    const { cost } = this.#record;
    if (cost === undefined || cost === null) return undefined;
    const amount = typeof cost === 'string' ? normalizeAmount(cost) : undefined;
    if (amount !== undefined && !amount.startsWith('-')) return amount;
    this.#reject('cost', cost, 'a decimal string such as "0.0079", 0 or more and below 1000000');
    return undefined;
  }

  #outcome(): UsageOutcome {
    const { outcome = 'ok' } = this.#record;
    if (OUTCOMES.includes(outcome)) return outcome;
    warnOnce(
      'record-usage:outcome',
      `recordUsage: outcome must be "ok", "error" or "aborted", not ${quote(outcome)}; "ok" is recorded`,
    );
    return 'ok';
  }

  /** A wrong time is no reason not to price: the event is recorded now. */
  #time(): Date {
    const { timestamp } = this.#record;
    if (timestamp === undefined) return currentTime();
    const readable = typeof timestamp === 'number' || typeof timestamp === 'string' || timestamp instanceof Date;
    const time = new Date(readable ? timestamp : Number.NaN);
    const millis = time.getTime();
    if (millis >= EARLIEST && millis <= currentMillis() + AHEAD) return time;
    const wanted = 'a Date, milliseconds (not seconds) since 1970 or an ISO 8601 string, at most a day ahead';
    const said = typeof timestamp === 'number' ? String(timestamp) : quote(timestamp);
    warnOnce('record-usage:timestamp', `recordUsage: timestamp must be ${wanted}, not ${said}; now is recorded`);
    return currentTime();
  }

  #scope(operation: string): UsageScope {
    const { clientId, leadId, messageId, flowExecutionId, metadata } = this.#record;
    const around = currentScope();
    const id =
      clientId === undefined ? around.clientId : (normalizeClientId(clientId, 'recordUsage') ?? around.clientId);
    const joined = metadata === undefined ? around.metadata : { ...around.metadata, ...metadata };
    return {
      clientId: id,
      leadId: leadId ?? around.leadId,
      messageId: messageId ?? around.messageId,
      flowExecutionId: flowExecutionId ?? around.flowExecutionId,
      // The caller names the operation itself; usageContext's override is meant for what instrumentations name.
      operation,
      metadata: joined,
    };
  }

  /** What was said, without metadata and tokens, which have their own attributes. */
  #raw(): string {
    try {
      const { metadata: _metadata, tokens: _tokens, ...said } = this.#record;
      return JSON.stringify(said, (_key, value) =>
        typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value,
      );
    } catch (error) {
      return `unreadable: ${describeError(error)}`;
    }
  }
}
