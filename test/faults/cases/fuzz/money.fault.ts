import fc from 'fast-check';
import { formatUsd, roundDecimal, subtractDecimals } from '../../../../clickhouse/dist/cli/format.js';
import { readAmount } from '../../../../clickhouse/dist/reconcile/amount.js';
import {
  add,
  type Decimal,
  formatAmount,
  formatDecimal,
  multiply,
  parseAmount,
  parseDecimal,
  shift,
  sumAmounts,
  toAmount,
} from '../../../../instrumentation/dist/money.js';
import { normalizeAmount, normalizeQuantity } from '../../../../instrumentation/dist/recorder/cost.js';
import { fromSmallestUnit } from '../../../../instrumentation/dist/stripe/currency.js';
import type { Fault } from '../../support/fault.ts';
import {
  anyDecimals,
  decimalsOf,
  equal,
  type Fraction,
  fraction,
  less,
  plainAmounts,
  plus,
  readDecimal,
  rounded,
  times,
} from '../../support/fuzz-decimals.ts';
import { drive, outcomeOf, target } from '../../support/fuzz-drive.ts';

const abs = (value: Fraction): Fraction => (value.n < 0n ? fraction(-value.n, value.d) : value);
const exact = ({ coefficient, scale }: Decimal): Fraction => fraction(coefficient, 10n ** BigInt(scale));
const PICO = 10n ** 12n;

/** What `parseDecimal` must make of a text: at most 100 characters, below 10^40, at most 40 decimals. */
function expectedDecimal(text: string): Fraction | undefined {
  const bare = text.trim();
  if (bare.length > 100) return undefined;
  const value = readDecimal(bare);
  if (value === undefined || !less(abs(value), fraction(10n ** 40n))) return undefined;
  return decimalsOf(value, 40) === undefined ? undefined : value;
}

const parse = target({
  name: 'decimal texts',
  inputs: anyDecimals,
  share: 3,
  check(text) {
    const expected = expectedDecimal(text);
    const result = parseDecimal(text);
    if (result.ok !== (expected !== undefined)) return result.ok ? 'was read' : `was refused: ${result.problem}`;
    if (!result.ok) return result.problem.length > 300 ? 'the problem is not short' : undefined;
    if (!equal(exact(result.value), expected!)) return `became ${formatDecimal(result.value)}`;
    const again = readDecimal(formatDecimal(result.value));
    return again !== undefined && equal(again, expected!) ? undefined : `printed as ${formatDecimal(result.value)}`;
  },
});

const numbers = target({
  name: 'numbers as decimals',
  inputs: fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.double({ min: -1e9, max: 1e9 })),
  check(number) {
    const result = parseDecimal(number);
    if (!result.ok)
      return Number.isFinite(number) && expectedDecimal(String(number)) !== undefined ? result.problem : undefined;
    if (!Number.isFinite(number)) return 'was read';
    return Number(formatDecimal(result.value)) === number + 0 ? undefined : `became ${formatDecimal(result.value)}`;
  },
});

const decimals: fc.Arbitrary<Decimal> = fc.record({
  coefficient: fc.oneof(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.bigInt({ min: -1000n, max: 1000n })),
  scale: fc.integer({ min: 0, max: 40 }),
});

const arithmetic = target({
  name: 'arithmetic',
  inputs: fc.tuple(decimals, decimals, fc.integer({ min: 0, max: 12 })),
  share: 2,
  check([a, b, places]) {
    if (!equal(exact(add(a, b)), plus(exact(a), exact(b)))) return 'the sum is wrong';
    if (!equal(exact(multiply(a, b)), times(exact(a), exact(b)))) return 'the product is wrong';
    if (!equal(exact(shift(a, places)), times(exact(a), fraction(1n, 10n ** BigInt(places)))))
      return 'the shift is wrong';
    const product = multiply(a, b);
    const pico = toAmount(product);
    if (pico !== rounded(exact(product), 12, 'even')) return `rounded to ${pico}`;
    const text = formatAmount(pico);
    if (!equal(readDecimal(text)!, fraction(pico, PICO))) return `printed as ${text}`;
    // Beyond 10^40 nothing is read.
    if (pico > 10n ** 51n || pico < -(10n ** 51n)) return undefined;
    return parseAmount(text) === pico ? undefined : 'read back as another';
  },
});

