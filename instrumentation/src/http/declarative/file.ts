import { readFileSync } from 'node:fs';
import { type Problem, parsePrices } from '../../prices/entry.ts';
import { parseHostPattern } from '../hosts.ts';
import { type JsonPath, type PathPattern, parseJsonPath, parsePathPattern } from './paths.ts';
import { describe, FieldReader, isObject, type Json } from './reader.ts';
import type { HttpProvider, Operation, StatusTest } from './types.ts';

/** A providers file as read: what of it can be used, and what is wrong with the rest. */
export interface ProvidersFile {
  readonly providers: readonly HttpProvider[];
  readonly problems: readonly Problem[];
}

const FILE_KEYS = ['providers', 'prices', 'exchange_rates', 'defaults', 'note'];
const PROVIDER_KEYS = ['service', 'hosts', 'unknown', 'billed_statuses', 'operations', 'note'];
const OPERATION_KEYS = [
  'operation',
  'method',
  'path',
  'query',
  'body',
  'unit',
  'quantity',
  'sku',
  'external_id',
  'cost',
  'failed',
  'billed_statuses',
  'note',
];

/** Reads a providers file. Never throws: a file that cannot be read or parsed has no providers and one problem. */
export function readProvidersFile(path: string): ProvidersFile {
  try {
    return parseProvidersText(readFileSync(path, 'utf8'));
  } catch (error) {
    return broken(`cannot be read: ${(error as Error).message}`);
  }
}

/** As {@link readProvidersFile}, for the file's content. */
export function parseProvidersText(text: string): ProvidersFile {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    return broken(`is not JSON: ${(error as Error).message}`);
  }
  return parseProviders(content);
}

/**
 * What is wrong with a providers file (docs/providers/http.md): an empty list when every entry of it is usable.
 * @param file a path, or the content itself (recognized by its first character, `{`)
 */
