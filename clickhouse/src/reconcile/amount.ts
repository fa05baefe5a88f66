import { parseAmount } from '@client-cost/instrumentation/ledger';

/** An amount of a provider's answer, a text or a number (taken as the decimal it is written as), in pico-units; undefined for anything else. */
export function readAmount(value: unknown): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  try {
    return parseAmount(value);
  } catch {
    return undefined;
  }
}
