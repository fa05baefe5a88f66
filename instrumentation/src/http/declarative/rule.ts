import type { CallEnd, CallStart } from '../../types.ts';
import { isRedirect } from '../redirect.ts';
import type { HttpAnswer, HttpCallEnd, HttpCallStart, HttpRequest, HttpRule } from '../types.ts';
import type { HttpProvider, Operation, Wanted } from './types.ts';
import { type Exchange, type NumberResult, numberOf, textOf } from './values.ts';

/** A request to one of a provider's hosts: the operations that it may be, in the order of the file. */
interface Match {
  readonly request: HttpRequest;
  readonly candidates: readonly Candidate[];
}

interface Candidate {
  readonly operation: Operation;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What one provider of the file bills. */
export class ProviderRule implements HttpRule<Match> {
  readonly #provider: HttpProvider;
  readonly #needs: ReadonlyMap<Operation, Needs>;

  constructor(provider: HttpProvider) {
    this.#provider = provider;
    this.#needs = new Map(provider.operations.map((operation) => [operation, needsOf(operation)]));
  }

  matches(request: HttpRequest): Match | undefined {
    const candidates: Candidate[] = [];
    for (const operation of this.#provider.operations) {
      if (operation.methods.length > 0 && !operation.methods.includes(request.method.toUpperCase())) continue;
      const parameters = operation.path.match(request.path);
      if (parameters === undefined) continue;
      if (!operation.query.every(([name, wanted]) => fits(request.query(name), wanted))) continue;
      candidates.push({ operation, parameters });
      // What follows can be meant only where this one depends on what is sent.
      if (operation.body.length === 0) break;
    }
    return candidates.length > 0 || this.#provider.recordUnknown ? { request, candidates } : undefined;
  }

  begin({ request, candidates }: Match): HttpCallStart {
    const needs = candidates.map(({ operation }) => this.#needs.get(operation));
    return {
      start: this.#start(request, candidates[0]?.operation),
      wantsBody: needs.some((one) => one?.body),
      wantsRequestBody: needs.some((one) => one?.requestBody),
    };
  }

  end({ request, candidates }: Match, answer: HttpAnswer): HttpCallEnd | undefined {
    const chosen = choose(candidates, answer);
    if (chosen === undefined && !this.#provider.recordUnknown) return undefined;
    const billed = chosen?.operation.billed ?? this.#provider.billed;
    const { status } = answer;
    // One hop of a redirect is no call of its own: where it leads is.
    if (status !== undefined && isRedirect(status) && !billed(status)) return undefined;
    const base = {
      // What the request's body says decided otherwise than it was begun.
      ...(chosen === candidates[0] ? undefined : { start: this.#start(request, chosen?.operation) }),
      outcome: answer.outcome,
      errorType: answer.errorType,
      unit: chosen?.operation.unit ?? 'request',
      ...(status === undefined ? undefined : { attributes: { 'http.response.status_code': status } }),
    };
    if (status === undefined ? answer.unsent : !billed(status)) return { ...base, ...unbilled(base.unit) };
    if (status === undefined) {
      const unpricedReason = 'no answer came: whether the provider bills it is not known';
      return { ...base, quantity: 'unknown', unpricedReason };
    }
    if (chosen === undefined) {
      return { ...base, unpricedReason: 'the providers file names no operation for this method and path' };
    }
    const exchange = { request, parameters: chosen.parameters, answer };
    return { ...base, ...billedEnd(chosen.operation, exchange, answer.outcome === 'ok') };
  }

  #start(request: HttpRequest, operation: Operation | undefined): CallStart {
    const { service } = this.#provider;
    const name = operation?.operation ?? 'unknown';
    return {
      service,
      operation: name,
      spanName: `${service} ${name}`,
      attributes: {
        'http.request.method': request.method,
        'server.address': request.host,
        'server.port': request.port,
        ...(operation === undefined ? undefined : { 'url.template': operation.path.text }),
      },
    };
  }
}

/** What a call costs nothing for is no unit of anything but a request. */
function unbilled(unit: string): Pick<CallEnd, 'billed' | 'quantity'> {
  return { billed: false, ...(unit === 'request' ? undefined : { quantity: 0 }) };
}

function billedEnd(operation: Operation, exchange: Exchange, ok: boolean): Partial<CallEnd> {
  const externalId = operation.externalId && textOf(operation.externalId, exchange);
  const failure = ok && operation.failed ? textOf(operation.failed.source, exchange) : undefined;
  if (failure !== undefined && !operation.failed?.unless.includes(failure)) {
    // The provider's own code of it, where that is a code.
    const errorType = /^[\w.:-]{1,64}$/.test(failure) ? failure : '_OTHER';
    return { outcome: 'error', errorType, externalId, ...unbilled(operation.unit) };
  }
  const quantity = numberOf(operation.quantity, exchange);
  const cost = operation.cost && numberOf(operation.cost.amount, exchange);
  const sku = operation.sku && textOf(operation.sku, exchange);
  return {
    externalId,
    ...(sku === undefined ? undefined : { sku }),
    ...quantityEnd(quantity),
    ...costEnd(operation, exchange, cost),
  };
}

function quantityEnd(quantity: NumberResult): Partial<CallEnd> {
  if ('value' in quantity) return { quantity: quantity.value };
  return {
    quantity: 'unknown',
    unpricedReason: `quantity: ${quantity.problem}`,
    ...(quantity.said === undefined ? undefined : { raw: quantity.said }),
  };
}

/** The provider's own price, where it says one; else the price book's. */
function costEnd(operation: Operation, exchange: Exchange, cost: NumberResult | undefined): Partial<CallEnd> {
  if (cost === undefined || operation.cost === undefined) return {};
  if ('value' in cost) return { cost: cost.value, costCurrency: textOf(operation.cost.currency, exchange) ?? '?' };
  return cost.said === undefined ? {} : { unpricedReason: `cost: ${cost.problem}`, raw: cost.said };
}

function choose(candidates: readonly Candidate[], answer: HttpAnswer): Candidate | undefined {
  return candidates.find(({ operation }) => {
    if (operation.body.length === 0) return true;
    const sent = answer.requestJson();
    return operation.body.every(([path, wanted]) => path.find(sent).some((value) => fits(value, wanted)));
  });
}

function fits(value: unknown, wanted: Wanted): boolean {
  if (value === undefined) return false;
  // An object may have a `toString` of its own that is none.
  return wanted.length === 0 || (typeof value !== 'object' && wanted.includes(String(value)));
}

/** Which bodies an operation cannot do without. */
interface Needs {
  readonly body: boolean;
  readonly requestBody: boolean;
}

function needsOf({ quantity, sku, externalId, cost, failed, body }: Operation): Needs {
  const sources = [quantity.source, cost?.amount.source, sku, externalId, cost?.currency, failed?.source];
  return {
    body: sources.some((source) => source?.from === 'response.json'),
    requestBody: body.length > 0 || sources.some((source) => source?.from === 'request.json'),
  };
}
