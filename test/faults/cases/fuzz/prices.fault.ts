import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { checkPriceText } from '../../../../clickhouse/dist/price-file/check.js';
import { parseProvidersText } from '../../../../instrumentation/dist/http/declarative/file.js';
import { loadPriceBook, validatePriceFile } from '../../../../instrumentation/dist/prices/index.js';
import { listPrices } from '../../../../instrumentation/dist/prices/list.js';
import type { Fault, FaultRun } from '../../support/fault.ts';
import {
  anyDecimals,
  decimalsOf,
  equal,
  type Fraction,
  fraction,
  less,
  plus,
  readDecimal,
  rounded,
  times,
} from '../../support/fuzz-decimals.ts';
import { type AnyTarget, drive, outcomeOf, target } from '../../support/fuzz-drive.ts';
import { damaged, damagedBytes, deep, hostileObject, jsonText } from '../../support/fuzz-json.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..');
/** The examples of the documents are the real files. */
const examples = (page: string): string[] =>
  [...readFileSync(join(root, 'docs', page), 'utf8').matchAll(/```json\n([\s\S]*?)```/g)].map((match) => match[1]!);
const PRICE_FILES = examples('prices.md');
const RULE_FILES = examples('providers/http.md');
const PRICE_WORDS =
  'prices defaults exchange_rates provider service operation model model_prefix sku sku_prefix tier from to usd_per_million above up_to_input_tokens usd_per_request unit usd_per_unit usd_fixed source currency usd input output input_tokens'.split(
    ' ',
  );
const RULE_WORDS =
  'providers service hosts unknown billed_statuses operations operation method path query body unit quantity sku external_id cost failed from name default count divide_by round min unless amount currency prices'.split(
    ' ',
  );

/** Texts in place of a file: real ones with damage, hostile ones, bytes. */
function texts(real: readonly string[], words: readonly string[]): fc.Arbitrary<string> {
  const objects = real.map((text) => JSON.parse(text) as unknown);
  return fc.oneof(
    { weight: 5, arbitrary: damaged(objects).map(jsonText) },
    { weight: 4, arbitrary: damagedBytes(real).map(String) },
    { weight: 3, arbitrary: hostileObject(words).map(jsonText) },
    {
      weight: 2,
      arbitrary: fc.array(hostileObject(words), { maxLength: 3 }).map((list) => jsonText({ [words[0]!]: list })),
    },
    { weight: 1, arbitrary: fc.constantFrom('', ' ', '\ufeff', '[', '{"prices":[', '"text"', '1', 'null', '[null]') },
    { weight: 1, arbitrary: deep.map((value) => jsonText({ [words[0]!]: [value] })) },
  );
}

/** Each problem says where, and briefly what. */
function unclear(problems: readonly { path: string; message: string }[]): string | undefined {
  const bad = problems.find(({ path, message }) => message === '' || message.length > 1500 || path.length > 60_000);
  return bad && `an unclear problem: ${bad.path.slice(0, 100)}: ${bad.message.slice(0, 200)}`;
}

const priceFiles = (file: string) =>
  target({
    name: 'price files',
    share: 4,
    inputs: texts(PRICE_FILES, PRICE_WORDS),
    check(text) {
      writeFileSync(file, text);
      const book = loadPriceBook({ userFile: file, providersFile: file });
      const bad = unclear(validatePriceFile(file)) ?? unclear(checkPriceText(text).problems);
      if (bad !== undefined) return bad;
      const valid = isJson(text);
      if (!valid && book.problems.length === 0) return 'no JSON, and no problem is named';
      const at = new Date('2026-11-23T10:00:00Z');
      for (const request of [
        { service: 'openai', operation: 'chat_completion', model: 'gpt-4o', tokens: { input: 1000, output: 100 } },
        { service: 'acme', operation: 'lookup' },
      ]) {
        const said = book.price({ ...request, quantity: '2', unit: 'request', at });
        const { amount } = said;
        if (amount === undefined ? !said.reason : !/^\d{1,6}(\.\d{1,12})?$/.test(amount))
          return `the price is ${amount}`;
      }
      // It reads the overlay's files each time: not for every input.
      if (valid && text.length % 16 === 0 && typeof JSON.parse(text.replace(/^\ufeff/, '')) === 'object')
        listPrices({ on: at, userFile: file, service: 'acme' });
      return undefined;
    },
  });

function isJson(text: string): boolean {
  try {
    JSON.parse(text.replace(/^\ufeff/, ''));
    return true;
  } catch {
    return false;
  }
}

const ruleFiles = target({
  name: 'files of HTTP providers',
  share: 4,
  inputs: texts(RULE_FILES, RULE_WORDS),
  check(text) {
    const { providers, problems } = parseProvidersText(text);
    if (!isJson(text) && (problems.length === 0 || providers.length > 0)) return 'no JSON, and no problem is named';
    return unclear(problems);
  },
});

