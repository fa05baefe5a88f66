import fc from 'fast-check';

/**
 * An independent reader of decimals: exact fractions of BigInt, written from the documents and not from the code that is tried.
 */
export interface Fraction {
  readonly n: bigint;
  /** Above 0. */
  readonly d: bigint;
}

const ten = (n: number): bigint => 10n ** BigInt(n);

export const fraction = (n: bigint, d = 1n): Fraction => ({ n, d });
export const equal = (a: Fraction, b: Fraction): boolean => a.n * b.d === b.n * a.d;
export const less = (a: Fraction, b: Fraction): boolean => a.n * b.d < b.n * a.d;
export const plus = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.d + b.n * a.d, a.d * b.d);
export const times = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.n, a.d * b.d);

/** A decimal as people write it, `-12.50` or `1e-7`: its exact value; undefined for any other text. ASCII digits only. */
export function readDecimal(text: string): Fraction | undefined {
  let at = 0;
  let sign = 1n;
  if (text[at] === '+' || text[at] === '-') sign = text[at++] === '-' ? -1n : 1n;
  let digits = '';
  let behind = 0;
  let point = false;
  for (; at < text.length; at++) {
    const c = text[at]!;
    if (c >= '0' && c <= '9') {
      digits += c;
      if (point) behind++;
    } else if (c === '.' && !point) point = true;
    else break;
  }
  if (digits === '') return undefined;
  let exponent = 0;
  if (at < text.length) {
    if (text[at] !== 'e' && text[at] !== 'E') return undefined;
    const power = text.slice(at + 1);
    const bare = power.startsWith('+') || power.startsWith('-') ? power.slice(1) : power;
    if (bare === '' || [...bare].some((c) => c < '0' || c > '9') || bare.length > 4) return undefined;
    exponent = Number(power);
  }
  const places = behind - exponent;
  const n = sign * BigInt(digits);
  return places >= 0 ? fraction(n, ten(places)) : fraction(n * ten(-places));
}

/** Decimals behind the point that the value needs; undefined when no number of them is enough. */
export function decimalsOf({ n, d }: Fraction, most: number): number | undefined {
  for (let scale = 0; scale <= most; scale++) if ((n * ten(scale)) % d === 0n) return scale;
  return undefined;
}

const abs = (n: bigint): bigint => (n < 0n ? -n : n);

/** The multiple of 10^-scale that is nearest, as a count of them; of two equally near ones the even one, or the one away from 0. */
export function rounded({ n, d }: Fraction, scale: number, ties: 'even' | 'away'): bigint {
  const scaled = abs(n) * ten(scale);
  const whole = scaled / d;
  const rest = (scaled % d) * 2n;
  const up = rest > d || (rest === d && (ties === 'away' || whole % 2n === 1n));
  const result = up ? whole + 1n : whole;
  return n < 0n ? -result : result;
}

const digits = (min: number, max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: min, maxLength: max });

/** Amounts as a careful program writes them: up to 6 digits before the point and up to 12 behind it. */
export const plainAmounts: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(digits(1, 6), digits(1, 12)).map(([whole, part]) => `${whole}.${part}`),
  digits(1, 6),
);

/** Any decimal: signs, exponents, missing parts, too many digits. */
export const wildDecimals: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('', '', '', '-', '+'),
    fc.oneof({ weight: 6, arbitrary: digits(0, 8) }, digits(0, 45), fc.constant('000000000000000')),
    fc.oneof(
      fc.constant(''),
      digits(0, 14).map((part) => `.${part}`),
      digits(0, 60).map((part) => `.${part}`),
    ),
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('') },
      fc
        .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), digits(0, 5))
        .map(([e, sign, power]) => `${e}${sign}${power}`),
    ),
  )
  .map((parts) => parts.join(''));

const ODD_TEXTS = [
  '',
  ' ',
  '.',
  '-',
  '+',
  'e',
  '1e',
  'e1',
  '.e1',
  '0x10',
  '0b1',
  '0o7',
  '1_000',
  '1,5',
  '1.5.2',
  '1e1.5',
  '--1',
  '+-1',
  '1-',
  '1 000',
  'NaN',
  'nan',
  'Infinity',
  '-Infinity',
  'inf',
  'null',
  'undefined',
  'true',
  '[object Object]',
  '٣',
  '١.٥',
  '０.５',
  '1\u00a0',
  '\ufeff1',
  '1\u200b',
  '½',
  '²',
  '1\0',
  '\n1',
  '1\n',
  '1\n2',
  '9'.repeat(1000),
  `0.${'0'.repeat(500)}1`,
  '1e9999',
  '1e-9999',
  '1e99999',
  '-0',
  '-0.0',
  '0e0',
  '00',
  '1.',
  '.1',
  '$1',
  '1 USD',
  '1%',
  "1'",
  '1;',
  '1)',
  "'; DROP TABLE usage_events; --",
  '999999.999999999999',
  '999999.9999999999999',
  '1000000',
  '0.0000000000001',
  '0.000000000001',
];

/** What stands where a decimal should. */
export const anyDecimals: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: plainAmounts },
  { weight: 5, arbitrary: wildDecimals },
  { weight: 2, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 2, arbitrary: mutated(fc.oneof(plainAmounts, wildDecimals)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.double().map(String) },
);

/** A text with a few of its characters changed, doubled, moved or gone. */
export function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const hit = fc.tuple(
    fc.nat(),
    fc.constantFrom('put', 'cut', 'twice', 'replace'),
    fc.oneof(fc.constantFrom(...' .,-+eE_\'"\\\0\n\t٣５'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
  );
  return fc.tuple(texts, fc.array(hit, { minLength: 1, maxLength: 3 })).map(([text, hits]) => {
    let result = text;
    for (const [where, how, what] of hits) {
      const at = where % (result.length + 1);
      const [head, tail] = [result.slice(0, at), result.slice(at)];
      if (how === 'put') result = head + what + tail;
      else if (how === 'cut') result = head + tail.slice(1);
      else if (how === 'twice') result = head + tail + tail;
      else result = head + what + tail.slice(1);
    }
    return result.slice(0, 5000);
  });
}
