import type { ResourceLike, UsageEvent } from './types.ts';

export const EVENT_NAME = 'client_cost.usage';
export const SCOPE_NAME = '@client-cost/instrumentation';

/** Longest string value sent, in UTF-16 units: a Collector refuses bodies over 20 MiB, and one event must not be one. */
const MAX_STRING = 256 * 1024;
const MAX_DEPTH = 8;
/** 2100-01-01: beyond 2262 a DateTime64(9) overflows, and one such row would fail its whole batch for ever. */
const LATEST = 4_102_444_800_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const HEX_32 = /^[0-9a-f]{32}$/;
const HEX_16 = /^[0-9a-f]{16}$/;

/** Printable ASCII without quote and backslash: its own JSON. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** JSON string literal that any UTF-8 reader takes: a lone surrogate becomes U+FFFD. */
function text(value: string): string {
  if (value.length < 256 && PLAIN.test(value)) return `"${value}"`;
  const bounded = value.length > MAX_STRING ? value.slice(0, MAX_STRING) : value;
  return JSON.stringify(bounded.toWellFormed());
}

/** `{"key":"…","value":` of names seen before: they are few and come with every event. */
const keyStarts = new Map<string, string>();

function keyStart(key: string): string {
  let start = keyStarts.get(key);
  if (start === undefined) {
    start = `{"key":${text(key)},"value":`;
    if (keyStarts.size < 256) keyStarts.set(key, start);
  }
  return start;
}

/** OTLP/JSON AnyValue, or undefined for a value that carries nothing (null, undefined, function, symbol). */
function anyValue(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case 'string':
      return `{"stringValue":${text(value)}}`;
    case 'boolean':
      return `{"boolValue":${value}}`;
    case 'number':
      if (Number.isSafeInteger(value)) return `{"intValue":"${value === 0 ? 0 : value}"}`;
      // JSON has no NaN; as text it is visible in the ledger's rejected rows instead of failing a batch.
      if (!Number.isFinite(value)) return `{"stringValue":"${value}"}`;
      if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return `{"intValue":"${BigInt(value)}"}`;
      return `{"doubleValue":${value}}`;
    case 'bigint':
      return value <= INT64_MAX && value >= -INT64_MAX ? `{"intValue":"${value}"}` : `{"stringValue":"${value}"}`;
    case 'object':
      if (value === null) return undefined;
      if (depth >= MAX_DEPTH) return '{"stringValue":"[too deep]"}';
      if (Array.isArray(value)) {
        const items = value.map((item) => anyValue(item, depth + 1) ?? '{}');
        return `{"arrayValue":{"values":[${items.join(',')}]}}`;
      }
      return `{"kvlistValue":{"values":[${keyValues(value as Record<string, unknown>, depth + 1)}]}}`;
    default:
      return undefined;
  }
}

function keyValues(attributes: Record<string, unknown>, depth = 0): string {
  let out = '';
  for (const key of Object.keys(attributes)) {
    const value = anyValue(attributes[key], depth);
    if (value === undefined) continue;
    out += out === '' ? `${keyStart(key)}${value}}` : `,${keyStart(key)}${value}}`;
  }
  return out;
}

function nanos(value: unknown, fallback: bigint): bigint {
  if (typeof value === 'bigint' && value > 0n && value < LATEST) return value;
  return fallback;
}

/**
 * One usage event as an OTLP/JSON LogRecord: a single line of well-formed UTF-8 whatever the attributes hold.
 * @param nowUnixNano observed time, also the time of an event whose own is not between 1970 and 2100
 */
