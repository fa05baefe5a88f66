import { expect, it } from 'vitest';
import { loadPriceBook } from './index.ts';

it('loads neither the library nor the overlay before it is warmed or asked', () => {
  const loaded = (name: string) => Object.keys(require.cache).some((path) => path.includes(name));
  const book = loadPriceBook({ userFile: '' });
  expect(book.version).toMatch(/^genai-prices@/);
  expect([loaded('genai-prices'), loaded('openai-flex.json')]).toEqual([false, false]);
  book.warm();
  expect([loaded('genai-prices'), loaded('openai-flex.json')]).toEqual([true, true]);
});
