import { describe, expect, it } from 'vitest';
import { parsePrices } from './entry.ts';
import { libraryPrice } from './library.ts';
import { OVERLAY_VERSION, overlayFiles } from './overlay.ts';
import { tokenPlan } from './plan.ts';

interface File {
  defaults: Record<string, unknown>;
  prices: Record<string, unknown>[];
}
const files = overlayFiles() as File[];
const AT = new Date(`${OVERLAY_VERSION}T12:00:00Z`);
const entries = files.flatMap((file) => parsePrices(file).entries);

describe('the overlay', () => {
  it('is valid, and each price says where it is from and when it was checked', () => {
    for (const file of files) {
      expect(parsePrices(file).problems).toEqual([]);
      for (const entry of file.prices.map((own): Record<string, unknown> => ({ ...file.defaults, ...own }))) {
        expect(entry.source, JSON.stringify(entry)).toMatch(/^https:\/\//);
        expect(entry.checked).toMatch(/^\d{4}-\d{2}-\d{2}$/);
        expect(String(entry.checked) <= OVERLAY_VERSION).toBe(true);
      }
    }
    expect(files.flatMap((file) => file.prices).length).toBeGreaterThan(100);
  });

  it('is versioned by its latest check', () => {
    const checked = files.flatMap((file) => [file.defaults.checked, ...file.prices.map((price) => price.checked)]);
    expect(
      checked
        .filter((date) => typeof date === 'string')
        .sort()
        .at(-1),
    ).toBe(OVERLAY_VERSION);
  });

  it('names each price once', () => {
    const names = entries.map((e) =>
      [e.provider, e.model ?? `${e.modelPrefix}*`, e.tier, e.unit, e.from, e.to].join(' '),
    );
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('has tiers in proportion: batch and flex about half of the standard price, priority above it', () => {
    const small = { input: 100_000, output: 10_000 };
    for (const entry of entries) {
      if (entry.tier === 'standard' || !entry.tokens || !entry.model) continue;
      const standard =
        entries.find((other) => other.tier === 'standard' && other.model === entry.model)?.tokens ??
        libraryPrice(entry.provider ?? '', entry.model, AT).price;
      if (!standard) throw new Error(`${entry.model} has a tier price and no standard one`);
      const tokens = entry.tokens.rates.output ? small : { ...small, output: 0 };
      const ratio =
        Number(tokenPlan(entry.tokens).apply(tokens, '1').amount) /
        Number(tokenPlan(standard).apply(tokens, '1').amount);
      if (entry.tier === 'priority') {
        expect(ratio, `${entry.model} priority`).toBeGreaterThanOrEqual(1.6);
        expect(ratio, `${entry.model} priority`).toBeLessThanOrEqual(2.5);
      } else expect(ratio, `${entry.model} ${entry.tier}`).toBeCloseTo(0.5, 5);
    }
  });

  // Fails when a newer library has caught up: then the entry can go, and the library's dates take over.
  it('still says more than the library, in its standard prices', () => {
    const agreeing: string[] = [];
    for (const entry of entries) {
      if (entry.tier !== 'standard' || !entry.tokens) continue;
      const name = entry.model ?? `${entry.modelPrefix}:org::id`;
      const library = libraryPrice(entry.provider ?? '', name, AT).price;
      if (!library) continue;
      const probes = [
        { input: 1000, output: 0 },
        { input: 0, output: 1000 },
        { input: 1000, output: 0, cacheRead: 1000 },
        { input: 1000, output: 1000, inputAudio: 1000, outputAudio: 1000 },
        { input: 500_000, output: 1000 },
      ];
      const [ours, theirs] = [tokenPlan(entry.tokens), tokenPlan(library)];
      if (probes.every((use) => ours.apply(use, '1').amount === theirs.apply(use, '1').amount)) agreeing.push(name);
    }
    expect(agreeing).toEqual([]);
  });
});
