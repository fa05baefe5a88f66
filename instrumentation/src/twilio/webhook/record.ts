import { warnOnce } from '../../log.ts';
import { derivedUsageId } from '../../recorder/derived-id.ts';
import { getRecorder } from '../../recorder/index.ts';
import { type OpenCharge, recallCharge, rememberCharge } from '../../recorder/open-charges.ts';
import type { UsageScope } from '../../types.ts';
import { chargeKey, recallTwilioCharge, type TwilioCharge } from '../charges.ts';
import type { WebhookParams } from './params.ts';
import { reportsOf, type WebhookReport } from './reports.ts';

/**
 * Records what a verified webhook says about charges. Never throws.
 *
 * @param at when it came
 * @param scope of the request at its end: who pays for what begins with it
 */
export function recordWebhook(params: WebhookParams, at: Date, scope: UsageScope): void {
  try {
    for (const report of reportsOf(params, at)) recordReport(report, at, scope);
  } catch (error) {
    warnOnce('twilio-webhook:record', 'a webhook of Twilio could not be recorded', error);
  }
}

function recordReport(report: WebhookReport, at: Date, scope: UsageScope): void {
  const known = recallTwilioCharge(report.sid);
  if (known !== undefined) followUp(known, report);
  else if (report.update) sendUpdate(report, at, scope);
  else begin(report, at, scope);
}

/** The charge is one of this process: the same id, client and time. What has been said already is not said again. */
function followUp(charge: TwilioCharge, report: WebhookReport): void {
  if (charge.version >= report.version) return;
  const end = report.end(charge);
  if (end === undefined) return;
  charge.version = report.version;
  const { service, operation, scope, at, usageId } = charge;
  emit({ service, operation, scope, at }, { ...end, usageId, version: report.version, externalId: report.sid });
}

/** Nobody else records this charge: the webhook is its beginning. */
function begin(report: WebhookReport, at: Date, around: UsageScope): void {
  const { service, operation, sid, version, about } = report;
  const end = report.end(about);
  if (end === undefined) return;
  const scope = scopeOf(report, around);
  const usageId = derivedId(report, at);
  emit({ service, operation, scope, at }, { ...end, usageId, version, externalId: sid });
  const charge: TwilioCharge = { ...about, service, operation, usageId, version, scope, at };
  rememberCharge(chargeKey(sid), charge);
}

/**
 * The charge is, or may be, one of another process: the ledger finds it. Kept apart from the charges of this process,
 * whose ids are the ledger's.
 */
function sendUpdate(report: WebhookReport, at: Date, around: UsageScope): void {
  const { service, operation, sid, version } = report;
  const key = updateKey(sid);
  const sent = recallCharge(key);
  if (sent !== undefined && sent.version >= version) return;
  const end = report.end(report.about);
  if (end === undefined) return;
  const scope = sent?.scope ?? scopeOf(report, around);
  const charge: OpenCharge = { usageId: sent?.usageId ?? derivedId(report, at), version, scope, at: sent?.at ?? at };
  const usageId = charge.usageId;
  emit({ service, operation, scope, at: charge.at }, { ...end, usageId, version, update: true, externalId: sid });
  rememberCharge(key, charge);
}

type About = Pick<TwilioCharge, 'service' | 'operation' | 'scope' | 'at'>;

function emit({ service, operation, scope, at }: About, end: Parameters<ReturnType<typeof start>['end']>[0]): void {
  start({ service, operation, scope, at }).end({ ...end, endTime: at });
}

function start({ service, operation, scope, at }: About) {
  return getRecorder().start({ service, operation, spanName: `${service} ${operation}`, scope, startTime: at });
}

function derivedId({ service, sid, since }: WebhookReport, at: Date): string {
  return derivedUsageId(`${service}:${sid}`, since ?? at);
}

/**
 * Who pays: whom the webhook's request names, else whoever pays for the call that a leg or a recording belongs to.
 * `usageContext({ operation })` in a handler names the calls that the handler makes, not what made the handler run.
 */
function scopeOf({ parent }: WebhookReport, around: UsageScope): UsageScope {
  const known = around.clientId === undefined && parent !== undefined;
  const call = known ? (recallTwilioCharge(parent) ?? recallCharge(updateKey(parent))) : undefined;
  return { ...(call?.scope ?? around), operation: undefined };
}

function updateKey(sid: string): string {
  return `twilio-update:${sid}`;
}
