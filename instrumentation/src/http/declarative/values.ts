import { quote } from '../../log.ts';
import { add, type Decimal, formatAmount, parseDecimal, toAmount } from '../../money.ts';
import type { HttpAnswer, HttpRequest } from '../types.ts';
import type { NumberSource, Source } from './types.ts';

/** A request and what came of it: where sources look. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly parameters: Readonly<Record<string, string>>;
  readonly answer: HttpAnswer;
}

export type NumberResult = { readonly value: string } | { readonly problem: string; readonly said?: string };

/** The first text (or number, or boolean) that a source finds; undefined where there is none. */
export function textOf(source: Source, exchange: Exchange): string | undefined {
  const value = valuesOf(source, exchange).find((one) => one !== null && one !== '' && typeof one !== 'object');
  return value === undefined ? fallbackOf(source) : String(value);
}

const ONE: NumberResult = { value: '1' };

/** The number that a source finds, as a decimal string of at most 12 decimals; or why there is none. */
export function numberOf(wanted: NumberSource, exchange: Exchange): NumberResult {
  const { source } = wanted;
  if (source.from === 'constant' && source.value === '1') return ONE;
  const found = valuesOf(source, exchange).filter((value) => wanted.count || value !== null);
  const [only] = found;
  if (found.length === 1 && wanted.plain && Number.isSafeInteger(only) && (only as number) >= 0)
    return { value: String(only) };
  let sum: Decimal;
  if (wanted.count && (found.length > 0 || bodyOf(source, exchange) !== undefined)) {
    sum = { coefficient: BigInt(found.length), scale: 0 };
  } else {
    const values = found.length > 0 ? found : [fallbackOf(source)];
    sum = { coefficient: 0n, scale: 0 };
    for (const value of values) {
      if (value === undefined) return { problem: missing(source, exchange) };
      const read = parseDecimal(value);
      if (!read.ok) return { problem: `${where(source)}: ${read.problem}`, said: said(value) };
      if (read.value.coefficient < 0n)
        return { problem: `${where(source)}: ${said(value)} is negative`, said: said(value) };
      sum = add(sum, read.value);
    }
  }
  return { value: finished(sum, wanted) };
}

/** Divided, rounded up to a whole number where that is asked for, and at least the minimum: exactly, with fractions. */
function finished(sum: Decimal, { divideBy, roundUp, minimum }: NumberSource): string {
  let numerator = sum.coefficient;
  let denominator = 10n ** BigInt(sum.scale);
  if (divideBy !== undefined) {
    numerator *= 10n ** BigInt(divideBy.scale);
    denominator *= divideBy.coefficient;
  }
  if (roundUp) {
    numerator = (numerator + denominator - 1n) / denominator;
    denominator = 1n;
  }
  if (minimum !== undefined && numerator * 10n ** BigInt(minimum.scale) < minimum.coefficient * denominator) {
    return formatAmount(toAmount(minimum));
  }
  // Half-even would need more digits than a quantity has: half up at the twelfth decimal.
  return formatAmount((numerator * 10n ** 12n * 2n + denominator) / (denominator * 2n));
}

function valuesOf(source: Source, exchange: Exchange): unknown[] {
  const { request, parameters, answer } = exchange;
  switch (source.from) {
    case 'constant':
      return [source.value];
    case 'response.json':
    case 'request.json':
      return source.path.find(bodyOf(source, exchange));
    case 'response.header':
      return one(answer.header(source.name));
    case 'request.header':
      return one(request.header(source.name));
    case 'request.query':
      return one(request.query(source.name));
    case 'request.path':
      return one(parameters[source.name]);
  }
}

function bodyOf(source: Source, { answer }: Exchange): unknown {
  if (source.from === 'response.json') return answer.json();
  return source.from === 'request.json' ? answer.requestJson() : undefined;
}

function one(value: string | undefined): unknown[] {
  return value === undefined || value === '' ? [] : [value];
}

function fallbackOf(source: Source): string | undefined {
  return source.from === 'constant' ? source.value : source.fallback;
}

function missing(source: Source, exchange: Exchange): string {
  if (source.from === 'response.json' && exchange.answer.bodyProblem !== undefined) return exchange.answer.bodyProblem;
  if ('path' in source && bodyOf(source, exchange) === undefined) {
    return source.from === 'response.json' ? 'the answer is not JSON' : 'the request is not JSON';
  }
  return `${where(source)} is not there`;
}

function where(source: Source): string {
  if (source.from === 'constant') return 'the constant';
  return `${source.from} ${'path' in source ? source.path.text : source.name}`;
}

function said(value: unknown): string {
  return typeof value === 'number' ? String(value) : quote(value);
}
