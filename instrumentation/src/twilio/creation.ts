import type { Attributes } from '@opentelemetry/api';
import { currentTime } from '../clock.ts';
import { derivedUsageId } from '../recorder/derived-id.ts';
import { getRecorder } from '../recorder/index.ts';
import type { CallEnd, UsageScope } from '../types.ts';
import { type Creation, createCharge, scopeNow, type TwilioService } from './charges.ts';
import { errorTypeOf, isNeverSent } from './errors.ts';
import type { Client, Fields, RequestOptions } from './internal-types.ts';
import type { Resource } from './resource.ts';
import { channelOf, destinationSku, isTestNumber, type NumberKind, numberSku } from './sku.ts';
import { callCreated, callEnd, messageCreated, recordingCreated, recordingEnd } from './usage.ts';
import { fieldsOf, sidOf, type Watch } from './watch.ts';

/** How the answer to a request that made something is recorded. */
interface Plan {
  readonly service: TwilioService;
  readonly operation: string;
  /** Of the request: what is recorded when it fails. */
  readonly unit: string;
  readonly sku?: string | undefined;
  /** The answer's field that names what was made; `sid` where absent. */
  readonly sidField?: 'call_sid';
  read(answer: Fields, sid: string): { readonly end: CallEnd; readonly about?: Partial<Creation> };
}

const UNKNOWN = 'whether Twilio did what was asked is not known: no answer came';

/** Records a request that makes something Twilio bills; undefined for other requests. */
export function watchCreation(resource: Resource, client: Client, options: RequestOptions): Watch | undefined {
  const fields = (typeof options.data === 'object' && options.data !== null ? options.data : {}) as Fields;
  const plan = planOf(resource, fields);
  if (plan === undefined) return undefined;
  const { service, operation } = plan;
  const scope: UsageScope = scopeNow();
  const attributes = serverOf(client, options.uri);
  const call = getRecorder().start({ service, operation, spanName: `${service} ${operation}`, attributes, scope });
  const fail = (end: Partial<CallEnd>): void => {
    call.end({ outcome: 'error', sku: plan.sku, unit: plan.unit, quantity: 0, ...end });
  };
  return {
    context: call.context,
    answered(status, body) {
      const attributes: Attributes = status === undefined ? {} : { 'http.response.status_code': status };
      const answer = fieldsOf(body);
      if (status !== undefined && status >= 300) {
        // Twilio's own errors are never billed; another server's 5xx does not say what Twilio did.
        const own = status < 500 || Number.isSafeInteger(answer?.code);
        const errorType = Number.isSafeInteger(answer?.code) ? String(answer?.code) : String(status);
        fail({ errorType, attributes, ...(own ? { billed: false } : { quantity: 1, unpricedReason: UNKNOWN }) });
        return;
      }
      if (resource.kind === 'release') {
        call.end({ outcome: 'ok', unit: plan.unit, quantity: 0, billed: false, externalId: resource.sid, attributes });
        return;
      }
      const sid = sidOf(answer?.[plan.sidField ?? 'sid']);
      if (answer === undefined || sid === undefined) {
        call.end({
          outcome: 'ok',
          sku: plan.sku,
          unit: plan.unit,
          attributes,
          unpricedReason: 'the answer has no sid',
        });
        return;
      }
      const { end, about } = plan.read(answer, sid);
      createCharge(call, sid, scope, { service, operation, ...about }, { ...end, attributes });
    },
    failed(error, sent) {
      const billed = sent && !isNeverSent(error);
      const errorType = errorTypeOf(error);
      fail({ error, errorType, ...(billed ? { quantity: 1, unpricedReason: UNKNOWN } : { billed: false }) });
    },
    unreadable() {
      call.end({ outcome: 'ok', sku: plan.sku, unit: plan.unit, unpricedReason: 'the answer could not be read' });
    },
  };
}

function planOf(resource: Resource, fields: Fields): Plan | undefined {
  switch (resource.kind) {
    case 'new_message':
      return messagePlan(fields);
    case 'new_call':
      return callPlan(fields);
    case 'new_participant':
      // A call that is made into a conference: what is billed, and told of later, is the call.
      return { ...callPlan(fields), sidField: 'call_sid' };
    case 'new_recording':
      return {
        service: 'twilio_voice',
        operation: 'recording',
        unit: 'minute',
        read: (answer) => ({ end: recordingEnd({ ...answer, seconds: answer.duration }) ?? recordingCreated() }),
      };
    case 'new_number':
      return numberPlan(fields, resource.numberKind);
    case 'release':
      return {
        service: 'twilio_phone',
        operation: 'release_number',
        unit: 'number_month',
        read: () => ({ end: { outcome: 'ok' } }),
      };
    default:
      return undefined;
  }
}

