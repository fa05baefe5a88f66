const GSM = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüàÆæßÉ^{}\\[\]~|€]*$/;

/** How many segments the network makes of a text (GSM-7 160/153, else UCS-2 70/67). */
export function segmentsOf(text: string): number {
  if (text === '') return 0;
  const gsm = GSM.test(text);
  const units = gsm ? [...text].map((c) => (/[\^{}\\[\]~|€]/.test(c) ? 2 : 1)) : [...text].map((c) => c.length);
  const [one, several] = gsm ? [160, 153] : [70, 67];
  if (units.reduce((sum, unit) => sum + unit, 0) <= one) return 1;
  let count = 1;
  let used = 0;
  for (const unit of units) {
    // What takes two units is not parted.
    if (used + unit > several) {
      count += 1;
      used = 0;
    }
    used += unit;
  }
  return count;
}
