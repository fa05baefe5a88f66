import { expect, it } from 'vitest';
import { placeSection } from './page.ts';

it('adds a section and later replaces only that one', () => {
  const page = placeSection(placeSection('# Page\n', 'a', 'one'), 'b', 'two');
  const again = placeSection(page, 'a', 'three');
  expect(again).toContain('<!-- bench:a -->\n\nthree\n\n<!-- /bench:a -->');
  expect(again).toContain('<!-- bench:b -->\n\ntwo\n\n<!-- /bench:b -->');
  expect(again).not.toContain('one');
  expect(placeSection(again, 'a', 'three')).toBe(again);
});
