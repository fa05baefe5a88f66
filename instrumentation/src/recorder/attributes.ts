import type { Attributes } from '@opentelemetry/api';
import { UNATTRIBUTED } from '../attribution/client-id.ts';
import type { CallEnd, TokenUsage, UsageScope } from '../types.ts';
import type { Cost } from './cost.ts';

/** A finished call with everything that is recorded of it. */
export interface Finished {
  readonly id: string;
  readonly scope: UsageScope;
  readonly service: string;
  readonly operation: string;
  readonly end: CallEnd;
  readonly quantity: string | undefined;
  readonly unit: string;
  readonly cost: Cost;
  /** What is wrong with the token counts, if anything is. */
  readonly problem: string | undefined;
}

const TOKEN_ATTRIBUTES: readonly [keyof TokenUsage, string][] = [
  ['input', 'gen_ai.usage.input_tokens'],
  ['output', 'gen_ai.usage.output_tokens'],
  ['cacheRead', 'gen_ai.usage.cache_read.input_tokens'],
  ['cacheWrite', 'gen_ai.usage.cache_creation.input_tokens'],
  ['reasoning', 'gen_ai.usage.reasoning.output_tokens'],
  ['inputAudio', 'gen_ai.usage.audio.input_tokens'],
  ['outputAudio', 'gen_ai.usage.audio.output_tokens'],
  ['cacheReadAudio', 'gen_ai.usage.cache_read.audio.input_tokens'],
];
const MAX_TEXT = 1024;
const MAX_RAW = 2048;
/** Longest `usage.metadata`, in UTF-16 units of JSON. */
const MAX_METADATA = 16_384;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The attributes of the usage event (docs/architecture.md): amounts and quantities as decimal strings. */
export function eventAttributes(call: Finished): Attributes {
  const { scope, end, cost } = call;
  const result: Attributes = {};
  if (end.attributes !== undefined) Object.assign(result, end.attributes);
  result['usage.id'] = call.id;
  result['usage.version'] = end.version ?? 1;
  if (end.update === true) result['usage.update'] = true;
  if (end.deleted === true) result['usage.deleted'] = true;
  result['client.id'] = scope.clientId ?? UNATTRIBUTED;
  result['usage.service'] = call.service;
  result['usage.operation'] = call.operation;
  put(result, 'gen_ai.provider.name', end.provider);
  put(result, 'gen_ai.request.model', end.requestModel);
  put(result, 'gen_ai.response.model', end.responseModel);
  if (end.tokens !== undefined) putTokens(result, end.tokens);
  put(result, 'openai.response.service_tier', end.serviceTier);
  if (call.quantity !== undefined) result['usage.quantity'] = call.quantity;
  result['usage.unit'] = call.unit;
  put(result, 'usage.sku', end.sku);
  if (cost.amount !== undefined) {
    result['cost.amount'] = cost.amount;
    result['cost.currency'] = 'USD';
  }
  if (cost.original !== undefined) {
    result['cost.original_amount'] = cost.original.amount;
    result['cost.original_currency'] = cost.original.currency;
  }
  result['cost.source'] = cost.source;
  put(result, 'cost.price_version', cost.version);
  put(result, 'cost.unpriced_reason', cost.reason);
  put(result, 'usage.external_id', end.externalId);
  result['usage.outcome'] = end.outcome;
  put(result, 'error.type', end.errorType);
  put(result, 'lead.id', scope.leadId);
  put(result, 'message.id', scope.messageId);
  put(result, 'flow.execution.id', scope.flowExecutionId);
  if (scope.metadata !== undefined) put(result, 'usage.metadata', metadataJson(scope.metadata), MAX_METADATA);
  const raw = end.raw ?? (call.problem === undefined ? undefined : rawUsage(end.tokens));
  if (raw !== undefined) put(result, 'usage.raw', raw, MAX_RAW);
  return result;
}

/** The attributes of the span: the event's, with amounts and quantities as numbers. */
export function spanAttributes(event: Attributes): Attributes {
  const result = { ...event };
  if (typeof result['cost.amount'] === 'string') result['cost.amount'] = Number(result['cost.amount']);
  if (typeof result['usage.quantity'] === 'string') result['usage.quantity'] = Number(result['usage.quantity']);
  return result;
}

function put(target: Attributes, key: string, value: unknown, limit = MAX_TEXT): void {
  if (value === undefined || value === null || value === '') return;
  const text = typeof value === 'string' ? value : String(value);
  target[key] = (text.length > limit ? text.slice(0, limit) : text).toWellFormed();
}

function putTokens(target: Attributes, tokens: TokenUsage): void {
  try {
    for (const [field, attribute] of TOKEN_ATTRIBUTES) {
      const count = tokens[field];
      if (isCount(count)) target[attribute] = count;
    }
  } catch {
    // Counts that cannot be read are the problem that `usage.raw` shows.
  }
}

/** What the provider said about tokens, as JSON, for counts that cannot be attributes. */
function rawUsage(tokens: unknown): string {
  try {
    // JSON has no NaN, no infinities and no BigInt: they are written as text.
    const replace = (_key: string, value: unknown) =>
      (typeof value === 'number' && !Number.isFinite(value)) || typeof value === 'bigint' ? String(value) : value;
    return JSON.stringify(tokens, replace) ?? String(tokens);
  } catch {
    return 'unreadable';
  }
}

/** Metadata as JSON of at most {@link MAX_METADATA} units: keys that do not fit or are no JSON are left out. */
function metadataJson(metadata: Readonly<Record<string, unknown>>): string | undefined {
  const parts: string[] = [];
  let length = 2;
  for (const key of Object.keys(metadata)) {
    const part = memberJson(key, metadata[key]);
    if (part === undefined || length + part.length + 1 > MAX_METADATA) continue;
    parts.push(part);
    length += part.length + 1;
  }
  return parts.length === 0 ? undefined : `{${parts.join(',')}}`;
}

function memberJson(key: string, value: unknown): string | undefined {
  try {
    const json = JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? inner.toString() : inner));
    return json === undefined ? undefined : `${JSON.stringify(key)}:${json}`;
  } catch {
    return undefined;
  }
}
