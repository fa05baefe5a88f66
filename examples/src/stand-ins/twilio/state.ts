import { Callbacks } from './callbacks.ts';
import type { Params, Resource, TwilioStandInOptions } from './types.ts';
import { rfc2822 } from './wire.ts';

/** What the account holds, and the work that is still to happen in it. */
export class State {
  readonly options: TwilioStandInOptions;
  readonly accountSid: string;
  readonly authToken: string;
  readonly messages = new Map<string, Resource>();
  readonly calls = new Map<string, Resource>();
  readonly recordings = new Map<string, Resource>();
  readonly numbers = new Map<string, Resource>();
  readonly callbacks: Callbacks;
  readonly #steps = new Set<{ run: () => void; timer: NodeJS.Timeout | undefined }>();
  #running = 0;

  constructor(options: TwilioStandInOptions) {
    this.options = options;
    this.accountSid = options.accountSid ?? `AC${'a'.repeat(32)}`;
    this.authToken = options.authToken ?? 'b'.repeat(32);
    this.callbacks = new Callbacks((account) => this.tokenOf(account) ?? this.authToken);
  }

  /** As on the wire. */
  date(): string {
    return rfc2822(new Date(this.options.now?.() ?? Date.now()));
  }

  /** Tells the application what became of something, as often as the options say. */
  async tell(url: string, params: Params): Promise<void> {
    const copies = this.options.copies?.(url, params) ?? 1;
    for (let copy = 0; copy < copies; copy++) await this.callbacks.send(url, params);
  }

  tokenOf(accountSid: string): string | undefined {
    return accountSid === this.accountSid ? this.authToken : this.options.subaccounts?.[accountSid];
  }

  /** Does something a little later, or at the next `advance`. */
  later(work: () => unknown, ms: number = this.options.stepMs ?? 5): void {
    const step = {
      timer: undefined as NodeJS.Timeout | undefined,
      run: () => {
        if (!this.#steps.delete(step)) return;
        clearTimeout(step.timer);
        this.#running += 1;
        void Promise.resolve()
          .then(work)
          .finally(() => {
            this.#running -= 1;
          });
      },
    };
    this.#steps.add(step);
    if (Number.isFinite(ms)) step.timer = setTimeout(step.run, ms);
  }

  /** Does at once all that was to happen later, with what follows of it. */
  async advance(): Promise<void> {
    for (let round = 0; round < 1_000 && (this.#steps.size > 0 || this.#running > 0); round++) {
      for (const step of [...this.#steps]) step.run();
      await new Promise((resolve) => setTimeout(resolve, this.#running > 0 ? 1 : 0));
    }
  }

  /** Waits until nothing more is to happen. */
  async idle(): Promise<void> {
    while (this.#steps.size > 0 || this.#running > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  close(): void {
    for (const step of this.#steps) clearTimeout(step.timer);
    this.#steps.clear();
  }
}
