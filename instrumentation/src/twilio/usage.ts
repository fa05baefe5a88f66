import type { CallEnd } from '../types.ts';
import { countSegments } from './segments.ts';

/*
 * What Twilio says of a message, call or recording → what is recorded of it. REST answers and callbacks name the same
 * things differently: whoever read them hands in the fields under the names below, as they came (text, null, absent).
 */

/** `price` (negative in Twilio's answers, null until it is known) and `price_unit`. */
export interface SaidPrice {
  readonly price?: unknown;
  readonly priceUnit?: unknown;
}

export interface MessageReport extends SaidPrice {
  /** `status`, `MessageStatus`, `SmsStatus` */
  readonly status?: unknown;
  /** `num_segments`: "0" at creation through a Messaging Service. */
  readonly numSegments?: unknown;
  readonly numMedia?: unknown;
  readonly errorCode?: unknown;
}

/** What is known of a message beside Twilio's report. */
export interface MessageAbout {
  readonly sku?: string | undefined;
  /** Sent or received with media. */
  readonly mms?: boolean | undefined;
  /** Not carried as SMS (WhatsApp, …): counted by the message. */
  readonly channel?: boolean | undefined;
  /** The text, where Twilio does not say how many segments it makes. */
  readonly body?: unknown;
  readonly smartEncoded?: boolean | undefined;
  /** Made with test credentials. */
  readonly test?: boolean | undefined;
}

/** `pending` may still end in any way; an unknown status is pending. */
export type MessagePhase = 'pending' | 'carried' | 'failed' | 'canceled';

// https://support.twilio.com/hc/en-us/articles/27502337507483-Failed-Message-Processing-Fees, read 2026-11-22
/** Errors of failed messages for which Twilio takes no fee: its own, suspensions, limits, pumping protection, Meta's restrictions. */
const FREE_FAILURES = new Set(
  [
    12400, 20500, 20504, 30103, 30500, 63010, 63012, 30036, 30002, 30454, 63038, 90010, 30450, 21408, 63013, 63018,
    63021, 63024, 63032, 30008,
  ].map(String),
);

const PHASES: Readonly<Record<string, MessagePhase>> = {
  sent: 'carried',
  delivered: 'carried',
  // Given to a carrier that did not deliver it: billed as sent.
  undelivered: 'carried',
  partially_delivered: 'carried',
  read: 'carried',
  received: 'carried',
  failed: 'failed',
  canceled: 'canceled',
};

export function messagePhase(status: unknown): MessagePhase {
  const name = nameOf(status);
  return (Object.hasOwn(PHASES, name) ? PHASES[name] : undefined) ?? 'pending';
}

/**
 * A message as its creation (or its arrival) is recorded: segments as Twilio says, else counted and `estimated`; with media,
 * or over a channel that is no SMS, one `message`.
 */
export function messageCreated(report: MessageReport, about: MessageAbout): CallEnd {
  const phase = messagePhase(report.status);
  const settled = phase === 'failed' || phase === 'canceled' ? messageEnd(report, about) : undefined;
  if (settled) return settled;
  return { outcome: 'ok', ...figures(report, about), ...said(report, phase !== 'pending') };
}

/**
 * A later report about a message (a status callback, a fetch): what ends its charge.
 *
 * @returns undefined while it may still end in any way, or where the report says nothing that changes a price
 */
export function messageEnd(report: MessageReport, about: MessageAbout): CallEnd | undefined {
  const phase = messagePhase(report.status);
  if (phase === 'canceled') {
    return { outcome: 'aborted', sku: about.sku, unit: unitOf(report, about), quantity: 0, billed: false };
  }
  if (phase === 'failed') {
    const code = countOf(report.errorCode);
    const errorType = code === undefined || code === 0 ? 'failed' : String(code);
    const free = about.test === true || FREE_FAILURES.has(errorType);
    const bill = free ? { billed: false } : said(report, false);
    // A fee for each message that fails, whatever its length (from 2024-09-30).
    return { outcome: 'error', errorType, sku: 'failed', unit: 'message', quantity: 1, ...bill };
  }
  if (phase === 'pending') return undefined;
  const price = said(report, true);
  const known = !perMessage(report, about) && (countOf(report.numSegments) ?? 0) > 0;
  if (price.cost === undefined && !known) return undefined;
  return { outcome: 'ok', ...figures(report, about), ...price };
}

function perMessage(report: MessageReport, about: MessageAbout): boolean {
  return about.mms === true || about.channel === true || (countOf(report.numMedia) ?? 0) > 0;
}

function unitOf(report: MessageReport, about: MessageAbout): string {
  return perMessage(report, about) ? 'message' : 'segment';
}

function figures(report: MessageReport, about: MessageAbout): Omit<CallEnd, 'outcome'> {
  const sku = about.sku;
  const billed = about.test === true ? { billed: false } : undefined;
  if (perMessage(report, about)) return { sku, unit: 'message', quantity: 1, ...billed };
  const given = countOf(report.numSegments) ?? 0;
  if (given > 0) return { sku, unit: 'segment', quantity: given, ...billed };
  const counted = countSegments(about.body, about.smartEncoded);
  if (counted !== undefined) return { sku, unit: 'segment', quantity: counted, estimated: true, ...billed };
  // At least one; how many, nobody here knows (a Content template).
  const unpricedReason = 'Twilio has not said how many segments the message has, and its text is not known here';
  return { sku, unit: 'segment', quantity: 1, unpricedReason, ...billed };
}