export function serializeEvent(event: UsageEvent, nowUnixNano: bigint): string {
  const attributes = event.attributes ?? {};
  const listed = keyValues(attributes);
  const id = typeof attributes['usage.id'] === 'string' ? '' : `{"key":"usage.id","value":${anyValue(`${event.id}`)}}`;
  const all = id === '' || listed === '' ? listed + id : `${id},${listed}`;
  let out = `{"timeUnixNano":"${nanos(event.timeUnixNano, nowUnixNano)}","observedTimeUnixNano":"${nowUnixNano}"`;
  out += `,"severityNumber":9,"severityText":"INFO","eventName":"${EVENT_NAME}","attributes":[${all}]`;
  // A malformed id would make the Collector refuse the whole request.
  if (event.traceId !== undefined && HEX_32.test(event.traceId)) {
    out += `,"traceId":"${event.traceId}"`;
    if (event.spanId !== undefined && HEX_16.test(event.spanId)) out += `,"spanId":"${event.spanId}"`;
    const flags = event.traceFlags;
    if (flags !== undefined && Number.isInteger(flags) && flags >= 0 && flags <= 255) out += `,"flags":${flags}`;
  }
  return `${out}}`;
}

/** When an event was emitted, epoch milliseconds; its place in the record is ours. */
export function recordedAt(record: Uint8Array): number | undefined {
  const start = Buffer.from(record.buffer, record.byteOffset, Math.min(record.byteLength, 128)).toString('latin1');
  const nanos = /"observedTimeUnixNano":"(\d{1,20})"/.exec(start)?.[1];
  return nanos === undefined ? undefined : Number(BigInt(nanos) / 1_000_000n);
}

/** A process's arguments may have a password among them, and no bill needs them. */
const ARGUMENTS = ['process.command_args', 'process.command_line'];

/** What all records of a batch share: JSON of `{ resource, scope, schemaUrl? }`, one line. */
export function serializeHeader(resource: ResourceLike | undefined, scopeVersion = ''): string {
  const attributes: Record<string, unknown> = {};
  if (resource?.asyncAttributesPending && resource.getRawAttributes) {
    // Reading `.attributes` before they settled makes the SDK complain.
    for (const [key, value] of resource.getRawAttributes()) {
      if (typeof (value as PromiseLike<unknown> | undefined)?.then === 'function') continue;
      if (!Object.hasOwn(attributes, key)) attributes[key] = value;
    }
  } else {
    Object.assign(attributes, resource?.attributes);
  }
  for (const name of ARGUMENTS) delete attributes[name];
  const schemaUrl = resource?.schemaUrl ? `,"schemaUrl":${text(resource.schemaUrl)}` : '';
  const scope = `{"name":"${SCOPE_NAME}","version":${text(scopeVersion)}}`;
  return `{"resource":{"attributes":[${keyValues(attributes)}]},"scope":${scope}${schemaUrl}}`;
}

/** The header of records whose own was damaged: the money is in the records themselves. */
export const UNKNOWN_HEADER = serializeHeader(undefined);

/** Whether a text is a header as {@link serializeHeader} writes it: another one would make a receiver refuse every record beside it. */
export function isHeader(text: string): boolean {
  try {
    const { resource = {}, scope = {}, schemaUrl = '' } = JSON.parse(text) as Record<string, unknown>;
    const { attributes = [] } = resource as { attributes?: unknown };
    const { name = '', version = '' } = scope as Record<string, unknown>;
    const listed = Array.isArray(attributes) && attributes.every((one) => typeof one === 'object' && one !== null);
    return listed && [schemaUrl, name, version].every((part) => typeof part === 'string');
  } catch {
    return false;
  }
}

const COMMA = Buffer.from(',');

/** Body of `POST /v1/logs`: the records' lines joined, nothing serialised again. */
export function otlpBody(header: string, records: readonly Uint8Array[]): Buffer {
  const { resource = {}, scope = {}, schemaUrl } = JSON.parse(header) as Record<string, unknown>;
  const url = schemaUrl === undefined ? '' : `,"schemaUrl":${JSON.stringify(schemaUrl)}`;
  const parts: Uint8Array[] = [
    Buffer.from(
      `{"resourceLogs":[{"resource":${JSON.stringify(resource)}${url},"scopeLogs":[{"scope":${JSON.stringify(scope)},"logRecords":[`,
    ),
  ];
  for (let i = 0; i < records.length; i++) {
    if (i > 0) parts.push(COMMA);
    parts.push(records[i]!);
  }
  parts.push(Buffer.from(']}]}]}'));
  return Buffer.concat(parts);
}
