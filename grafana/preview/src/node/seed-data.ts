/** A client, and how much it uses: a factor on every call's number per day, six months ago first, this month last. */
export interface SeedClient {
  readonly id: string;
  /** Absent: no row in the table clients. */
  readonly name?: string;
  readonly active?: boolean;
  /** Own thresholds, USD a month: warning, critical. */
  readonly limits?: readonly [number, number];
  readonly months: readonly [number, number, number, number, number, number, number];
}

export const CLIENTS: readonly SeedClient[] = [
  { id: 'birch-realty', name: 'Birch & Sons Realty', months: [0.6, 0.65, 0.7, 0.8, 0.85, 0.95, 1.9] },
  { id: 'alder-dental', name: 'Alder Dental', months: [0.5, 0.5, 0.55, 0.6, 0.6, 0.7, 0.78] },
  { id: 'elm-roofing', name: 'Elm Street Roofing', limits: [150, 250], months: [0.9, 1, 1, 1.1, 1.2, 1.3, 1.35] },
  { id: 'cedar-fitness', name: 'Cedar Fitness', months: [0.2, 0.2, 0.2, 0.25, 0.25, 0.24, 0.5] },
  { id: 'dogwood-vet', name: 'Dogwood Veterinary', months: [0.4, 0.4, 0.45, 0.45, 0.5, 0.5, 0.36] },
  { id: 'fir-auto', name: 'Fir Auto Repair', months: [0.12, 0.15, 0.12, 0.15, 0.14, 0.16, 0.15] },
  {
    id: 'juniper-law',
    name: 'Juniper Law Partners (Calgary and Edmonton)',
    months: [0.3, 0.3, 0.28, 0.3, 0.33, 0.3, 0.31],
  },
  { id: 'hazel-bistro', name: 'Hazel Bistro', months: [0, 0, 0, 0, 0, 0, 0.12] },
  { id: 'larch-travel', name: 'Larch Travel', active: false, months: [0.2, 0.2, 0.1, 0, 0, 0, 0] },
  { id: 'unattributed', months: [0.01, 0.01, 0.02, 0.01, 0.02, 0.02, 0.02] },
];

/** One kind of call; prices in USD: tokens per million, units each, and what is added to each call. */
export interface SeedCall {
  readonly service: string;
  readonly operation: string;
  readonly provider?: string;
  readonly model?: string;
  /** Number per day at factor 1. */
  readonly perDay: number;
  readonly unit?: string;
  readonly input?: readonly [number, number];
  readonly output?: readonly [number, number];
  readonly quantity?: readonly [number, number];
  readonly perInput?: number;
  readonly perOutput?: number;
  readonly perUnit?: number;
  readonly plus?: number;
  readonly source?: 'price_book' | 'estimated' | 'provider' | 'unpriced';
}

const openai = { service: 'openai', provider: 'openai' } as const;

export const CALLS: readonly SeedCall[] = [
  {
    ...openai,
    operation: 'chat_completion',
    model: 'gpt-4o',
    perDay: 62,
    input: [900, 5200],
    output: [90, 640],
    perInput: 2.5,
    perOutput: 10,
  },
  {
    ...openai,
    operation: 'chat_completion',
    model: 'gpt-4o-mini',
    perDay: 90,
    input: [300, 6000],
    output: [40, 500],
    perInput: 0.15,
    perOutput: 0.6,
  },
  {
    ...openai,
    operation: 'response',
    model: 'gpt-4.1',
    perDay: 22,
    input: [1200, 9000],
    output: [150, 1200],
    perInput: 2,
    perOutput: 8,
  },
  {
    ...openai,
    operation: 'embedding',
    model: 'text-embedding-3-small',
    perDay: 40,
    input: [200, 2200],
    perInput: 0.02,
  },
  {
    ...openai,
    operation: 'chat_completion',
    model: 'ft:gpt-4o-mini:north-star:intake:Bx2',
    perDay: 3,
    input: [300, 900],
    output: [20, 90],
    source: 'unpriced',
  },
  {
    service: 'groq',
    provider: 'groq',
    operation: 'chat_completion',
    model: 'llama-3.3-70b-versatile',
    perDay: 12,
    input: [400, 3000],
    output: [50, 400],
    perInput: 0.59,
    perOutput: 0.79,
    source: 'estimated',
  },
  { service: 'twilio_sms', operation: 'send_sms', perDay: 46, unit: 'segment', quantity: [1, 3], perUnit: 0.0083 },
  { service: 'twilio_sms', operation: 'receive_sms', perDay: 25, unit: 'segment', quantity: [1, 2], perUnit: 0.0083 },
  {
    service: 'twilio_voice',
    operation: 'outbound_call',
    perDay: 5,
    unit: 'minute',
    quantity: [1, 11],
    perUnit: 0.014,
    source: 'provider',
  },
  { service: 'twilio_voice', operation: 'inbound_call', perDay: 4, unit: 'minute', quantity: [1, 8], perUnit: 0.0085 },
  { service: 'google_places', operation: 'text_search', perDay: 5, perUnit: 0.032 },
  { service: 'google_places', operation: 'place_details', perDay: 7, perUnit: 0.017 },
  {
    service: 'stripe',
    operation: 'payment_intent',
    perDay: 0.5,
    perUnit: 0.02,
    quantity: [20, 90],
    plus: 0.3,
    unit: 'payment',
    source: 'provider',
  },
  { service: 'cloudflare_r2', operation: 'put_object', perDay: 30, perUnit: 0.0000045 },
  { service: 'cloudflare_r2', operation: 'get_object', perDay: 60, perUnit: 0.00000036 },
];
