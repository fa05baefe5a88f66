/*
 * What an address costs is decided by where it is. A class of addresses is recorded (`usage.sku`), never the number:
 *   us_ca, us_ca_toll_free, us_ca_short_code   United States and Canada
 *   us_ca_remote                               Alaska and the Canadian North: the same for messages, not for calls
 *   +44, +1876, +1900                          another calling code; an area code of +1 that is not the US or Canada, or premium
 *   sip, client                                what a call may go to beside numbers
 *   whatsapp, messenger, rcs, …                a channel that is no SMS
 * What has no price in the price data is unpriced: never the US price.
 */

/** Area codes of +1 in other countries and territories, and those that are no place (premium, personal numbers). */
const ELSEWHERE = new Set(
  (
    '242 246 264 268 284 340 345 441 473 649 658 664 670 671 684 721 758 767 784 787 809 829 849 868 869 876 939 ' +
    '500 521 522 523 524 525 526 527 528 529 532 533 535 538 542 543 544 545 546 547 549 550 552 553 554 556 558 566 569 577 588 589 ' +
    '600 622 633 644 655 677 688 700 710 900'
  ).split(' '),
);
const TOLL_FREE = new Set(['800', '833', '844', '855', '866', '877', '888']);
/** Alaska; Yukon, Northwest Territories, Nunavut. */
const REMOTE = new Set(['907', '867']);
/** Calling codes of two digits (ITU E.164); 1 and 7 have one, all others three. */
const TWO_DIGITS = /^(?:2[07]|3[0-469]|4[0-13-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;
const E164 = /^\+[1-9]\d{6,14}$/;
const CHANNELS = new Set(['whatsapp', 'messenger', 'rcs', 'viber', 'line', 'instagram', 'wechat', 'telegram', 'apple']);
const TEST_NUMBER = /^\+1500555\d{4}$/;

/** The channel of `whatsapp:+1…`, `rcs:…`: its name, `channel` where it is none we know; undefined for plain numbers. */
export function channelOf(address: unknown): string | undefined {
  if (typeof address !== 'string') return undefined;
  const colon = address.indexOf(':');
  if (colon <= 0) return undefined;
  const name = address.slice(0, colon).trim().toLowerCase();
  return CHANNELS.has(name) ? name : 'channel';
}

/**
 * The price class of an address: whom a message or call goes to; for what comes in, the number it came in to.
 *
 * @param address as Twilio writes it: `+15551234567`, `12345`, `sip:…`, `client:…`, `whatsapp:+1…`
 * @param country of the address where Twilio names it (`ToCountry`): tells whose a short code is
 * @returns undefined where it cannot be told: no price is known then
 */
export function destinationSku(address: unknown, country?: unknown): string | undefined {
  if (typeof address !== 'string') return undefined;
  const text = address.trim();
  if (text.includes(':'))
    return /^(sip|sips|client):/i.exec(text)?.[1]?.toLowerCase().replace('sips', 'sip') ?? channelOf(text);
  // Twilio accepts what people type.
  const number = text.startsWith('+') ? `+${text.slice(1).replace(/[\s().-]/g, '')}` : text;
  if (/^\d{5,6}$/.test(number)) {
    return country === 'US' || country === 'CA' ? 'us_ca_short_code' : undefined;
  }
  if (!E164.test(number)) return undefined;
  if (number.startsWith('+1')) return northAmericanSku(number);
  if (number.startsWith('+7')) return '+7';
  return number.slice(0, TWO_DIGITS.test(number.slice(1)) ? 3 : 4);
}

/** North American Numbering Plan: `+1` and ten digits, of which the first three say where. */
function northAmericanSku(number: string): string | undefined {
  if (number.length !== 12) return undefined;
  const area = number.slice(2, 5);
  if (TOLL_FREE.has(area)) return 'us_ca_toll_free';
  if (ELSEWHERE.has(area)) return `+1${area}`;
  if (!/^[2-9]/.test(area)) return undefined;
  return REMOTE.has(area) ? 'us_ca_remote' : 'us_ca';
}

export type NumberKind = 'local' | 'toll_free' | 'mobile';

/**
 * The price class of a number that is held: `local`, `toll_free`, `mobile` in the US and Canada; `+44_mobile` elsewhere,
 * `+44_number` where nobody says of what kind it is.
 *
 * @param kind where the API says it (the subresource it was bought through)
 */
export function numberSku(phoneNumber: unknown, kind?: NumberKind): string | undefined {
  const place = destinationSku(phoneNumber);
  if (place === 'us_ca_toll_free') return 'toll_free';
  if (place === 'us_ca' || place === 'us_ca_remote') return kind === 'mobile' ? 'mobile' : 'local';
  return place?.startsWith('+') ? `${place}_${kind ?? 'number'}` : undefined;
}

/** Twilio's magic numbers, which only test credentials can use: nothing is sent and nothing billed. */
export function isTestNumber(address: unknown): boolean {
  return typeof address === 'string' && TEST_NUMBER.test(address);
}
