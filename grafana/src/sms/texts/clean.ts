const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Characters as people count them: an emoji of several code points is one. */
export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** One line that a phone shows as it is meant: no control or format characters but those that hold emoji and scripts together. */
export function cleanLine(text: string): string {
  return (
    text
      .toWellFormed()
      .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Zs}]+/gu, ' ')
      // Format characters turn text around or hide in it; U+200C and U+200D join letters and emoji.
      .replace(/(?![\u200C\u200D])\p{Cf}/gu, '')
      .replace(/ {2,}/g, ' ')
      .trim()
  );
}

/** At most so many UTF-16 units, cut between graphemes, `…` at the end where something was cut. */
export function shorten(text: string, units: number): string {
  if (text.length <= units) return text;
  let kept = '';
  for (const grapheme of graphemes(text.slice(0, Math.max(0, units) * 2))) {
    if (kept.length + grapheme.length > units - 1) break;
    kept += grapheme;
  }
  return units < 1 ? '' : `${kept.trimEnd()}…`;
}

/** As {@link shorten}, but never within a figure: `$1,0…` of `$1,000.00` would be a lie. */
export function shortenMessage(text: string, units: number): string {
  const cut = shorten(text, units);
  if (cut === text) return text;
  const kept = cut.slice(0, -1);
  if (!/[\d.,%]/.test(text.charAt(kept.length)) || !/[\d.,$€£-]$/.test(kept)) return cut;
  return `${kept.replace(/[$€£+-]?[\d.,]*$/, '').trimEnd()}…`;
}
