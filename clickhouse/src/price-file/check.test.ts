import { describe, expect, test } from 'vitest';
import { checkPriceText } from './check.ts';

const places = (text: string): string[] =>
  checkPriceText(text).problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);

describe('checkPriceText', () => {
  test('a value nested more deeply than the stack reaches is a problem, not a crash', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(places(`{"prices": [{"service": "acme", "unit": ${deep}}]}`)).toEqual([
      '1:1 : is nested too deeply for the places of its values to be found',
      expect.stringContaining('prices[0].unit'),
      expect.stringContaining('prices[0]: needs either'),
    ]);
  });

  test.each([300, 1000, 2000, 3000, 5000])('objects %i deep are a problem, not a crash', (depth) => {
    const deep = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    expect(places(`{"prices": [${deep}]}`).length).toBeGreaterThan(0);
  });

  test('every problem with its line and column, in the order of the file', () => {
    const text = `{
  "defaults": { "source": "contract",
    "tier": 5 },
  "prices": [
    { "service": "acme", "unit": "request", "usd_per_unit": "0.004", "tier": "standard" },
    {
      "provider": "openai", "model": "gpt-4o", "tier": "standard",
      "usd_per_million": { "input": "2,25", "output": "9",
        "outputs": "1" }
    },
    { "service": "acme", "tier": "standard",
      "unit": "request" },
    { "service": "acme", "unit": "call", "usd_per_unit": "1" }
  ],
  "exchange_rates": [
    { "currency": "CAD", "usd": "0.72" },
    { "currency": "cad", "usd": "0" }
  ]
}`;
    expect(places(text)).toEqual([
      expect.stringMatching(/^3:13 prices\[3\]\.tier: expected a text/),
      expect.stringMatching(/^8:37 prices\[1\]\.usd_per_million\.input: "2,25" is not a decimal number/),
      expect.stringMatching(/^9:9 prices\[1\]\.usd_per_million\.outputs: is not known/),
      expect.stringMatching(/^11:5 prices\[2\]: needs either/),
      expect.stringMatching(/^17:33 exchange_rates\[1\]\.usd: is zero/),
    ]);
    expect(checkPriceText(text)).toMatchObject({ prices: 4, exchangeRates: 2 });
  });

  test('a usable file has none', () => {
    const text = '[{ "service": "acme", "unit": "request", "usd_per_unit": "0.004" }]';
    expect(checkPriceText(text)).toEqual({ prices: 1, exchangeRates: 0, problems: [] });
    expect(checkPriceText('{"prices":[]}').problems).toEqual([]);
  });

  test('a bare list; Windows line ends; names with dots', () => {
    expect(places('[\r\n { "service": "acme",\r\n   "unit": "x", "usd_per_unit": "-1" }]')).toEqual([
      '3:33 prices[0].usd_per_unit: "-1" is negative',
    ]);
    expect(places('[{ "a.b": 1, "service": "x", "unit": "u", "usd_per_unit": "1" }]')[0]).toMatch(
      /^1:4 prices\[0\]\.a\.b: /,
    );
  });

  test.each<[string, string, RegExp]>([
    ['a comma too many', '{\n  "prices": [],\n}', /^3:1 : is not JSON: property name expected/],
    ['a comment', '{\n // why\n "prices": [] }', /^2:2 : is not JSON: invalid comment token/],
    ['cut off', '{"prices": [', /^1:13 : is not JSON/],
    ['empty', '', /^1:1 : is not JSON/],
    ['no object', '"prices"', /^1:1 : expected/],
    ['no list', '{\n "prices": {} }', /^1:1 : expected \{"prices"/],
    ['a path', '/etc/passwd', /is not JSON/],
  ])('%s', (_, text, message) => {
    expect(places(text)[0]).toMatch(message);
  });

  test('a name that stands twice: the first price would be lost in silence', () => {
    expect(
      places('{ "prices": [{ "service": "a", "unit": "u",\n "usd_per_unit": "1",\n "usd_per_unit": "2" }] }'),
    ).toEqual(['3:2 usd_per_unit: "usd_per_unit" stands twice in one object; only the last one would count']);
  });
});
