/**
 * What the ledger and its reports must say for the events that were sent: plain functions over plain objects, nothing shared with the SQL. Money
 * and quantities are whole numbers of 10⁻¹² (BigInt), times nanoseconds since 1970.
 */

/** A usage event as it was sent; times of arrival do not matter, the order does (of one version sent twice the later one counts). */
export interface SentEvent {
  readonly nanos: bigint;
  readonly serviceName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The newest version of a charge. */
export interface Charge {
  readonly id: string;
  readonly version: bigint;
  readonly deleted: boolean;
  readonly nanos: bigint;
  readonly day: string;
  readonly client: string;
  readonly service: string;
  readonly operation: string;
  readonly provider: string;
  readonly model: string;
  readonly unit: string;
  readonly sku: string;
  readonly quantity: bigint;
  /** Undefined: unknown. */
  readonly cost: bigint | undefined;
  readonly currency: string;
  readonly source: string;
  readonly outcome: string;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
}

export const ONE = 10n ** 12n;
const DAY = 86_400_000_000_000n;

/** UTC day of nanoseconds since 1970. */
export function dayOf(nanos: bigint): string {
  return new Date(Number(nanos / 1_000_000n)).toISOString().slice(0, 10);
}

/** A decimal text in units of 10⁻¹²; undefined where it is none, has too many digits or a sign. */
export function units(text: string, wholeDigits: number): bigint | undefined {
  const [whole = '', fraction = '', ...rest] = text.split('.');
  const digits = (part: string) => part !== '' && [...part].every((c) => c >= '0' && c <= '9');
  if (rest.length > 0 || !digits(whole) || whole.length > wholeDigits) return undefined;
  if (text.includes('.') && !digits(fraction)) return undefined;
  const [kept, zeros] = [fraction.slice(0, 12), fraction.slice(12)];
  if ([...zeros].some((c) => c !== '0') || zeros.length > 20) return undefined;
  return BigInt(whole) * ONE + BigInt(kept.padEnd(12, '0'));
}

/** Milliseconds of a UUIDv7; undefined for another version. */
export function timeOfId(id: string): number | undefined {
  return id[14] === '7' ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined;
}

/** The charge that an event makes, or why it is rejected. `now` in milliseconds. */
export function read(event: SentEvent, now: number): Charge | string {
  const get = (key: string): string => event.attributes[key] ?? '';
  const id = get('usage.id').toLowerCase();
  const zeros = '00000000-0000-0000-0000-000000000000';
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) || id === zeros) return 'id';
  const version = get('usage.version') === '' ? '1' : get('usage.version');
  if (!/^\d{1,19}$/.test(version) || BigInt(version) < 1n) return 'version';
  if (get('usage.service') === '') return 'service';
  const at = Number(event.nanos / 1_000_000n);
  const oldest = new Date(now);
  oldest.setUTCFullYear(oldest.getUTCFullYear() - 5);
  const far = (millis: number): boolean => millis < oldest.getTime() || millis > now + 86_400_000;
  if (far(at)) return 'time';
  const idTime = timeOfId(id);
  if (idTime !== undefined && far(idTime)) return 'id time';
  const quantity = get('usage.quantity') === '' ? ONE : units(get('usage.quantity'), 15);
  if (quantity === undefined) return 'quantity';
  const cost = get('cost.amount') === '' ? undefined : units(get('cost.amount'), 6);
  if (get('cost.amount') !== '' && cost === undefined) return 'cost';
  const count = (key: string): bigint => (/^\d{1,15}$/.test(get(key)) ? BigInt(get(key)) : 0n);
  return {
    id,
    version: BigInt(version),
    deleted: ['true', '1'].includes(get('usage.deleted')),
    nanos: event.nanos,
    day: dayOf(event.nanos),
    client: get('client.id') || 'unattributed',
    service: get('usage.service'),
    operation: get('usage.operation'),
    provider: get('gen_ai.provider.name'),
    model: get('gen_ai.request.model') || get('gen_ai.response.model'),
    unit: get('usage.unit') || 'request',
    sku: get('usage.sku'),
    quantity,
    cost,
    currency: (get('cost.currency') || 'USD').toUpperCase(),
    source: get('cost.source'),
    outcome: get('usage.outcome') || 'ok',
    inputTokens: count('gen_ai.usage.input_tokens'),
    outputTokens: count('gen_ai.usage.output_tokens'),
  };
}

/** All that was sent, in the order it arrived. */
export class Model {
  readonly #newest = new Map<string, Charge>();
  /** Rejected as often as they were sent. */
  rejected = 0;

  /** Takes note of one arrival; of a resend too. */
  arrived(event: SentEvent, now = Date.now()): void {
    const charge = read(event, now);
    if (typeof charge === 'string') {
      this.rejected++;
      return;
    }
    const known = this.#newest.get(charge.id);
    if (known === undefined || charge.version >= known.version) this.#newest.set(charge.id, charge);
  }

  /** Charges that count. */
  charges(): Charge[] {
    return [...this.#newest.values()].filter(({ deleted }) => !deleted);
  }

  /** How many ids were ever charged, taken back ones too. */
  get ids(): number {
    return this.#newest.size;
  }
}

export interface Figures {
  requests: bigint;
  errors: bigint;
  inputTokens: bigint;
  outputTokens: bigint;
  quantity: bigint;
  cost: bigint;
  unpriced: bigint;
  estimated: bigint;
}

/** In USD; 0 for what cannot be added. */
export const dollars = ({ cost, currency }: Charge): bigint => (currency === 'USD' ? (cost ?? 0n) : 0n);

const isUnpriced = ({ source, cost, outcome, currency }: Charge): boolean =>
  source === 'unpriced' || (cost === undefined && outcome !== 'error') || (cost !== undefined && currency !== 'USD');

export function figures(charges: readonly Charge[]): Figures {
  const sum = (of: (charge: Charge) => bigint): bigint => charges.reduce((total, charge) => total + of(charge), 0n);
  return {
    requests: BigInt(charges.length),
    errors: sum(({ outcome }) => (outcome === 'error' ? 1n : 0n)),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    quantity: sum(({ quantity }) => quantity),
    cost: sum(dollars),
    unpriced: sum((charge) => (isUnpriced(charge) ? 1n : 0n)),
    estimated: sum(({ source }) => (source === 'estimated' ? 1n : 0n)),
  };
}

/** Groups by some texts; the key is a JSON array of them. */
export function groups(charges: readonly Charge[], by: (charge: Charge) => string[]): Map<string, Charge[]> {
  const found = new Map<string, Charge[]>();
  for (const charge of charges) {
    const key = JSON.stringify(by(charge));
    const group = found.get(key);
    if (group === undefined) found.set(key, [charge]);
    else group.push(charge);
  }
  return found;
}

/** The month after or before: YYYY-MM. */
export function monthAfter(month: string, months: number): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  const count = year * 12 + (number - 1) + months;
  return `${Math.floor(count / 12)}-${String((count % 12) + 1).padStart(2, '0')}`;
}

/** Whole percent of a change, halves towards +∞; undefined where there is nothing to compare with. */
export function changePercent(now: bigint, before: bigint | undefined): bigint | undefined {
  if (before === undefined || before === 0n) return undefined;
  const twice = (now - before) * 200n + before;
  const [quotient, remainder] = [twice / (2n * before), twice % (2n * before)];
  return remainder < 0n ? quotient - 1n : quotient;
}

/** Days of a month, from the calendar's own rule. */
export function daysIn(month: string): bigint {
  const [year, number] = month.split('-').map(Number) as [number, number];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return BigInt([31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][number - 1]!);
}

export { DAY };