export interface CallReport extends SaidPrice {
  /** `status`, `CallStatus` */
  readonly status?: unknown;
  /** Seconds: `duration` of the REST API, `CallDuration` of a callback (whose `Duration` is minutes). */
  readonly seconds?: unknown;
}

const CALL_ENDS = new Set(['completed', 'busy', 'failed', 'no-answer', 'canceled']);

/** Whether a call with this status is over; an unknown status is not. */
export function isCallEnded(status: unknown): boolean {
  return CALL_ENDS.has(nameOf(status));
}

/** A call as it is recorded when it is made: known, but neither its length nor its price. */
export function callCreated(sku: string | undefined): CallEnd {
  return { outcome: 'ok', sku, unit: 'minute', quantity: 0, unpricedReason: 'the call has not ended' };
}

/**
 * A call that is over, in minutes as Twilio bills them: every started one. One that nobody answered costs nothing.
 *
 * @returns undefined where the status is not one that ends a call
 */
export function callEnd(report: CallReport, about: { readonly sku?: string | undefined }): CallEnd | undefined {
  const status = nameOf(report.status);
  if (!CALL_ENDS.has(status)) return undefined;
  if (status === 'completed') return { outcome: 'ok', ...minutes(report, about.sku, 'call') };
  const outcome = status === 'failed' ? 'error' : status === 'canceled' ? 'aborted' : 'ok';
  const errorType = outcome === 'error' ? { errorType: 'failed' } : undefined;
  return { outcome, ...errorType, sku: about.sku, unit: 'minute', quantity: 0, billed: false };
}

export interface RecordingReport extends SaidPrice {
  /** `status`, `RecordingStatus` */
  readonly status?: unknown;
  /** Seconds: `duration`, `RecordingDuration`; -1 until it is known. */
  readonly seconds?: unknown;
}

const RECORDING_ENDS = new Set(['completed', 'absent', 'failed']);

export function recordingCreated(): CallEnd {
  return { outcome: 'ok', unit: 'minute', quantity: 0, unpricedReason: 'the recording has not ended' };
}

/** A recording that is over, in started minutes; one that did not come about (`absent`, `failed`) costs nothing. */
export function recordingEnd(report: RecordingReport): CallEnd | undefined {
  const status = nameOf(report.status);
  if (!RECORDING_ENDS.has(status)) return undefined;
  if (status === 'completed') return { outcome: 'ok', ...minutes(report, undefined, 'recording') };
  const failed = status === 'failed' ? ({ outcome: 'error', errorType: 'failed' } as const) : undefined;
  return { outcome: 'ok', ...failed, unit: 'minute', quantity: 0, billed: false };
}

/** Started minutes of a length in seconds: 1 for 1 to 60, 0 for 0; undefined for what is no length. */
export function startedMinutes(seconds: unknown): number | undefined {
  const length = typeof seconds === 'string' && seconds.trim() !== '' ? Number(seconds) : seconds;
  if (typeof length !== 'number' || !Number.isFinite(length) || length < 0 || length > 1e9) return undefined;
  return Math.ceil(length / 60);
}

function minutes(report: CallReport, sku: string | undefined, what: string): Omit<CallEnd, 'outcome'> {
  const count = startedMinutes(report.seconds);
  const price = said(report, true);
  if (count !== undefined) return { sku, unit: 'minute', quantity: count, ...price };
  const absent = report.seconds === undefined || report.seconds === null || report.seconds === '';
  const unpricedReason = absent
    ? `Twilio has not said how long the ${what} was`
    : `the ${what}'s duration is not a length`;
  return {
    sku,
    unit: 'minute',
    quantity: 0,
    unpricedReason,
    ...(absent ? undefined : { raw: rawOf(report.seconds) }),
    ...price,
  };
}

/**
 * Twilio's own price. A zero before the end is not one.
 *
 * @param final whether what is reported can change no more
 */
function said(report: SaidPrice, final: boolean): Pick<CallEnd, 'cost' | 'costCurrency'> {
  const text = typeof report.price === 'number' ? String(report.price) : report.price;
  if (typeof text !== 'string') return {};
  const match = /^\s*[-+]?(\d+(?:\.\d*)?|\.\d+)\s*$/.exec(text);
  if (!match || (!final && !/[1-9]/.test(text))) return {};
  const unit = typeof report.priceUnit === 'string' && report.priceUnit.trim() !== '' ? report.priceUnit : 'USD';
  return { cost: match[1], costCurrency: unit };
}

/** A count in a text or number; undefined for anything else. */
function countOf(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && (count as number) >= 0 ? (count as number) : undefined;
}

function nameOf(value: unknown): string {
  return typeof value === 'string' ? value.trim().toLowerCase() : '';
}

function rawOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 100) : typeof value;
}
