import { segmentsOf } from './segments.ts';
import type { State } from './state.ts';
import type { Params, Resource, TwilioRequest } from './types.ts';
import { newSid, TwilioError } from './wire.ts';

const ADDRESS = /^(\+?[1-9]\d{4,14}|[a-z]+:.+)$/i;

/** POST Messages.json */
export function createMessage(state: State, { form, accountSid }: TwilioRequest): Resource {
  const to = form.get('To') ?? '';
  const service = form.get('MessagingServiceSid');
  const media = form.getAll('MediaUrl');
  const body = form.get('Body');
  if (to === '') throw new TwilioError(400, 21604, "A 'To' phone number is required.");
  if (!ADDRESS.test(to) || to === '+15005550001') throw new TwilioError(400, 21211, `Invalid 'To' Phone Number: ${to}`);
  if (form.get('From') === null && service === null)
    throw new TwilioError(400, 21603, "A 'From' phone number is required.");
  if (body === null && media.length === 0 && form.get('ContentSid') === null) {
    throw new TwilioError(400, 21602, 'Message body is required.');
  }
  if (body !== null && body.length > 1600) {
    throw new TwilioError(400, 21617, 'The concatenated message body exceeds the 1600 character limit');
  }
  const scheduled = form.get('ScheduleType') === 'fixed';
  if (scheduled && (service === null || form.get('SendAt') === null)) {
    throw new TwilioError(400, 35118, 'MessagingServiceSid is required to schedule a message');
  }
  const now = state.date();
  const message: Resource = {
    ...skeleton(accountSid, newSid(media.length > 0 ? 'MM' : 'SM')),
    body: body ?? '',
    num_segments: service === null ? (media.length > 0 ? '1' : String(segmentsOf(body ?? ''))) : '0',
    num_media: String(media.length),
    direction: 'outbound-api',
    from: form.get('From'),
    to,
    date_created: now,
    date_updated: now,
    status: scheduled ? 'scheduled' : service === null ? 'queued' : 'accepted',
    messaging_service_sid: service,
  };
  state.messages.set(message.sid, message);
  const callback = form.get('StatusCallback') ?? undefined;
  if (!scheduled) sendOn(state, message, callback);
  return { ...message };
}

function skeleton(accountSid: string, sid: string): Resource {
  const uri = `/2010-04-01/Accounts/${accountSid}/Messages/${sid}`;
  return {
    account_sid: accountSid,
    api_version: '2010-04-01',
    body: '',
    date_created: null,
    date_sent: null,
    date_updated: null,
    direction: 'outbound-api',
    error_code: null,
    error_message: null,
    from: null,
    messaging_service_sid: null,
    num_media: '0',
    num_segments: '1',
    price: null,
    price_unit: 'USD',
    sid,
    status: 'queued',
    subresource_uris: { media: `${uri}/Media.json` },
    to: null,
    uri: `${uri}.json`,
  };
}

/** The life of a message: sent, its end, and later its price. */
function sendOn(state: State, message: Resource, callback: string | undefined): void {
  const outcome = state.options.message?.(message) ?? {};
  const end = outcome.status ?? 'delivered';
  const become = async (status: string): Promise<void> => {
    if (message.status === 'canceled') return;
    message.status = status;
    message.date_updated = state.date();
    if (message.num_segments === '0') message.num_segments = String(segmentsOf(String(message.body)));
    if (status === 'failed' || status === 'undelivered') message.error_code = outcome.errorCode ?? 30005;
    else message.date_sent ??= state.date();
    if (callback !== undefined) await state.tell(callback, statusParams(message));
  };
  const steps = end === 'failed' || end === 'sent' ? [end] : ['sent', end];
  const next = (): void => {
    const status = steps.shift();
    if (status === undefined) state.later(() => priceMessage(state, message), state.options.priceMs ?? 20);
    else
      state.later(async () => {
        await become(status);
        next();
      });
  };
  next();
}

/** Sets the price as it is on the bill: carrier fees included, negative. */
export function priceMessage(state: State, message: Resource): void {
  if (message.status === 'canceled') return;
  const segments = Number(message.num_segments);
  const media = Number(message.num_media) > 0;
  const own = message.status === 'failed' ? 0.001 : media ? 0.022 + 0.01 : segments * (0.0083 + 0.003);
  message.price = `-${state.options.price?.('message', message) ?? own.toFixed(5)}`;
  message.price_unit = state.options.priceUnit ?? 'USD';
}

function statusParams(message: Resource): Params {
  return {
    SmsSid: message.sid,
    SmsStatus: String(message.status),
    MessageStatus: String(message.status),
    To: String(message.to),
    MessageSid: message.sid,
    AccountSid: String(message.account_sid),
    From: String(message.from ?? ''),
    ApiVersion: '2010-04-01',
    ...(message.messaging_service_sid === null ? {} : { MessagingServiceSid: String(message.messaging_service_sid) }),
    ...(message.error_code === null ? {} : { ErrorCode: String(message.error_code) }),
  };
}

/** POST Messages/{sid}.json: cancels a scheduled message, or takes the text out of a sent one. */
export function updateMessage(state: State, message: Resource, { form }: TwilioRequest): Resource {
  if (form.get('Status') === 'canceled') {
    if (message.status !== 'scheduled' && message.status !== 'accepted') {
      throw new TwilioError(409, 30409, 'Message cannot be canceled: it is not scheduled');
    }
    message.status = 'canceled';
  }
  if (form.get('Body') === '') message.body = '';
  message.date_updated = state.date();
  return { ...message };
}

/** A message that came in, as the webhook's parameters. */
export function inboundMessage(
  state: State,
  to: string,
  from: string,
  body: string,
  media: readonly string[],
): Resource {
  const now = state.date();
  const message: Resource = {
    ...skeleton(state.accountSid, newSid(media.length > 0 ? 'MM' : 'SM')),
    body,
    num_segments: String(Math.max(1, segmentsOf(body))),
    num_media: String(media.length),
    direction: 'inbound',
    from,
    to,
    date_created: now,
    date_sent: now,
    date_updated: now,
    status: 'received',
  };
  state.messages.set(message.sid, message);
  state.later(() => {
    const own = media.length > 0 ? 0.0165 : Number(message.num_segments) * 0.0083;
    message.price = `-${state.options.price?.('message', message) ?? own.toFixed(5)}`;
  }, state.options.priceMs ?? 20);
  return message;
}
