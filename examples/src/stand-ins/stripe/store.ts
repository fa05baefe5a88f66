import { randomBytes } from 'node:crypto';
import { feeOf } from './fee.ts';

// biome-ignore lint/suspicious/noExplicitAny: Stripe's objects, as on the wire
export type StripeObject = Record<string, any>;

export interface StoreOptions {
  /** Currency of the account's balance, in which fees are. Default `usd`. */
  readonly accountCurrency?: string;
  /** What one unit of a currency is worth in the account's (`{ eur: 1.1 }`); default 1. */
  readonly exchangeRates?: Readonly<Record<string, number>>;
  /**
   * When a charge's balance transaction exists: `now` (default), or `later`, as with asynchronous capture: null until
   * `settle()` is called or `settleAfterMs` have passed.
   */
  readonly balanceTransactions?: 'now' | 'later';
  readonly settleAfterMs?: number;
  /** Milliseconds since 1970, for `created`. */
  readonly now?: () => number;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** An id of Stripe's form: `ch_3…`. */
export function newId(prefix: string): string {
  return `${prefix}_3${Array.from(randomBytes(23), (byte) => ALPHABET[byte % ALPHABET.length]).join('')}`;
}

/** Everything the account holds, in the order of its creation. */
export class Store {
  readonly options: StoreOptions;
  readonly objects = new Map<string, StripeObject>();
  /** Events as webhooks would deliver them, oldest first. */
  readonly events: StripeObject[] = [];
  livemode = false;
  onEvent: ((event: StripeObject) => void) | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(options: StoreOptions) {
    this.options = options;
  }

  /** Unix seconds. */
  now(): number {
    return Math.floor((this.options.now?.() ?? Date.now()) / 1000);
  }

  get(id: unknown): StripeObject | undefined {
    return typeof id === 'string' ? this.objects.get(id) : undefined;
  }

  add<T extends StripeObject>(object: T): T {
    this.objects.set(object.id, object);
    return object;
  }

  /** Newest first, as lists are. */
  all(kind: string): StripeObject[] {
    return [...this.objects.values()].filter(({ object }) => object === kind).reverse();
  }

  emit(type: string, object: StripeObject): void {
    const event = {
      id: newId('evt'),
      object: 'event',
      api_version: '2026-06-24.dahlia',
      created: this.now(),
      data: { object: structuredClone(object) },
      livemode: this.livemode,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    };
    this.events.push(event);
    this.onEvent?.(event);
  }

  /**
   * Money moves on the account's balance.
   * @param gross in the smallest unit of `currency`; negative for money that leaves
   * @param fee in the smallest unit of the account's currency; default: Stripe's for a charge
   */
  balance(source: StripeObject, type: string, gross: number, fee?: number): StripeObject {
    const account = this.options.accountCurrency ?? 'usd';
    const currency = source.currency as string;
    const rate = currency === account ? null : (this.options.exchangeRates?.[currency] ?? 1);
    const amount = rate === null ? gross : Math.round(gross * rate * 10 ** (decimals(account) - decimals(currency)));
    const taken = fee ?? feeOf(amount, account);
    return this.add({
      id: newId('txn'),
      object: 'balance_transaction',
      amount,
      available_on: this.now() + 2 * 86_400,
      balance_type: 'payments',
      created: this.now(),
      currency: account,
      description: source.description ?? null,
      exchange_rate: rate,
      fee: taken,
      fee_details:
        taken === 0
          ? []
          : [
              {
                amount: taken,
                application: null,
                currency: account,
                description: 'Stripe processing fees',
                type: 'stripe_fee',
              },
            ],
      net: amount - taken,
      reporting_category: type === 'adjustment' ? 'dispute' : type,
      source: source.id,
      status: 'pending',
      type,
    });
  }

  /** Gives a charge its balance transaction, now or when its time has come. */
  settleCharge(charge: StripeObject): void {
    const settle = () => {
      this.#waiting.delete(settle);
      charge.balance_transaction = this.balance(charge, 'charge', charge.amount_captured).id;
      if (this.options.balanceTransactions === 'later') this.emit('charge.updated', charge);
    };
    if (this.options.balanceTransactions !== 'later') {
      settle();
      return;
    }
    this.#waiting.add(settle);
    if (this.options.settleAfterMs !== undefined) {
      setTimeout(() => this.#waiting.has(settle) && settle(), this.options.settleAfterMs).unref();
    }
  }

  /** Every charge that waits for its balance transaction gets it. */
  settle(): void {
    for (const settle of [...this.#waiting]) settle();
  }
}

const NO_DECIMALS = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const THREE_DECIMALS = new Set('bhd jod kwd omr tnd'.split(' '));

/** Decimals of a currency's smallest unit in the API. */
export function decimals(currency: string): number {
  if (NO_DECIMALS.has(currency)) return 0;
  return THREE_DECIMALS.has(currency) ? 3 : 2;
}
