/**
 * Rounds a decimal string half away from zero.
 * @param decimals digits to keep behind the point, 0 to 12
 */
export function roundDecimal(value: string, decimals: number): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(value);
  if (match === null) return value;
  const [, sign = '', whole = '0', fraction = ''] = match;
  const kept = fraction.slice(0, decimals).padEnd(decimals, '0');
  let scaled = BigInt(whole + kept);
  if ((fraction[decimals] ?? '0') >= '5') scaled += 1n;
  const digits = scaled.toString().padStart(decimals + 1, '0');
  const rounded = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  return scaled === 0n ? rounded : sign + rounded;
}

/** `a - b` of decimal strings, exact. */
export function subtractDecimals(a: string, ...others: string[]): string {
  const total = others.reduce((rest, other) => rest - scale(other), scale(a));
  const digits = (total < 0n ? -total : total).toString().padStart(SCALE + 1, '0');
  const text = `${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`.replace(/\.?0+$/, '');
  return total < 0n ? `-${text}` : text;
}

const SCALE = 12;

function scale(value: string): bigint {
  const [whole = '0', fraction = ''] = value.replace('-', '').split('.');
  const scaled = BigInt(whole + fraction.slice(0, SCALE).padEnd(SCALE, '0'));
  return value.startsWith('-') ? -scaled : scaled;
}

/**
 * An amount for people: two decimals from 100 USD up; below, up to six decimals, or six significant ones of a small amount, because most
 * calls cost far less than a cent. JSON and CSV hold the exact amount.
 */
export function formatUsd(value: string | null): string {
  if (value === null) return '–';
  const negative = value.startsWith('-');
  const [whole = '0', fraction = ''] = value.replace('-', '').split('.');
  let decimals = 2;
  if (whole === '0') decimals = Math.min(12, Math.max(6, fraction.search(/[1-9]/) + 6));
  else if (whole.length <= 2) decimals = 6;
  const [dollars = '0', cents = ''] = roundDecimal(value.replace('-', ''), decimals).split('.');
  return `${negative ? '-' : ''}$${thousands(dollars)}.${cents.replace(/0+$/, '').padEnd(2, '0')}`;
}

function thousands(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

export function formatCount(value: number | string): string {
  const [whole = '0', fraction] = String(value).split('.');
  return thousands(whole) + (fraction === undefined ? '' : `.${fraction}`);
}

/** `+12 %`, `-3 %`, `–` when there is nothing to compare with. */
export function formatChange(percent: number | null): string {
  if (percent === null) return '–';
  return `${percent > 0 ? '+' : ''}${formatCount(percent).replace(/^-,/, '-')} %`;
}

/** A text from outside, safe on a terminal: control characters become visible, long ones are cut. */
export function printable(value: string, max = 48): string {
  const clean = value.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach the terminal
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const chars = [...clean];
  return chars.length > max ? `${chars.slice(0, max - 1).join('')}…` : clean;
}

/** RFC 4180. */
export function csv(
  header: readonly string[],
  rows: readonly (readonly (string | number | boolean | null)[])[],
): string {
  const cell = (value: string | number | boolean | null): string => {
    const text = value === null ? '' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
