import type { Random } from '../../../support/fault.ts';
import { type SentEvent, timeOfId } from './model.ts';

const SECOND = 1_000_000_000n;

/** Moments at which a day, a month or a year ends, in UTC or in a zone that somebody might use instead; ISO with nanoseconds. */
export const EDGES: readonly string[] = [
  '2024-02-28T23:59:59.999999999Z',
  '2024-02-29T00:00:00.000000000Z',
  '2024-02-29T23:59:59.999999999Z',
  '2024-03-01T00:00:00.000000000Z',
  '2023-12-31T23:59:59.999999999Z',
  '2024-01-01T00:00:00.000000000Z',
  '2025-02-28T23:59:59.999999999Z',
  '2025-03-01T00:00:00.000000000Z',
  // Daylight saving begins and ends in Edmonton; its midnight is 6 or 7 in the morning.
  '2025-03-09T09:00:00.000000000Z',
  '2025-11-02T08:00:00.000000000Z',
  '2025-12-01T06:59:59.999999999Z',
  '2026-01-01T06:30:00.000000000Z',
  // Midnight of a month in Apia (+13) and Kathmandu (+5:45).
  '2025-09-30T11:00:00.000000000Z',
  '2025-10-31T18:15:00.000000000Z',
];

export function nanosOf(iso: string): bigint {
  const [, seconds = '', fraction = ''] = /^(.{19})(?:\.(\d{1,9}))?Z$/.exec(iso) ?? [];
  return BigInt(Date.parse(`${seconds}Z`) / 1000) * SECOND + BigInt(fraction.padEnd(9, '0'));
}

/** A UUID of version 7 with this time, or of version 4 without one. */
export function uuid(random: Random, millis: number | undefined): string {
  const hex = (digits: number) => Array.from({ length: digits }, () => random.int(0, 15).toString(16)).join('');
  const head = millis === undefined ? hex(12) : millis.toString(16).padStart(12, '0');
  return `${head.slice(0, 8)}-${head.slice(8)}-${millis === undefined ? 4 : 7}${hex(3)}-8${hex(3)}-${hex(12)}`;
}

/** An amount of at most `max` dollars with 12 decimals, as a text. */
const amount = (random: Random, max: number): string =>
  `${random.int(0, max)}.${String(random.int(0, 999_999)).padStart(6, '0')}${String(random.int(0, 999_999)).padStart(6, '0')}`;

const CLIENTS = ['acme', 'globex', "o'hara \\ söhne", 'initech', ''] as const;
const SERVICES = ['openai', 'twilio_sms', 'twilio_voice', 'stripe', 'cloudflare_r2', 'elsewhere'] as const;
export const clientsOf = (): string[] => CLIENTS.map((client) => client || 'unattributed');

/**
 * A random moment: an edge of the calendar, of the last hour, tomorrow, or one of a few days back to years ago. Few days, because each is a partition of
 * otel_logs, and a hundred of them make an insert slow.
 */
export function moment(random: Random, now = Date.now()): bigint {
  const day = 86_400_000;
  const back = random.pick([0, 0, 0, 1, 34, 36, 400, 1_700]);
  switch (random.int(0, 5)) {
    case 0:
    case 1:
      return nanosOf(random.pick(EDGES.slice(0, 6)));
    case 2:
      return BigInt(now + random.int(0, 23 * 3_600_000)) * 1_000_000n;
    default:
      return BigInt(now - back * day - random.int(0, 3_600_000)) * 1_000_000n;
  }
}

/** The attributes of one version of a charge. */
function attributes(random: Random, id: string, version: number): Record<string, string> {
  const service = random.pick(SERVICES);
  const model = service === 'openai';
  const source = random.pick(['price_book', 'price_book', 'price_book', 'estimated', 'unpriced', 'provider']);
  const found: Record<string, string> = {
    'usage.id': id,
    'usage.version': String(version),
    'client.id': random.pick(CLIENTS),
    'usage.service': service,
    'usage.operation': model ? random.pick(['chat_completion', 'embedding']) : 'request',
    'gen_ai.provider.name': model ? 'openai' : '',
    'gen_ai.request.model': model ? random.pick(['gpt-4o-mini', 'gpt-4o', '']) : '',
    'gen_ai.response.model': model ? 'gpt-4o-2024-08-06' : '',
    'gen_ai.usage.input_tokens': model ? String(random.int(0, 5_000)) : '',
    'gen_ai.usage.output_tokens': model ? random.pick(['12', '0', '-3', '70000']) : '',
    'usage.quantity': random.pick(['', '1', '2.5', '0.000000000001', '3']),
    'usage.unit': random.pick(['request', 'segment']),
    'cost.amount': source === 'unpriced' ? '' : amount(random, random.pick([0, 0, 9, 999_999])),
    'cost.currency': random.pick(['USD', 'USD', 'USD', 'usd', '', 'EUR']),
    'cost.source': source,
    'usage.outcome': random.pick(['ok', 'ok', '', 'error', 'aborted']),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== ''));
}

/** What the ledger must refuse. */
const SPOILT: readonly Readonly<Record<string, string>>[] = [
  { 'usage.id': 'no-uuid' },
  { 'usage.version': '0' },
  { 'usage.service': '' },
  { 'cost.amount': '-1' },
  { 'cost.amount': '0.0000000000001' },
  { 'usage.quantity': 'many' },
];

/** All versions of one charge, oldest first: each may have another client, day and price; some are taken back, some are unreadable. */
export function charge(random: Random): SentEvent[] {
  const first = moment(random);
  const millis = Number(first / 1_000_000n);
  // Mostly of the charge's own time; of another day; with no time at all.
  const idTime = random.pick([millis, millis, millis, Number(moment(random) / 1_000_000n), undefined]);
  const id = uuid(random, idTime === undefined ? undefined : Math.min(idTime, Date.now() + 80_000_000));
  const versions: SentEvent[] = [];
  const last = random.pick([1, 1, 1, 2, 3, 5]);
  for (let version = 1; version <= last; version++) {
    const over: Record<string, string> = {};
    if (version > 1 && version === last && random.int(0, 3) === 0) over['usage.deleted'] = random.pick(['true', '1']);
    if (random.int(0, 19) === 0) Object.assign(over, random.pick(SPOILT));
    const nanos = version === 1 || random.int(0, 1) === 0 ? first : moment(random);
    versions.push({ nanos, serviceName: 'checkout', attributes: { ...attributes(random, id, version), ...over } });
  }
  return versions;
}

/** An id of version 7 whose own time is out of the ledger's bounds would be refused. */
export const isReadableId = (id: string): boolean => (timeOfId(id) ?? Date.now()) < Date.now() + 86_400_000;

/** Everything of `count` charges, each version sent 1 to `copies` times, in any order. */
export function deliveries(random: Random, count: number, copies = 3): SentEvent[] {
  const events = Array.from({ length: count }, () => charge(random)).flat();
  return random.shuffle(events.flatMap((event) => Array.from({ length: random.int(1, copies) }, () => event)));
}

/** Cut into batches of 1 to `most`. */
export function batches<T>(random: Random, items: readonly T[], most: number): T[][] {
  const cut: T[][] = [];
  for (let at = 0; at < items.length; ) {
    const size = random.int(1, most);
    cut.push(items.slice(at, at + size));
    at += size;
  }
  return cut;
}
