import { currentScope } from '../attribution/index.ts';
import { currentTime } from '../clock.ts';
import { getRecorder } from '../recorder/index.ts';
import { type OpenCharge, recallCharge, rememberCharge } from '../recorder/open-charges.ts';
import type { BillableCall, CallEnd, UsageScope } from '../types.ts';

export type TwilioService = 'twilio_sms' | 'twilio_voice' | 'twilio_phone';

/** A charge of this process with what a later report about it needs to know. */
export interface TwilioCharge extends OpenCharge {
  readonly service: TwilioService;
  readonly operation: string;
  readonly sku?: string | undefined;
  readonly mms?: boolean | undefined;
  readonly channel?: boolean | undefined;
  readonly test?: boolean | undefined;
  /** Its usage is as Twilio said it, from the start. */
  readonly exact?: boolean | undefined;
}

/** `usage.version` of what ends a charge, by callback or by what a later answer says. */
export const FINAL = 100;
/** Of Twilio's own price, where it became known after the end. */
export const PRICED = 101;

/** How open charges are called: `twilio:SM…`, `twilio:CA…`, `twilio:RE…`. */
export function chargeKey(sid: string): string {
  return `twilio:${sid}`;
}

export type Creation = Omit<TwilioCharge, 'usageId' | 'version' | 'scope' | 'at'>;

let made = false;

/** Whether this process has made any charge that a later answer may end. */
export function anyCharge(): boolean {
  return made;
}

/** Ends the call that made a charge and remembers it for what is reported later. */
export function createCharge(
  call: BillableCall,
  sid: string | undefined,
  scope: UsageScope,
  about: Creation,
  end: CallEnd,
): void {
  made = true;
  const at = currentTime();
  call.end({ ...end, externalId: sid });
  const usageId = end.usageId ?? call.id;
  if (sid !== undefined && usageId !== undefined)
    rememberCharge(chargeKey(sid), { ...about, usageId, version: 1, scope, at } as TwilioCharge);
}

/** The charge of a sid, where this process made it and still knows it. */
export function recallTwilioCharge(sid: string): TwilioCharge | undefined {
  return recallCharge(chargeKey(sid)) as TwilioCharge | undefined;
}

/**
 * Records the end of a charge that this process has open: same `usage.id`, client and time, version 100 (101 for Twilio's price
 * after an end without one). What has been said already is not said again.
 *
 * @returns whether the charge is one of this process
 */
export function endOpenCharge(sid: string, endOf: (charge: TwilioCharge) => CallEnd | undefined): boolean {
  const charge = recallTwilioCharge(sid);
  if (charge === undefined) return false;
  if (charge.version >= PRICED) return true;
  const end = endOf(charge);
  if (end === undefined) return true;
  const version = charge.version < FINAL && end.cost === undefined ? FINAL : PRICED;
  if (charge.version >= FINAL && end.cost === undefined) return true;
  charge.version = version;
  const { service, operation, scope, at, usageId } = charge;
  getRecorder()
    .start({ service, operation, spanName: `${service} ${operation}`, scope, startTime: at })
    .end({ ...end, usageId, version, externalId: sid, endTime: at });
  return true;
}

/** The scope to remember with a charge: who pays for what is reported of it later. */
export function scopeNow(): UsageScope {
  return currentScope() ?? {};
}
