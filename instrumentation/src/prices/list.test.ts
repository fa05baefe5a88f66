import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPriceBook } from './index.ts';
import { listPrices } from './list.ts';

const on = new Date('2026-11-22T12:00:00Z');
const file = join(mkdtempSync(join(tmpdir(), 'client-cost-list-')), 'prices.json');
writeFileSync(
  file,
  JSON.stringify({
    defaults: { source: 'contract', checked: '2026-11-01' },
    prices: [
      { provider: 'openai', model: 'gpt-4o', usd_per_million: { input: '2.25', output: '9' } },
      {
        provider: 'openai',
        model: 'gpt-4o',
        usd_per_million: { input: '2', output: '8' },
        from: '2026-10-01',
        note: 'new',
      },
      { service: 'twilio_sms', operation: 'send_sms', unit: 'segment', sku_prefix: 'us_ca', usd_per_unit: '0.007' },
      { service: 'acme', unit: 'request', usd_per_unit: 'much' },
    ],
  }),
);

describe('listPrices', () => {
  test('a model in every layer, the one that counts first', () => {
    const found = listPrices({ on, userFile: file, service: 'openai', model: 'gpt-4o' }).filter(
      ({ tier }) => tier === 'standard',
    );
    expect(found.map(({ layer, usdPerMillion, hidden }) => [layer, usdPerMillion!.input, hidden])).toEqual([
      ['user', '2', false],
      ['user', '2.25', true],
      ['genai-prices', '2.5', true],
    ]);
    expect(found[0]).toMatchObject({ source: 'contract', checked: '2026-11-01', note: 'new', from: '2026-10-01' });
  });

  test('by the date: both prices of an operation, each in its time', () => {
    const price = (day: string) =>
      listPrices({
        on: new Date(day),
        service: 'twilio_sms',
        operation: 'send_sms',
        sku: 'us_ca',
        unit: 'segment',
      }).map(({ usdPerUnit, source, from, to }) => ({ usdPerUnit, from, to, hasSource: source !== undefined }));
    expect(price('2026-02-28T23:59:59Z')).toEqual([
      { usdPerUnit: '0.0079', from: undefined, to: '2026-03-01', hasSource: true },
    ]);
    expect(price('2026-03-01T00:00:00Z')).toEqual([expect.objectContaining({ from: '2026-03-01', hasSource: true })]);
  });

  test('what it lists first is what the book charges', () => {
    const book = loadPriceBook({ userFile: file });
    const amount = (sku: string) =>
      book.price({ service: 'twilio_sms', operation: 'send_sms', sku, unit: 'segment', quantity: '1', at: on }).amount;
    const [first] = listPrices({
      on,
      userFile: file,
      service: 'twilio_sms',
      operation: 'send_sms',
      sku: 'us_ca',
      unit: 'segment',
    });
    expect(first).toMatchObject({ layer: 'user', usdPerUnit: amount('us_ca'), hidden: false });
  });

  test('everything: no price without a source in the overlay, invalid entries left out', () => {
    const all = listPrices({ on, userFile: file });
    expect(all.length).toBeGreaterThan(50);
    for (const price of all.filter(({ layer }) => layer === 'overlay')) {
      expect(price.source, JSON.stringify(price)).toBeTruthy();
      expect(price.checked).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    }
    expect(all.some(({ service }) => service === 'acme')).toBe(false);
  });

  test('a model of another provider by its name; an unknown one gives nothing', () => {
    expect(listPrices({ on, model: 'claude-sonnet-4-5' }).map(({ provider }) => provider)).toContain('anthropic');
    expect(listPrices({ on, service: 'groq' }).length).toBeGreaterThan(10);
    expect(listPrices({ on, model: 'mystery-9' })).toEqual([]);
    expect(listPrices({ on, service: 'nobody' })).toEqual([]);
  });
});