const sums = target({
  name: 'sums',
  inputs: fc.array(
    fc.oneof(
      plainAmounts,
      plainAmounts.map((text) => `-${text}`),
    ),
    { maxLength: 30 },
  ),
  check(amounts) {
    const expected = amounts.map((text) => readDecimal(text)!).reduce(plus, fraction(0n));
    const sum = sumAmounts(amounts);
    if (!equal(readDecimal(sum)!, expected)) return `the sum is ${sum}`;
    if (amounts.length < 2) return undefined;
    const [first, ...others] = amounts as [string, ...string[]];
    const rest = others
      .map((text) => readDecimal(text)!)
      .reduce((a, b) => plus(a, fraction(-b.n, b.d)), readDecimal(first)!);
    const difference = subtractDecimals(first, ...others);
    return equal(readDecimal(difference)!, rest) ? undefined : `the difference is ${difference}`;
  },
});

const recorded = target({
  name: 'what is recorded of an amount and of a quantity',
  inputs: fc.oneof(anyDecimals, fc.double(), fc.anything({ maxDepth: 1 })),
  share: 2,
  check(value) {
    const meant =
      typeof value === 'string'
        ? expectedDecimal(value)
        : typeof value === 'number' || typeof value === 'bigint'
          ? expectedDecimal(String(value))
          : undefined;
    const amount = normalizeAmount(value);
    const pico = meant && rounded(meant, 12, 'even');
    const fits = pico !== undefined && pico < 10n ** 18n && pico > -(10n ** 18n);
    if ((amount !== undefined) !== fits) return `the amount is ${amount}`;
    if (amount !== undefined && !equal(readDecimal(amount)!, fraction(pico!, PICO))) return `the amount is ${amount}`;
    if (amount !== undefined && !/^-?\d{1,6}(\.\d{1,12})?$/.test(amount)) return `the ledger cannot read ${amount}`;
    const quantity = normalizeQuantity(value);
    const counts =
      meant !== undefined && meant.n >= 0n && decimalsOf(meant, 12) !== undefined && less(meant, fraction(10n ** 15n));
    if ((quantity !== undefined) !== counts) return `the quantity is ${quantity}`;
    if (quantity !== undefined && !equal(readDecimal(quantity)!, meant!)) return `the quantity is ${quantity}`;
    const read = readAmount(value);
    if (typeof value === 'object' && read !== undefined) return 'an object was read as an amount';
    return undefined;
  },
});

const rounding = target({
  name: 'rounding of what is shown',
  // As the ledger and the sums print them: without zeros in front.
  inputs: fc.tuple(
    fc.tuple(fc.constantFrom('', '-'), plainAmounts).map(([sign, text]) => sign + text.replace(/^0+(?=\d)/, '')),
    fc.integer({ min: 0, max: 12 }),
  ),
  check([text, places]) {
    const value = readDecimal(text)!;
    const shown = roundDecimal(text, places);
    const expected = fraction(rounded(value, places, 'away'), 10n ** BigInt(places));
    if (!equal(readDecimal(shown)!, expected)) return `${places} decimals: ${shown}`;
    const people = formatUsd(text);
    const match = /^(-?)\$([\d,]+)\.(\d{2,12})$/.exec(people);
    if (match === null) return `shown as ${people}`;
    const read = abs(readDecimal(`${match[2]!.replaceAll(',', '')}.${match[3]}`)!);
    // Six decimals, or two from 100 USD up: half of the last one may be missing.
    const coarse = less(abs(value), fraction(100n)) ? fraction(1n, 2_000_000n) : fraction(1n, 200n);
    const gap = abs(plus(read, fraction(-abs(value).n, value.d)));
    return less(coarse, gap) ? `shown as ${people}` : undefined;
  },
});

const smallest = target({
  name: "Stripe's smallest units",
  inputs: fc.tuple(
    fc.oneof(fc.maxSafeInteger(), fc.double(), fc.string(), fc.constantFrom(null, undefined, true, {}, [5])),
    fc.constantFrom('USD', 'JPY', 'KWD', 'EUR', 'ISK', 'XXX'),
  ),
  check([amount, currency]) {
    const said = fromSmallestUnit(amount, currency);
    if (!Number.isSafeInteger(amount)) return said === undefined ? undefined : `became ${said}`;
    const places = currency === 'JPY' ? 0 : currency === 'KWD' ? 3 : 2;
    return equal(readDecimal(said!)!, fraction(BigInt(amount as number), 10n ** BigInt(places)))
      ? undefined
      : `became ${said}`;
  },
});

const fault: Fault = {
  id: 'fuzz-money',
  hop: 'fuzz',
  fault: 'any text, number and sum as money, against fractions of BigInt: decimals, rounding, amounts, quantities',
  promises: ['amounts-exact'],
  times: { short: 5000, long: 120_000 },
  timeoutSeconds: 240,
  async run(run) {
    return outcomeOf(await drive(run, [parse, numbers, arithmetic, sums, recorded, rounding, smallest]));
  },
};

export default fault;
