import { currentTime } from '../clock.ts';
import { derivedUsageId } from '../recorder/derived-id.ts';
import { getRecorder } from '../recorder/index.ts';
import { type OpenCharge, recallCharge, rememberCharge } from '../recorder/open-charges.ts';
import type { BillableCall, CallEnd, UsageScope } from '../types.ts';
import { endOf } from './end.ts';
import type { Fact } from './facts.ts';
import { rememberIntent, scopeOf } from './scope.ts';

/** Versions of a charge (docs/architecture.md). */
const CREATED = 1;
const REPORTED = 100;
const SETTLED = 1000;

/** What this process has recorded of a charge. */
interface Known extends OpenCharge {
  /** Quantity and cost of the newest event: reported again, it is nothing new. */
  readonly said: string;
  /** Stripe's own figure: the same amount may be other dollars, by Stripe's conversion or by the user's rate. */
  readonly figure: string;
  readonly update: boolean;
}

/** The call that moved the money, and for whom. */
export interface OwnCall {
  readonly call: BillableCall;
  readonly scope: UsageScope;
}

/**
 * Records money that has moved, once, whoever tells it and however often.
 *
 * @param own absent for what is only seen: an event, a charge that is looked at
 * @param moved when the money moved, where that is not now
 * @returns whether the call is ended by it
 */
export function record(fact: Fact, own: OwnCall | undefined, moved?: Date): boolean {
  const key = `stripe:${fact.id}`;
  const heard = recallCharge(key) as Known | undefined;
  // An event may overtake the answer: the call is the charge all the same, and its client pays.
  const known = own !== undefined && heard?.update === true ? undefined : heard;
  const at = known?.at ?? moved ?? currentTime();
  const end = endOf(fact, at);
  const exact = end.cost !== undefined;
  const said = `${end.quantity} ${end.unit} ${end.cost ?? end.sku} ${end.costCurrency}`;
  if (known !== undefined && (known.said === said || outdated(known, fact, end, exact))) return false;

  const least = (exact ? SETTLED : own !== undefined ? CREATED : REPORTED) + (fact.step ?? 0);
  const version = known === undefined ? least : Math.max(least, known.version + 1);
  const scope = known?.scope ?? own?.scope ?? scopeOf([fact.charge, fact.intent], fact.metadata);
  // Who does not know whose charge it is leaves that to the ledger, which finds it by Stripe's id.
  const update = known?.update ?? (own === undefined && !ownsIt(fact, scope));
  const usageId =
    known?.usageId ?? derivedUsageId(update ? `stripe:update:${fact.id}` : key, timeOf(fact.created) ?? at);
  rememberCharge(key, { usageId, version, scope, at, said, figure: figureOf(fact), update } as Known);
  rememberIntent(fact.intent, scope);

  const recorded: CallEnd = { ...end, usageId, version, ...(update ? { update: true } : undefined) };
  if (own !== undefined && known === undefined) {
    own.call.end(recorded);
    return true;
  }
  const { operation } = fact;
  const later = { service: 'stripe', operation, spanName: `stripe ${operation}`, scope, startTime: at };
  getRecorder()
    .start(later)
    .end({ ...recorded, endTime: at });
  return false;
}

/** An estimate of what the exact fee is known of, for the same amount. */
function outdated(known: Known, fact: Fact, end: CallEnd, exact: boolean): boolean {
  if (known.version < SETTLED || exact) return false;
  return fact.operation === 'dispute' || end.unit !== 'usd' || known.figure === figureOf(fact);
}

function figureOf({ amount, currency }: Fact): string {
  return `${amount} ${currency}`;
}

/** Payments may be another process's; a refund or dispute that somebody is named for is that client's. */
function ownsIt(fact: Fact, scope: UsageScope): boolean {
  return (fact.operation === 'refund' || fact.operation === 'dispute') && scope.clientId !== undefined;
}

/** Unix seconds as a Date; undefined for what is none. */
export function timeOf(seconds: unknown): Date | undefined {
  if (typeof seconds !== 'number' || !(seconds > 0) || seconds > 7_258_118_400) return undefined;
  return new Date(seconds * 1000);
}