export function validateHttpProviders(file: string): Problem[] {
  const isContent = /^\uFEFF?\s*[{[]/.test(file);
  return [...(isContent ? parseProvidersText(file) : readProvidersFile(file)).problems];
}

/** Validates the content. A bad operation is left out, and so is a bad provider; the others are used. */
export function parseProviders(content: unknown): ProvidersFile {
  if (!isObject(content) || !Array.isArray(content.providers)) {
    return broken(`expected {"providers": [...]}, got ${describe(content)}`);
  }
  const providers: HttpProvider[] = [];
  const problems: Problem[] = [];
  for (const key of Object.keys(content)) {
    if (!FILE_KEYS.includes(key))
      problems.push({ path: key, message: `is not known; known are ${FILE_KEYS.join(', ')}` });
  }
  content.providers.forEach((raw: unknown, index) => {
    const path = `providers[${index}]`;
    const reader = new FieldReader(path);
    if (!isObject(raw)) {
      reader.bad('', `expected an object, got ${describe(raw)}`);
    } else {
      const operations = operationsOf(raw, path, reader, problems);
      const provider = readProvider(raw, reader, operations);
      if (reader.problems.length === 0) providers.push(provider);
    }
    problems.push(...reader.problems);
  });
  if (content.prices !== undefined || content.exchange_rates !== undefined) {
    problems.push(...parsePrices({ prices: [], ...content }).problems);
  }
  return { providers, problems };
}

const is2xx: StatusTest = (status) => status >= 200 && status < 300;

function readProvider(raw: Json, reader: FieldReader, operations: readonly Operation[]): HttpProvider {
  reader.known(raw, PROVIDER_KEYS);
  const hosts: unknown[] = Array.isArray(raw.hosts) ? raw.hosts : [];
  if (hosts.length === 0)
    reader.bad('hosts', `expected a list such as ["api.example.com"], got ${describe(raw.hosts)}`);
  const patterns = hosts.flatMap((host, index) => {
    const pattern = typeof host === 'string' ? parseHostPattern(host) : undefined;
    if (pattern !== undefined) return [pattern];
    const wanted = '"api.example.com", "*.example.com" or "api.example.com:8443" (no scheme, no path)';
    reader.bad(`hosts[${index}]`, `expected ${wanted}, got ${describe(host)}`);
    return [];
  });
  const { unknown = 'record' } = raw;
  if (unknown !== 'record' && unknown !== 'ignore') {
    reader.bad('unknown', `expected "record" or "ignore", got ${describe(unknown)}`);
  }
  return {
    service: reader.name(raw, 'service'),
    hosts: hosts.filter((host) => typeof host === 'string'),
    patterns,
    recordUnknown: unknown === 'record',
    billed: reader.statuses(raw, is2xx),
    operations,
  };
}

/** The usable operations; what is wrong with the others goes to `problems` and costs the provider nothing else. */
function operationsOf(raw: Json, path: string, reader: FieldReader, problems: Problem[]): Operation[] {
  if (!Array.isArray(raw.operations) || raw.operations.length === 0) {
    reader.bad('operations', `expected a list of at least one operation, got ${describe(raw.operations)}`);
    return [];
  }
  const billed = new FieldReader(path).statuses(raw, is2xx);
  return raw.operations.flatMap((one: unknown, index) => {
    const own = new FieldReader(`${path}.operations[${index}]`);
    const operation = isObject(one)
      ? readOperation(one, own, billed)
      : own.bad('', `expected an object, got ${describe(one)}`);
    problems.push(...own.problems);
    return operation !== undefined && own.problems.length === 0 ? [operation] : [];
  });
}

function readOperation(raw: Json, reader: FieldReader, billed: StatusTest): Operation | undefined {
  reader.known(raw, OPERATION_KEYS);
  const parsed =
    typeof raw.path === 'string' ? parsePathPattern(raw.path) : 'expected a path such as "/v1/documents/:id"';
  if (typeof parsed === 'string') reader.bad('path', `${parsed}, got ${describe(raw.path)}`);
  const path: PathPattern | undefined = typeof parsed === 'string' ? undefined : parsed;
  const parameters = path?.text.match(/(?<=\/:)\w+/g) ?? [];
  const quantity = reader.number(raw.quantity === undefined ? 1 : raw.quantity, 'quantity', parameters);
  const read = (key: string) => (raw[key] === undefined ? undefined : reader.source(raw[key], key, parameters));
  const operation = {
    operation: reader.name(raw, 'operation'),
    methods: methodsOf(raw, reader),
    query: conditions(raw, 'query', reader).map(
      ([name, value]) => [name, reader.wanted(value, `query.${name}`)] as const,
    ),
    body: bodyConditions(raw, reader),
    unit: reader.name(raw, 'unit', 'request'),
    sku: read('sku'),
    externalId: read('external_id'),
    cost: costOf(raw, reader, parameters),
    failed: failedOf(raw, reader, parameters),
    billed: reader.statuses(raw, billed),
  };
  return path === undefined || quantity === undefined ? undefined : { ...operation, path, quantity };
}

function methodsOf(raw: Json, reader: FieldReader): string[] {
  if (raw.method === undefined) return [];
  const list: unknown[] = Array.isArray(raw.method) ? raw.method : [raw.method];
  const fits = list.length > 0 && list.every((one) => typeof one === 'string' && /^[A-Za-z]+$/.test(one));
  if (!fits) reader.bad('method', `expected a method such as "POST", or a list of them, got ${describe(raw.method)}`);
  return list.map((one) => String(one).toUpperCase());
}

function conditions(raw: Json, key: string, reader: FieldReader): [string, unknown][] {
  const value = raw[key];
  if (value === undefined) return [];
  if (isObject(value)) return Object.entries(value);
  reader.bad(key, `expected an object of names and values, got ${describe(value)}`);
  return [];
}

function bodyConditions(raw: Json, reader: FieldReader): (readonly [JsonPath, readonly string[]])[] {
  return conditions(raw, 'body', reader).flatMap(([text, value]) => {
    const path = parseJsonPath(text);
    if (typeof path !== 'string') return [[path, reader.wanted(value, `body.${text}`)] as const];
    reader.bad(`body.${text}`, path);
    return [];
  });
}

function costOf(raw: Json, reader: FieldReader, parameters: readonly string[]): Operation['cost'] {
  if (raw.cost === undefined) return undefined;
  if (!isObject(raw.cost)) {
    const example = '{"amount": {"from": "response.json", "path": "$.price"}, "currency": "USD"}';
    return reader.bad('cost', `expected an object such as ${example}, got ${describe(raw.cost)}`);
  }
  reader.known(raw.cost, ['amount', 'currency'], 'cost');
  const amount = reader.number(raw.cost.amount, 'cost.amount', parameters);
  const currency = reader.source(raw.cost.currency ?? 'USD', 'cost.currency', parameters);
  if (currency?.from === 'constant' && !/^[A-Za-z]{3}$/.test(currency.value)) {
    reader.bad('cost.currency', `expected a currency of ISO 4217 such as "EUR", got ${describe(currency.value)}`);
  }
  return amount === undefined || currency === undefined ? undefined : { amount, currency };
}

function failedOf(raw: Json, reader: FieldReader, parameters: readonly string[]): Operation['failed'] {
  if (raw.failed === undefined) return undefined;
  if (!isObject(raw.failed)) return reader.bad('failed', `expected an object, got ${describe(raw.failed)}`);
  const source = reader.source(raw.failed, 'failed', parameters, ['unless']);
  const { unless } = raw.failed;
  const wanted = unless === undefined ? [] : reader.wanted(unless, 'failed.unless');
  return source && { source, unless: wanted };
}

function broken(message: string): ProvidersFile {
  return { providers: [], problems: [{ path: '(file)', message }] };
}
