import { createRequire } from 'node:module';

interface Calculator {
  SegmentedMessage: new (text: string, encoding: 'auto', smart: boolean) => { readonly segmentsCount: number };
}

const lazyRequire = createRequire(__filename);
let calculator: Calculator | undefined;

/** Twilio refuses a longer body. */
const MAX_BODY = 1600;
/** Characters of one septet each. */
const PLAIN = /^[\n !"#$%&'()*+,\-./0-9:;<=>?@A-Z_a-z]*$/;

/**
 * In how many segments the network carries a text: GSM-7 160 in one, 153 each in several (extension characters count
 * double); anything else UCS-2, 70 and 67 (an emoji counts two or more, and is not split).
 *
 * @param smart whether Twilio's Smart Encoding replaces typographic characters first
 * @returns at least 1; undefined where there is no text, or more than Twilio sends
 */
export function countSegments(text: unknown, smart = false): number | undefined {
  if (typeof text !== 'string' || text === '' || text.length > MAX_BODY) return undefined;
  // The library takes 20 µs a character, apart into graphemes: longer than the call it is for. Most texts need none of it.
  if (text.length <= 70) return 1;
  if (PLAIN.test(text)) return text.length <= 160 ? 1 : Math.ceil(text.length / 153);
  calculator ??= lazyRequire('sms-segments-calculator') as Calculator;
  return Math.max(1, new calculator.SegmentedMessage(text, 'auto', smart).segmentsCount);
}
