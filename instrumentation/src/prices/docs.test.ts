import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENTRY_KEYS, METERS, parsePrices } from './entry.ts';
import { validatePriceFile } from './index.ts';
import { LIBRARY_VERSION } from './library.ts';
import { OVERLAY_VERSION } from './overlay.ts';

const docs = readFileSync(join(__dirname, '../../../docs/prices.md'), 'utf8');
const example = /```json\n([\s\S]*?)```/.exec(docs)?.[1] ?? '';

describe('docs/prices.md', () => {
  it('has an example that is a valid price file', () => {
    expect(validatePriceFile(example)).toEqual([]);
    expect(parsePrices(JSON.parse(example)).entries).toHaveLength(6);
  });

  it('names every field and meter, and the versions', () => {
    for (const name of [...ENTRY_KEYS, ...METERS]) expect(docs).toContain(`\`${name}\``);
    expect(docs).toContain(`genai-prices@${LIBRARY_VERSION}+overlay.${OVERLAY_VERSION}`);
  });
});