const HOUR = 3_600_000;
const hours = fc.integer({ min: 0, max: 100 });
const iso = (hour: number): string => `${new Date(Date.UTC(2026, 10, 1) + hour * HOUR).toISOString().slice(0, 19)}Z`;
const rates = fc.oneof(
  { weight: 3, arbitrary: anyDecimals },
  fc.constantFrom('0.0079', '0', '27', '0.00000015', '0.029'),
);

/** What a price may be: from 0 to below a billion, at most 20 decimals. */
function rateOf(text: string): Fraction | undefined {
  if (text.trim().length > 100) return undefined;
  const value = readDecimal(text.trim());
  if (value === undefined || value.n < 0n || !less(value, fraction(10n ** 9n))) return undefined;
  return decimalsOf(value, 20) === undefined ? undefined : value;
}

const unitLines = fc.array(
  fc.record({
    usd: rates,
    fixed: fc.option(rates),
    operation: fc.constantFrom('a', 'b', undefined),
    from: fc.option(hours),
    to: fc.option(hours),
  }),
  { minLength: 1, maxLength: 6 },
);

/** Which of the lines holds, and what it makes of the call: by the words of docs/prices.md. */
const unitPrices = (file: string) =>
  target({
    name: 'prices per unit, against the document',
    share: 6,
    inputs: fc.tuple(
      unitLines,
      fc.constantFrom('a', 'b', 'c'),
      hours,
      fc.oneof(fc.constantFrom('1', '2', '0', '12.5'), anyDecimals),
    ),
    check([lines, operation, hour, quantity]) {
      const prices = lines.map(({ usd, fixed, operation: of, from, to }) => ({
        service: 'acme',
        unit: 'page',
        usd_per_unit: usd,
        ...(fixed === null ? {} : { usd_fixed: fixed }),
        ...(of === undefined ? {} : { operation: of }),
        ...(from === null ? {} : { from: iso(from) }),
        ...(to === null ? {} : { to: iso(to) }),
      }));
      writeFileSync(file, JSON.stringify({ prices }));
      const book = loadPriceBook({ userFile: file, providersFile: '' });
      const fit = lines.filter(
        ({ usd, fixed, operation: of, from, to }) =>
          rateOf(usd) !== undefined &&
          (fixed === null || rateOf(fixed) !== undefined) &&
          (from === null || to === null || from < to) &&
          (of === undefined || of === operation) &&
          (from === null || from <= hour) &&
          (to === null || hour < to),
      );
      const usable = lines.filter(
        ({ usd, fixed, from, to }) =>
          rateOf(usd) && (fixed === null || rateOf(fixed)) && (from === null || to === null || from < to),
      );
      if (usable.length < lines.length !== book.problems.length > 0)
        return `problems: ${book.problems.join('; ') || 'none'}`;
      let best = fit[0];
      for (const line of fit) {
        const more = Number(line.operation !== undefined) - Number(best!.operation !== undefined);
        const later = (line.from ?? -1) - (best!.from ?? -1);
        if (more > 0 || (more === 0 && later >= 0)) best = line;
      }
      const at = new Date(Date.UTC(2026, 10, 1) + hour * HOUR);
      const said = book.price({ service: 'acme', operation, quantity, unit: 'page', at });
      const count = quantity.trim().length > 100 ? undefined : readDecimal(quantity.trim());
      const counted =
        count !== undefined &&
        count.n >= 0n &&
        decimalsOf(count, 12) !== undefined &&
        less(count, fraction(10n ** 40n));
      if (best === undefined || !counted) return said.amount === undefined ? undefined : `costs ${said.amount}`;
      const exact = plus(times(rateOf(best.usd)!, count), best.fixed === null ? fraction(0n) : rateOf(best.fixed)!);
      const pico = rounded(exact, 12, 'even');
      if (pico >= 10n ** 18n) return said.amount === undefined ? undefined : `costs ${said.amount}`;
      if (said.amount === undefined) return `is unpriced: ${said.reason}`;
      return equal(readDecimal(said.amount)!, fraction(pico, 10n ** 12n)) ? undefined : `costs ${said.amount}`;
    },
  });

const meters = [
  'input',
  'cached_input',
  'cache_write',
  'output',
  'reasoning_output',
  'audio_input',
  'audio_output',
] as const;
const rate = fc.oneof(
  fc.constantFrom('0.15', '27', '0', '0.0000001', '1.875'),
  fc.double({ min: 0, max: 1e6, noNaN: true }).map((n) => n.toFixed(8)),
);
const counts = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 200_000 }) },
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 0.5, Number.NaN, Infinity, 2 ** 53),
);

