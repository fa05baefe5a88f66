import type { Fact } from './facts.ts';

/** What a request to Stripe may bring about. */
export interface Route {
  readonly operation: Fact['operation'];
  /** It moves money; else it only shows what has moved. */
  readonly moves: boolean;
  /** Path without ids, for the span. */
  readonly template: string;
  /** Of the object in the path. */
  readonly id?: string | undefined;
}

const PATH = /^\/v1\/(payment_intents|charges|refunds|disputes|invoices)(?:\/([^/?]+)(?:\/([a-z_]+))?)?(?:\?|$)/;

const OPERATIONS = {
  payment_intents: 'payment_intent',
  charges: 'charge',
  refunds: 'refund',
  disputes: 'dispute',
  invoices: 'payment_intent',
} as const;

/** What a POST to a collection, or to an action on an object (`:id` the object itself), brings about. */
const MOVES: Readonly<Record<string, Fact['operation']>> = {
  payment_intents: 'payment_intent',
  'payment_intents confirm': 'payment_intent',
  'payment_intents capture': 'payment_intent',
  'payment_intents apply_customer_balance': 'payment_intent',
  'payment_intents verify_microdeposits': 'payment_intent',
  charges: 'charge',
  'charges capture': 'charge',
  'charges refund': 'refund',
  'charges refunds': 'refund',
  refunds: 'refund',
  'invoices pay': 'payment_intent',
};
/** Evidence and closing change what a dispute costs. */
const SHOWS = new Set(['disputes :id', 'disputes close']);

/** The route of a request that may be about money; undefined for all others. */
export function routeOf(method: unknown, path: unknown): Route | undefined {
  if (typeof path !== 'string' || (method !== 'POST' && method !== 'GET')) return undefined;
  const match = PATH.exec(path);
  if (match === null) return undefined;
  const [, collection = '', id, action] = match;
  const what = id === undefined ? collection : `${collection} ${action ?? ':id'}`;
  const template = `/v1/${collection}${id === undefined ? '' : '/{id}'}${action === undefined ? '' : `/${action}`}`;
  const operation = OPERATIONS[collection as keyof typeof OPERATIONS];
  if (method === 'GET') {
    const single = id !== undefined && action === undefined && collection !== 'invoices';
    return single ? { operation, moves: false, template, id } : undefined;
  }
  const moves = MOVES[what];
  if (moves !== undefined) return { operation: moves, moves: true, template, id };
  return SHOWS.has(what) ? { operation, moves: false, template, id } : undefined;
}
