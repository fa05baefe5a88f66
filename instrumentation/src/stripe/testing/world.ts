import { createRequire } from 'node:module';
import type { UsageEvent } from '@client-cost/exporter';
import type { StripeStandInOptions } from '../../../../examples/src/stand-ins/stripe/index.ts';
import { createStripeStandIn, type StripeStandIn } from '../../../../examples/src/stand-ins/stripe/index.ts';
import { loadPriceBook } from '../../prices/index.ts';
import { setRecorder } from '../../recorder/index.ts';
import { forgetCharges } from '../../recorder/open-charges.ts';
import { UsageRecorder } from '../../recorder/recorder.ts';
import { StripeInstrumentation } from '../index.ts';

// biome-ignore lint/suspicious/noExplicitAny: the package, patched as an application's require would have it
export type Any = any;

const require = createRequire(import.meta.url);

/** The package under the instrumentation, a stand-in, and the usage events that come of it, priced by the real book. */
export class World {
  readonly instrumentation = new StripeInstrumentation();
  readonly Stripe: Any = require('stripe');
  readonly events: UsageEvent[] = [];
  standIn!: StripeStandIn;
  stripe: Any;

  /** @param userFile a price file */
  constructor(userFile?: string) {
    const book = loadPriceBook({ userFile: userFile ?? '' });
    const exporter = { emit: (event: UsageEvent) => void this.events.push(event) } as Any;
    setRecorder(new UsageRecorder({ version: 'test', priceBook: () => book, exporter: () => exporter }));
  }

  async open(options: StripeStandInOptions = {}, key = 'sk_live_1', more: object = {}): Promise<void> {
    await this.standIn?.close();
    this.standIn = await createStripeStandIn(options);
    this.stripe = this.client(key, more);
  }

  client(key = 'sk_live_1', more: object = {}): Any {
    const { port } = this.standIn;
    return new this.Stripe(key, { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0, ...more });
  }

  /** What the newest events say, oldest first; forgets them. */
  take(): Record<string, unknown>[] {
    return this.events.splice(0).map(({ attributes }) => ({ ...attributes }));
  }

  /** Another process: it knows nothing of what this one recorded. */
  forget(): void {
    forgetCharges();
  }

  /** Delivers an event as a webhook would. */
  deliver(event: Any): Any {
    const { body, signature } = this.standIn.webhook(event, 'whsec_1');
    return this.stripe.webhooks.constructEvent(body, signature, 'whsec_1');
  }

  event(type: string): Any {
    return this.standIn.events.find((event) => event.type === type);
  }

  async close(): Promise<void> {
    await this.standIn?.close();
    this.instrumentation.disable();
    setRecorder(undefined);
    forgetCharges();
  }
}

export const paid = { amount: 1099, currency: 'usd', payment_method: 'pm_card_visa', confirm: true } as const;