/** Whole calls at prices per token: each token in one meter, rounded once. */
const tokenPrices = (file: string) =>
  target({
    name: 'prices per token, against the document',
    share: 4,
    inputs: fc.tuple(
      fc.record(
        Object.fromEntries(meters.map((meter) => [meter, rate])) as Record<(typeof meters)[number], typeof rate>,
      ),
      fc.record({
        input: counts,
        output: counts,
        cacheRead: counts,
        cacheWrite: counts,
        reasoning: counts,
        inputAudio: counts,
        outputAudio: counts,
      }),
      fc.boolean(),
    ),
    check([usd, tokens, small]) {
      // Most calls must be possible ones: parts no larger than the whole.
      const use = small
        ? { ...tokens, cacheRead: tokens.input / 2, cacheWrite: 0, inputAudio: 0, reasoning: 0, outputAudio: 0 }
        : tokens;
      writeFileSync(file, JSON.stringify({ prices: [{ provider: 'acme', model: 'm', usd_per_million: usd }] }));
      const at = new Date('2026-11-23');
      const said = loadPriceBook({ userFile: file, providersFile: '' }).price({
        service: 'acme',
        operation: 'chat',
        model: 'm',
        tokens: use,
        quantity: '1',
        unit: 'request',
        at,
      });
      const { input, output, cacheRead, cacheWrite, reasoning, inputAudio, outputAudio } = use;
      const whole = Object.values(use).every((count) => Number.isSafeInteger(count) && count >= 0);
      const text = input - cacheRead - cacheWrite - inputAudio;
      const written = output - reasoning - outputAudio;
      if (!whole || text < 0 || written < 0) return said.amount === undefined ? undefined : `costs ${said.amount}`;
      const parts: [number, string][] = [
        [text, usd.input],
        [cacheRead, usd.cached_input],
        [cacheWrite, usd.cache_write],
        [inputAudio, usd.audio_input],
        [written, usd.output],
        [reasoning, usd.reasoning_output],
        [outputAudio, usd.audio_output],
      ];
      const sum = parts
        .map(([count, price]) => times(fraction(BigInt(count), 1_000_000n), readDecimal(price)!))
        .reduce(plus);
      const pico = rounded(sum, 12, 'even');
      if (pico >= 10n ** 18n) return said.amount === undefined ? undefined : `costs ${said.amount}`;
      if (said.amount === undefined) return `is unpriced: ${said.reason}`;
      return equal(readDecimal(said.amount)!, fraction(pico, 10n ** 12n)) ? undefined : `costs ${said.amount}`;
    },
  });

const currencies = fc.constantFrom('EUR', 'eur', 'CAD', 'USD', 'Euro', '');
const exchange = (file: string) =>
  target({
    name: 'exchange rates, against the document',
    share: 3,
    inputs: fc.tuple(
      fc.array(fc.record({ currency: currencies, usd: rates, from: fc.option(hours), to: fc.option(hours) }), {
        maxLength: 5,
      }),
      currencies,
      anyDecimals,
      hours,
    ),
    check([lines, currency, amount, hour]) {
      const rows = lines.map(({ currency: of, usd, from, to }) => ({
        currency: of,
        usd,
        ...(from === null ? {} : { from: iso(from) }),
        ...(to === null ? {} : { to: iso(to) }),
      }));
      writeFileSync(file, JSON.stringify({ prices: [], exchange_rates: rows }));
      const said = loadPriceBook({ userFile: file, providersFile: '' }).toUsd(
        amount,
        currency,
        new Date(Date.UTC(2026, 10, 1) + hour * HOUR),
      );
      const wanted = currency.trim().toUpperCase();
      let best: (typeof lines)[number] | undefined;
      for (const line of lines) {
        const value = rateOf(line.usd);
        const { from, to } = line;
        if (value === undefined || value.n === 0n || !/^[A-Za-z]{3}$/.test(line.currency) || line.currency === 'USD')
          continue;
        if (line.currency.toUpperCase() !== wanted || (from !== null && to !== null && from >= to)) continue;
        if ((from !== null && hour < from) || (to !== null && hour >= to)) continue;
        if (best === undefined || (from ?? -1) >= (best.from ?? -1)) best = line;
      }
      const bare = amount.trim();
      const value = bare.length > 100 ? undefined : readDecimal(bare);
      const readable =
        value !== undefined &&
        decimalsOf(value, 40) !== undefined &&
        less({ n: value.n < 0n ? -value.n : value.n, d: value.d }, fraction(10n ** 40n));
      const factor = wanted === 'USD' ? fraction(1n) : best && rateOf(best.usd);
      if (!readable || factor === undefined) return said === undefined ? undefined : `is ${said}`;
      if (said === undefined) return 'has no rate';
      return equal(readDecimal(said)!, fraction(rounded(times(value, factor), 12, 'even'), 10n ** 12n))
        ? undefined
        : `is ${said}`;
    },
  });

function targets(run: FaultRun): AnyTarget[] {
  const file = join(run.dir, 'prices.json');
  return [priceFiles(file), ruleFiles, unitPrices(file), tokenPrices(file), exchange(file)];
}

const fault: Fault = {
  id: 'fuzz-prices',
  hop: 'fuzz',
  fault:
    'price files, provider files and exchange rates: damaged, hostile, valid with hostile numbers, against a model of docs/prices.md',
  promises: ['host-unharmed', 'amounts-exact'],
  times: { short: 1200, long: 40_000 },
  timeoutSeconds: 400,
  async run(run) {
    return outcomeOf(await drive(run, targets(run)));
  },
};

export default fault;
