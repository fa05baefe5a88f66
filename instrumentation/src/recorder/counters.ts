import { type Attributes, type Counter, createNoopMeter, type Meter, metrics } from '@opentelemetry/api';
import { UNATTRIBUTED } from '../attribution/client-id.ts';
import type { Finished } from './attributes.ts';

/** All counters are named so; the view that raises their cardinality limit selects them by it. */
export const COUNTER_PREFIX = 'client_cost.';

interface Instruments {
  readonly cost: Counter;
  readonly tokens: Counter;
  readonly requests: Counter;
  readonly units: Counter;
}

interface AttributeSet {
  readonly base: Attributes;
  readonly input: Attributes;
  readonly output: Attributes;
  readonly units: Attributes;
}

const MAX_CACHED = 5_000;
const MAX_MODEL_NAME = 256;

/**
 * The four counters. The metrics API has no proxy: a meter asked for before a provider is registered stays without
 * effect for ever, so the meter is looked up until it is a real one, and again when the provider changes.
 */
export class UsageCounters {
  readonly #name: string;
  readonly #version: string;
  readonly #sets = new Map<string, AttributeSet>();
  #provider: unknown;
  #instruments: Instruments | undefined;

  constructor(name: string, version: string) {
    this.#name = name;
    this.#version = version;
  }

  /** Counts a finished call. */
  add(call: Finished): void {
    const instruments = this.#resolve();
    if (instruments === undefined) return;
    const attributes = this.#attributes(call);
    instruments.requests.add(1, attributes.base);
    if (call.cost.amount !== undefined && call.cost.amount !== '0') {
      instruments.cost.add(Number(call.cost.amount), attributes.base);
    }
    const { tokens } = call.end;
    if (tokens !== undefined && call.problem === undefined) {
      if (tokens.input > 0) instruments.tokens.add(tokens.input, attributes.input);
      if (tokens.output > 0) instruments.tokens.add(tokens.output, attributes.output);
    }
    if (call.quantity !== undefined) instruments.units.add(Number(call.quantity), attributes.units);
  }

  #resolve(): Instruments | undefined {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider) {
      this.#provider = provider;
      const meter = provider.getMeter(this.#name, this.#version);
      this.#instruments = meter === createNoopMeter() ? undefined : createInstruments(meter);
    }
    return this.#instruments;
  }

  #attributes(call: Finished): AttributeSet {
    const client = call.scope.clientId ?? UNATTRIBUTED;
    const requestModel = clip(call.end.requestModel);
    const responseModel = clip(call.end.responseModel);
    const key = `${client}\n${call.service}\n${call.operation}\n${requestModel}\n${responseModel}\n${call.unit}`;
    let set = this.#sets.get(key);
    if (set === undefined) {
      if (this.#sets.size >= MAX_CACHED) this.#sets.clear();
      set = attributeSet(call, client, requestModel, responseModel);
      this.#sets.set(key, set);
    }
    return set;
  }
}

function createInstruments(meter: Meter): Instruments {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(COUNTER_PREFIX + name, { unit, description });
  return {
    cost: counter('cost', 'USD', 'List-price cost of billable calls; unpriced calls are not in it'),
    tokens: counter('tokens', '{token}', 'Tokens of model calls; input includes cached ones, output reasoning'),
    requests: counter('requests', '{request}', 'Billable calls, whatever their outcome'),
    units: counter('units', '{unit}', 'Quantity of what the provider bills, by usage.unit'),
  };
}

const clip = (name: string | undefined): string => name?.slice(0, MAX_MODEL_NAME) ?? '';

function attributeSet(call: Finished, client: string, requestModel: string, responseModel: string): AttributeSet {
  const base: Attributes = {
    'client.id': client,
    'usage.service': call.service,
    'usage.operation': call.operation,
  };
  if (requestModel !== '') base['gen_ai.request.model'] = requestModel;
  if (responseModel !== '') base['gen_ai.response.model'] = responseModel;
  return {
    base,
    input: { ...base, 'gen_ai.token.type': 'input' },
    output: { ...base, 'gen_ai.token.type': 'output' },
    units: { ...base, 'usage.unit': call.unit },
  };
}