function messagePlan(fields: Fields): Plan {
  const { To, From, Body, MediaUrl, SendAsMms, SmartEncoded } = fields;
  const channelName = channelOf(To) ?? channelOf(From);
  const channel = channelName !== undefined;
  const media = Array.isArray(MediaUrl) ? MediaUrl.length > 0 : typeof MediaUrl === 'string' && MediaUrl !== '';
  const mms = !channel && (media || String(SendAsMms) === 'true');
  const sku = channelName ?? destinationSku(To);
  const test = isTestNumber(From);
  return {
    service: 'twilio_sms',
    operation: channel ? `send_${channelName}` : mms ? 'send_mms' : 'send_sms',
    unit: channel || mms ? 'message' : 'segment',
    sku,
    read(answer) {
      const about = { sku: sku ?? destinationSku(answer.to), mms, channel, test };
      const report = {
        status: answer.status,
        numSegments: answer.num_segments,
        numMedia: answer.num_media,
        errorCode: answer.error_code,
        price: answer.price,
        priceUnit: answer.price_unit,
      };
      const smartEncoded = String(SmartEncoded) === 'true';
      // Twilio's text first: a trial account's has a sentence in front, shortened links are in it.
      const body = typeof answer.body === 'string' && answer.body !== '' ? answer.body : Body;
      const end = messageCreated(report, { ...about, body, smartEncoded });
      const exact = end.estimated !== true && end.unpricedReason === undefined;
      return { end, about: { ...about, exact } };
    },
  };
}

function callPlan({ To, From }: Fields): Plan {
  const sku = destinationSku(To);
  return {
    service: 'twilio_voice',
    operation: 'outbound_call',
    unit: 'minute',
    sku,
    read(answer) {
      const about = { sku: sku ?? destinationSku(answer.to), test: isTestNumber(From) };
      if (about.test)
        return { end: { outcome: 'ok', sku: about.sku, unit: 'minute', quantity: 0, billed: false }, about };
      const report = { ...answer, seconds: answer.duration, priceUnit: answer.price_unit };
      return { end: callEnd(report, about) ?? callCreated(about.sku), about };
    },
  };
}

function numberPlan(fields: Fields, kind: NumberKind | undefined): Plan {
  const asked = fields.PhoneNumber ?? (typeof fields.AreaCode === 'string' ? `+1${fields.AreaCode}5550000` : undefined);
  const sku = numberSku(asked, kind);
  return {
    service: 'twilio_phone',
    operation: 'provision_number',
    unit: 'number_month',
    sku,
    read(answer, sid) {
      const number = answer.phone_number ?? asked;
      const created = typeof answer.date_created === 'string' ? Date.parse(answer.date_created) : Number.NaN;
      const start = Number.isNaN(created) ? currentTime() : new Date(created);
      const end: CallEnd = {
        outcome: 'ok',
        sku: numberSku(number, kind) ?? sku,
        unit: 'number_month',
        quantity: 1,
        usageId: numberMonthId(sid, start),
        ...(isTestNumber(number) ? { billed: false } : undefined),
      };
      return { end };
    },
  };
}

/**
 * The `usage.id` of one month of a number, whoever reports it.
 *
 * @param start of the month: the day it was bought, or the same day of a later month (UTC)
 */
export function numberMonthId(sid: string, start: Date): string {
  return derivedUsageId(`twilio_phone:${sid}:${start.toISOString().slice(0, 10)}`, start);
}

const SERVER = /^(https?):\/\/(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]+)(?::(\d+))?/i;

/** The host that the request goes to: the client adds its region and edge to the URI's. */
function serverOf(client: Client, uri: unknown): Attributes {
  const match = typeof uri === 'string' ? SERVER.exec(uri) : null;
  const host = match?.[2];
  if (!match || host === undefined) return {};
  const routed = client.edge || client.region ? client.getHostname?.(host, client.edge, client.region) : host;
  const port = match[3] === undefined ? (match[1]?.toLowerCase() === 'http' ? 80 : 443) : Number(match[3]);
  return { 'server.address': routed ?? host, 'server.port': port };
}
