import twilio from 'twilio';
import type { SmsConfig } from '../types.ts';
import { TooManyRequests } from './errors.ts';

/** A text as Twilio's API has it. */
export interface TwilioText {
  readonly sid: string;
  readonly status: string;
  readonly errorCode: string | undefined;
  readonly body: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
}

/** The little of Twilio that delivery needs. */
export interface TwilioApi {
  create(to: string, body: string, statusCallback: string | undefined): Promise<TwilioText>;
  fetch(sid: string): Promise<TwilioText>;
  /** Texts to a number that came to be after `since` (Unix milliseconds), the newest first. */
  list(to: string, since: number): Promise<TwilioText[]>;
}

type HttpOptions<T> = Parameters<typeof twilio.RequestClient.prototype.request<T>>[0];
type HttpAnswer<T> = ReturnType<typeof twilio.RequestClient.prototype.request<T>>;

interface MessageInstance {
  sid: string;
  status: string;
  errorCode: number | null;
  body: string | null;
  dateCreated: Date | null;
  direction: string;
}

/** How many texts of one number are looked through: the hourly limit keeps them far below. */
const LIST_LIMIT = 200;

/**
 * Twilio's API by its package. Nothing is retried in it, no connection is kept: a connection that Twilio closed meanwhile would fail after the
 * request was written, and nobody would know whether it arrived.
 */
export function twilioApi({ accountSid, authToken, from, apiUrl, timeoutMs }: SmsConfig['twilio']): TwilioApi {
  const client = twilio(accountSid, authToken, {
    autoRetry: false,
    timeout: timeoutMs,
    httpClient: new Http({ timeout: timeoutMs, keepAlive: false, autoRetry: false }),
  });
  if (apiUrl !== undefined) client.api.baseUrl = apiUrl;
  const sender = from.startsWith('MG') ? { messagingServiceSid: from } : { from };
  return {
    async create(to, body, statusCallback) {
      const made = await client.messages.create({
        to,
        body,
        ...sender,
        ...(statusCallback === undefined ? {} : { statusCallback }),
      });
      return textOf(made);
    },
    async fetch(sid) {
      return textOf(await client.messages(sid).fetch());
    },
    async list(to, since) {
      // No filter by the date sent: a text that Twilio has queued has none yet.
      const found = await client.messages.list({ to, limit: LIST_LIMIT, pageSize: LIST_LIMIT });
      return found
        .filter(({ direction }) => direction !== 'inbound')
        .map(textOf)
        .filter(({ createdAt }) => createdAt >= since);
    },
  };
}

class Http extends twilio.RequestClient {
  override async request<T>(options: HttpOptions<T>): HttpAnswer<T> {
    const response = await super.request(options);
    if (response.statusCode === 429) throw new TooManyRequests(retryAfter(response.headers));
    return response;
  }
}

function retryAfter(headers: unknown): number | undefined {
  const value = (headers as Record<string, unknown> | undefined)?.['retry-after'];
  const seconds = Number(value);
  return typeof value === 'string' && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

function textOf(message: MessageInstance): TwilioText {
  if (typeof message.sid !== 'string' || !/^(SM|MM)[0-9a-f]{32}$/i.test(message.sid)) {
    throw new Error('Twilio answered without the id of a message');
  }
  return {
    sid: message.sid,
    status: message.status,
    errorCode: message.errorCode === null || message.errorCode === undefined ? undefined : String(message.errorCode),
    body: message.body ?? '',
    createdAt: message.dateCreated?.getTime() ?? 0,
  };
}
