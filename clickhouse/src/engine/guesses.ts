import { createHmac, randomBytes } from 'node:crypto';

const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;
const MAX_GOOD = 1_000;

/**
 * Bounds how often an address may guess passwords: beyond `perMinute` failures it is refused without a look, but for who has logged in from there
 * before with the same name and password. So a flood of guesses locks nobody out.
 */
export class Guesses {
  readonly #perMinute: number;
  readonly #now: () => number;
  readonly #failures = new Map<string, { count: number; since: number }>();
  readonly #good = new Set<string>();
  // Passwords are kept as what only this process can compare.
  readonly #key = randomBytes(32);

  constructor(perMinute = 100, now: () => number = Date.now) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /** Whether the password may be looked at. */
  mayTry(address: string, name: string, password: string): boolean {
    const failures = this.#failures.get(address);
    if (failures === undefined) return true;
    if (this.#now() - failures.since >= WINDOW_MS) {
      this.#failures.delete(address);
      return true;
    }
    return failures.count < this.#perMinute || this.#good.has(this.#of(address, name, password));
  }

  failed(address: string): void {
    const failures = this.#failures.get(address);
    if (failures !== undefined) {
      failures.count++;
      return;
    }
    if (this.#failures.size >= MAX_ADDRESSES) this.#failures.clear();
    this.#failures.set(address, { count: 1, since: this.#now() });
  }

  succeeded(address: string, name: string, password: string): void {
    if (this.#good.size >= MAX_GOOD) this.#good.clear();
    this.#good.add(this.#of(address, name, password));
  }

  #of(...parts: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64');
  }
}
