/**
 * Whether a reason for being unpriced is one of the price book: a later book may know the price. All others say that the usage is not
 * known, or whether it is billed: no price makes an amount of that.
 *
 * @param reason `cost.unpriced_reason` of a recorded charge
 */
export function isPriceReason(reason: string): boolean {
  return PRICE_REASON.test(reason);
}

const PRICE_REASON =
  /^(no prices? (is|are) known|no token counts were reported|no exchange rate is known|the call names no model|the price |the price library |model \S+ (is (also|not) priced|has tiered prices)|\w+ is \d+ characters long: no price)/;
