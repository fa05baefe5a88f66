/**
 * Exact decimal arithmetic for money. Amounts are BigInt counts of pico-USD (12 decimals); rates and quantities are
 * decimals of any scale up to {@link MAX_SCALE}. No binary float takes part in a calculation.
 *
 * Rounding: half-even at 12 decimals, and only where an exact result has more than 12.
 */

/** Decimals of an amount: pico-USD, the scale of the ledger's `Decimal(18,12)`. */
export const AMOUNT_SCALE = 12;

/** Most decimals, and most integer digits, that a parsed decimal may have. */
export const MAX_SCALE = 40;

/** The exact number `coefficient / 10^scale`, `scale >= 0`, without trailing zeros. */
export interface Decimal {
  readonly coefficient: bigint;
  readonly scale: number;
}

export type DecimalResult =
  | { readonly ok: true; readonly value: Decimal }
  | { readonly ok: false; readonly problem: string };

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
const MAX_LENGTH = 100;
const POWERS: bigint[] = Array.from({ length: 128 }, (_, n) => 10n ** BigInt(n));

/** `10^n` as a BigInt. */
export function pow10(n: number): bigint {
  return POWERS[n] ?? 10n ** BigInt(n);
}

/**
 * Reads an untrusted decimal: a string such as `0.15`, `27`, `1e-7`, or a finite number (taken as its shortest
 * round-trip literal, so `0.1` is exactly 0.1). Never throws; the problem names the value.
 */
export function parseDecimal(value: unknown): DecimalResult {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? parseText(String(value)) : bad(value);
  }
  if (typeof value === 'bigint') return parseText(value.toString());
  return typeof value === 'string' ? parseText(value.trim()) : bad(value);
}

/** As {@link parseDecimal}, for trusted input. @throws RangeError naming the value. */
export function decimalOf(value: string | number | bigint): Decimal {
  const result = parseDecimal(value);
  if (!result.ok) throw new RangeError(result.problem);
  return result.value;
}

function parseText(text: string): DecimalResult {
  if (text.length > MAX_LENGTH) return bad(text);
  const match = PATTERN.exec(text);
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (!match || whole.length + fraction.length === 0) return bad(text);
  const coefficient = BigInt(`${whole}${fraction}`) * (match[1] === '-' ? -1n : 1n);
  const decimal = normalize(coefficient, fraction.length - Number(match[4] ?? 0));
  if (decimal === undefined) {
    return { ok: false, problem: `${JSON.stringify(text)} has more than ${MAX_SCALE} decimals or integer digits` };
  }
  return { ok: true, value: decimal };
}

/** Removes trailing zeros and a negative scale; undefined when the number exceeds {@link MAX_SCALE}. */
function normalize(coefficient: bigint, scale: number): Decimal | undefined {
  if (coefficient === 0n) return { coefficient: 0n, scale: 0 };
  if (scale < 0) {
    if (-scale > MAX_SCALE) return undefined;
    coefficient *= pow10(-scale);
    scale = 0;
  }
  while (scale > 0 && coefficient % 10n === 0n) {
    coefficient /= 10n;
    scale--;
  }
  if (scale > MAX_SCALE || abs(coefficient) >= pow10(MAX_SCALE + scale)) return undefined;
  return { coefficient, scale };
}

function bad(value: unknown): DecimalResult {
  return { ok: false, problem: `${show(value)} is not a decimal number such as "0.15"` };
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined) {
    return String(value);
  }
  return `a value of type ${Array.isArray(value) ? 'array' : typeof value}`;
}

const abs = (n: bigint): bigint => (n < 0n ? -n : n);

/** `coefficient / 10^from` at scale `to`: exact where it can be, else rounded half-even. */
export function rescale(coefficient: bigint, from: number, to: number): bigint {
  if (from <= to) return from === to ? coefficient : coefficient * pow10(to - from);
  const divisor = pow10(from - to);
  const quotient = coefficient / divisor;
  const twice = abs(coefficient % divisor) * 2n;
  const up = twice > divisor || (twice === divisor && quotient % 2n !== 0n);
  return up ? quotient + (coefficient < 0n ? -1n : 1n) : quotient;
}

/** The exact product. */
export function multiply(a: Decimal, b: Decimal): Decimal {
  return { coefficient: a.coefficient * b.coefficient, scale: a.scale + b.scale };
}

/** `rate / 10^places`, exactly: a price per million as a price per token is `shift(rate, 6)`. */
export function shift(rate: Decimal, places: number): Decimal {
  return { coefficient: rate.coefficient, scale: rate.scale + places };
}

/** The exact sum. */
export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return {
    coefficient: rescale(a.coefficient, a.scale, scale) + rescale(b.coefficient, b.scale, scale),
    scale,
  };
}

/** A decimal as an amount in pico-USD, rounded half-even where it has more than 12 decimals. */
export function toAmount(value: Decimal): bigint {
  return rescale(value.coefficient, value.scale, AMOUNT_SCALE);
}

/** An amount in pico-USD as a plain decimal string without trailing zeros: `0.000027`, `27`, `-0.5`. */
export function formatAmount(pico: bigint): string {
  const digits = abs(pico)
    .toString()
    .padStart(AMOUNT_SCALE + 1, '0');
  const whole = digits.slice(0, -AMOUNT_SCALE);
  let end = digits.length;
  while (end > whole.length && digits.charCodeAt(end - 1) === 48) end--;
  const text = end > whole.length ? `${whole}.${digits.slice(whole.length, end)}` : whole;
  return pico < 0n ? `-${text}` : text;
}

/** A plain decimal of at most 12 decimals, as {@link formatAmount} writes it: read without the general parser. */
const PLAIN_AMOUNT = /^(\d{1,18})(?:\.(\d{1,12}))?$/;

/** A decimal string (or number literal) as pico-USD. @throws RangeError naming the value. */
export function parseAmount(value: string | number | bigint): bigint {
  const plain = typeof value === 'string' ? PLAIN_AMOUNT.exec(value) : null;
  if (plain) return BigInt(plain[1] + (plain[2] ?? '').padEnd(AMOUNT_SCALE, '0'));
  return toAmount(decimalOf(value));
}

/** The exact sum of amounts given as decimal strings. @throws RangeError naming the first bad one. */
export function sumAmounts(amounts: Iterable<string>): string {
  let total = 0n;
  for (const amount of amounts) total += parseAmount(amount);
  return formatAmount(total);
}

/** A decimal of any scale as plain text, exact: `0.15`, `27`, `-0.0000001`. */
export function formatDecimal({ coefficient, scale }: Decimal): string {
  const digits = abs(coefficient)
    .toString()
    .padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`.replace(/\.?0+$/, '');
  return coefficient < 0n ? `-${text}` : text;
}
