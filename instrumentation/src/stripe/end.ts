import { listPriceOf, usdOf } from '../recorder/prices.ts';
import type { CallEnd } from '../types.ts';
import { currencyOf, fromSmallestUnit } from './currency.ts';
import type { Fact, Fee } from './facts.ts';
import { isTestModeFree } from './settings.ts';

type Money = { readonly amount: string; readonly currency: string };

/** What is recorded of a movement of money, without its id and version. */
export function endOf(fact: Fact, at: Date): CallEnd {
  const said = moneyOf({ amount: fact.amount, currency: fact.currency });
  const fee = fact.fee && moneyOf(fact.fee);
  const usd = said && inUsd(said, fact.settled, at);
  const attributes: Record<string, string | boolean> = {};
  if (said && said.currency !== 'USD') {
    attributes['stripe.amount'] = said.amount;
    attributes['stripe.currency'] = said.currency;
  }
  if (fact.livemode === false) attributes['stripe.livemode'] = false;
  if (fee !== undefined && usd !== undefined) {
    const { operation, sku } = fact;
    const listed = listPriceOf({ service: 'stripe', operation, sku, quantity: usd, unit: 'usd', at });
    if (listed !== undefined) attributes['cost.estimated_amount'] = listed;
  }
  const free = fact.livemode === false && isTestModeFree();
  return {
    outcome: 'ok',
    externalId: fact.id,
    sku: fact.sku,
    quantity: usd ?? said?.amount ?? '0',
    // Without a rate the quantity is in its own currency, for which there is no price.
    unit: usd === undefined && said !== undefined ? said.currency.toLowerCase() : 'usd',
    attributes,
    ...(free ? { billed: false } : priced(fact, said, usd, fee)),
  };
}

function priced(
  fact: Fact,
  said: Money | undefined,
  usd: string | undefined,
  fee: Money | undefined,
): Partial<CallEnd> {
  if (fee?.amount.startsWith('-')) {
    return { unpricedReason: 'a fee that Stripe gives back is not recorded', raw: `${fee.amount} ${fee.currency}` };
  }
  if (fee) return { cost: fee.amount, costCurrency: fee.currency };
  if (fact.unpricedReason !== undefined) return { unpricedReason: fact.unpricedReason };
  if (said === undefined) {
    return { unpricedReason: 'the answer has no amount in a known currency', raw: rawOf(fact) };
  }
  if (usd === undefined) return { unpricedReason: `no exchange rate is known for ${said.currency} on that day` };
  // What a refund costs on standard pricing is nothing, and no estimate.
  return fact.operation === 'refund' ? {} : { estimated: true };
}

function inUsd(said: Money, settled: Fee | undefined, at: Date): string | undefined {
  // Stripe's own conversion, where the account is in USD.
  const own = settled && moneyOf(settled);
  if (own?.currency === 'USD' && !own.amount.startsWith('-')) return own.amount;
  return usdOf(said.amount, said.currency, at);
}

function moneyOf({ amount, currency }: Fee): Money | undefined {
  const code = currencyOf(currency);
  const decimal = code === undefined ? undefined : fromSmallestUnit(amount, code);
  return code === undefined || decimal === undefined ? undefined : { amount: decimal, currency: code };
}

function rawOf({ amount, currency }: Fact): string {
  const shown = (value: unknown) => (typeof value === 'object' ? typeof value : String(value).slice(0, 40));
  return `amount ${shown(amount)}, currency ${shown(currency)}`;
}
