import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { loadPriceBook } from '../../../../instrumentation/dist/prices/index.js';
import type { Fault } from '../../support/fault.ts';
import { drive, outcomeOf, target } from '../../support/fuzz-drive.ts';

const HOUR = 3_600_000;
const start = Date.UTC(2026, 10, 1);
const iso = (hour: number): string => `${new Date(start + hour * HOUR).toISOString().slice(0, 19)}Z`;
const hours = fc.integer({ min: 0, max: 6 });
const exact = fc.constantFrom('m', 'm-l', 'm-large', 'm-large-2026-01-31');
const prefix = fc.constantFrom('m', 'm-', 'm-l', 'm-large', 'x');
const asked = fc.constantFrom('m', 'm-l', 'm-large', 'm-large-2026-01-31', 'm-large-2026-02-28', 'm-larger');

const line = fc.record({
  // At least one of the two is asked for in a file.
  who: fc.constantFrom(['acme', undefined], [undefined, 'acme'], ['acme', 'acme'], ['other', 'acme'], [undefined, 'x']),
  name: fc.option(fc.oneof(fc.record({ model: exact }), fc.record({ model_prefix: prefix }))),
  operation: fc.constantFrom('a', 'b', undefined),
  tier: fc.constantFrom('standard', 'priority', '*', undefined),
  from: fc.option(hours),
  to: fc.option(hours),
});
type Line = typeof line extends fc.Arbitrary<infer T> ? T : never;

interface Call {
  readonly model: string;
  readonly operation: string;
  readonly tier: string | undefined;
  readonly hour: number;
}

/** An exact name, then the model of a snapshot, then prefixes by their length; 0 for a line without a name. */
function closeness(name: Line['name'], model: string): number | undefined {
  if (name === null) return 0;
  if ('model_prefix' in name) return model.startsWith(name.model_prefix) ? name.model_prefix.length : undefined;
  if (name.model === model) return 2000;
  return name.model === model.replace(/-\d{4}-\d\d-\d\d$/, '') ? 1000 : undefined;
}

/** Which line of the file holds by the words of docs/prices.md: its index. */
function chosen(lines: readonly Line[], call: Call, perToken: boolean): number | undefined {
  const ranked = lines.flatMap(({ who: [service, provider], name, operation, tier = 'standard', from, to }, index) => {
    const close = closeness(name, call.model);
    const fits =
      close !== undefined &&
      (service ?? 'acme') === 'acme' &&
      (provider ?? 'acme') === 'acme' &&
      (operation ?? call.operation) === call.operation &&
      (tier === '*' || tier === (call.tier ?? 'standard')) &&
      (from === null || from <= call.hour) &&
      (to === null || call.hour < to) &&
      (from === null || to === null || from < to) &&
      (!perToken || name !== null);
    if (!fits) return [];
    const weight =
      (operation ? 8 : 0) + (name ? 4 : 0) + (tier === '*' ? 0 : 2) + (service ? 1 : 0) + (provider ? 1 : 0);
    const order = perToken ? [close, weight] : [weight, close];
    return [{ index, key: [...order, from ?? -1, index] }];
  });
  ranked.sort((a, b) => b.key.map((value, at) => value - a.key[at]!).find((difference) => difference !== 0) ?? 0);
  return ranked[0]?.index;
}

const choice = (file: string, perToken: boolean) =>
  target({
    name: `several prices per ${perToken ? 'token' : 'unit'} that fit`,
    share: 1,
    inputs: fc.tuple(
      fc.array(line, { minLength: 1, maxLength: 8 }),
      fc.record({
        model: asked,
        operation: fc.constantFrom('a', 'b', 'c'),
        tier: fc.constantFrom(undefined, 'standard', 'default', 'priority'),
        hour: hours,
      }),
      fc.constantFrom('model', 'sku'),
    ),
    check([lines, call, kind]) {
      const named = (name: Line['name']) =>
        kind === 'model' || perToken || name === null
          ? name
          : Object.fromEntries(Object.entries(name).map(([key, value]) => [key.replace('model', 'sku'), value]));
      const prices = lines.map(({ who: [service, provider], name, operation, tier, from, to }, index) => ({
        ...(service && { service }),
        ...(provider && { provider }),
        ...named(name),
        ...(operation && { operation }),
        ...(tier && { tier }),
        ...(from === null ? {} : { from: iso(from) }),
        ...(to === null ? {} : { to: iso(to) }),
        // What a call costs tells which line it was.
        ...(perToken ? { usd_per_million: { input: `${index + 1}` } } : { unit: 'page', usd_per_unit: `${index + 1}` }),
      }));
      writeFileSync(file, JSON.stringify({ prices }));
      const said = loadPriceBook({ userFile: file, providersFile: '' }).price({
        service: 'acme',
        operation: call.operation,
        ...(kind === 'sku' && !perToken ? { sku: call.model } : { model: call.model }),
        ...(call.tier && { serviceTier: call.tier }),
        ...(perToken && { tokens: { input: 1_000_000, output: 0 } }),
        quantity: '1',
        unit: 'page',
        at: new Date(start + call.hour * HOUR),
      });
      const standard = { ...call, tier: call.tier === 'default' ? 'standard' : call.tier };
      const index = chosen(lines, standard, perToken);
      const wanted = index === undefined ? undefined : `${index + 1}`;
      return said.amount === wanted ? undefined : `costs ${said.amount}, by the document ${wanted}`;
    },
  });

const fault: Fault = {
  id: 'fuzz-price-choice',
  hop: 'fuzz',
  fault:
    'price files in which several lines fit a call: names, prefixes, tiers, dates in any order, against a model of docs/prices.md',
  promises: ['amounts-exact'],
  times: { short: 2000, long: 60_000 },
  timeoutSeconds: 600,
  async run(run) {
    const file = join(run.dir, 'prices.json');
    return outcomeOf(await drive(run, [choice(file, true), choice(file, false)]));
  },
};

export default fault;
