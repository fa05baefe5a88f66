import {
  type Attributes,
  type BatchObservableResult,
  createNoopMeter,
  type Meter,
  type MeterProvider,
  metrics,
  type ObservableCounter,
} from '@opentelemetry/api';
import { UNATTRIBUTED } from '../attribution/client-id.ts';
import { formatAmount, parseAmount } from '../money.ts';
import type { Finished } from './attributes.ts';

/** All counters are named so; the view that raises their cardinality limit selects them by it. */
export const COUNTER_PREFIX = 'client_cost.';

interface Instruments {
  readonly cost: ObservableCounter;
  readonly tokens: ObservableCounter;
  readonly requests: ObservableCounter;
  readonly units: ObservableCounter;
}

/** The sums of one client, service, operation and model since the process began. */
interface Series {
  readonly base: Attributes;
  readonly input: Attributes;
  readonly output: Attributes;
  requests: number;
  /** In pico-USD: exact, unlike the float that the metric is. */
  cost: bigint;
  inputTokens: number;
  outputTokens: number;
}

/**
 * What was counted in one unit. Apart from its series: one operation has several units (a text's segments, a failed one's message), and
 * of two sums observed for the same attributes the SDK keeps the last.
 */
interface UnitSeries {
  readonly attributes: Attributes;
  quantity: number;
}

/** More series than this are folded into one, as the SDK folds what exceeds its own limit. */
const MAX_SERIES = 50_000;
const OVERFLOW: Attributes = { 'otel.metric.overflow': true };
const MAX_MODEL_NAME = 256;

/**
 * The four counters, summed here and observed when a reader collects: a call costs two look-ups and four additions
 * (a synchronous counter hashes all attributes at every addition, about 4 µs each). The metrics API has no proxy: a meter
 * asked for before a provider is registered stays without effect for ever, so it is looked up until there is a real one.
 * What was counted before counts then.
 */
export class UsageCounters {
  readonly #name: string;
  readonly #version: string;
  readonly #onProvider: () => void;
  readonly #series = new Map<string, Series>();
  readonly #units = new Map<string, UnitSeries>();
  #provider: MeterProvider | undefined;

  /** @param onProvider called when the meter provider in use is found to be another */
  constructor(name: string, version: string, onProvider: () => void = () => {}) {
    this.#name = name;
    this.#version = version;
    this.#onProvider = onProvider;
  }

  /** Counts a finished call. */
  add(call: Finished): void {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider) this.#observe(provider);
    const requestModel = clip(call.end.requestModel);
    const responseModel = clip(call.end.responseModel);
    const client = call.scope.clientId ?? UNATTRIBUTED;
    const key = `${client}\n${call.service}\n${call.operation}\n${requestModel}\n${responseModel}`;
    const series = find(this.#series, key, (full) =>
      newSeries(full ? OVERFLOW : attributesOf(call, client, requestModel, responseModel)),
    );
    series.requests++;
    if (call.cost.amount !== undefined && call.cost.amount !== '0') series.cost += parseAmount(call.cost.amount);
    const { tokens } = call.end;
    if (tokens !== undefined && call.problem === undefined) {
      series.inputTokens += tokens.input;
      series.outputTokens += tokens.output;
    }
    if (call.quantity === undefined) return;
    const folded = series.base === OVERFLOW;
    const units = find(this.#units, folded ? '' : `${key}\n${call.unit}`, (full) => ({
      attributes: full || folded ? OVERFLOW : { ...series.base, 'usage.unit': call.unit },
      quantity: 0,
    }));
    units.quantity += Number(call.quantity);
  }

  #observe(provider: MeterProvider): void {
    this.#provider = provider;
    this.#onProvider();
    const meter = provider.getMeter(this.#name, this.#version);
    if (meter === createNoopMeter()) return;
    const instruments = createInstruments(meter);
    const observables = [instruments.cost, instruments.tokens, instruments.requests, instruments.units];
    meter.addBatchObservableCallback((result) => {
      for (const series of this.#series.values()) report(result, instruments, series);
      for (const { attributes, quantity } of this.#units.values()) {
        if (quantity > 0) result.observe(instruments.units, quantity, attributes);
      }
    }, observables);
  }
}

/** The sums under a key, made where there are none; those of the overflow, which has no key, once there are too many. */
function find<T>(sums: Map<string, T>, key: string, make: (full: boolean) => T): T {
  let found = sums.get(key);
  if (found !== undefined) return found;
  const full = sums.size >= MAX_SERIES;
  if (full) found = sums.get('');
  found ??= make(full);
  sums.set(full ? '' : key, found);
  return found;
}

const clip = (name: string | undefined): string => name?.slice(0, MAX_MODEL_NAME) ?? '';

function report(result: BatchObservableResult, instruments: Instruments, series: Series): void {
  result.observe(instruments.requests, series.requests, series.base);
  if (series.cost > 0n) result.observe(instruments.cost, Number(formatAmount(series.cost)), series.base);
  if (series.inputTokens > 0) result.observe(instruments.tokens, series.inputTokens, series.input);
  if (series.outputTokens > 0) result.observe(instruments.tokens, series.outputTokens, series.output);
}

function createInstruments(meter: Meter): Instruments {
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(COUNTER_PREFIX + name, { unit, description });
  return {
    cost: counter('cost', 'USD', 'List-price cost of billable calls; unpriced calls are not in it'),
    tokens: counter('tokens', '{token}', 'Tokens of model calls; input includes cached ones, output reasoning'),
    requests: counter('requests', '{request}', 'Billable calls, whatever their outcome'),
    units: counter('units', '{unit}', 'Quantity of what the provider bills, by usage.unit'),
  };
}

function attributesOf(call: Finished, client: string, requestModel: string, responseModel: string): Attributes {
  const base: Attributes = {
    'client.id': client,
    'usage.service': call.service,
    'usage.operation': call.operation,
  };
  if (requestModel !== '') base['gen_ai.request.model'] = requestModel;
  if (responseModel !== '') base['gen_ai.response.model'] = responseModel;
  return base;
}

function newSeries(base: Attributes): Series {
  return {
    base,
    input: { ...base, 'gen_ai.token.type': 'input' },
    output: { ...base, 'gen_ai.token.type': 'output' },
    requests: 0,
    cost: 0n,
    inputTokens: 0,
    outputTokens: 0,
  };
}
