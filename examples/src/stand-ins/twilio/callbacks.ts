import type { Params, SentCallback } from './types.ts';
import { signatureOf } from './wire.ts';

/** Requests to the application, as Twilio makes them: a signed form. */
export class Callbacks {
  readonly sent: SentCallback[] = [];
  readonly #tokenOf: (accountSid: string) => string;

  constructor(tokenOf: (accountSid: string) => string) {
    this.#tokenOf = tokenOf;
  }

  /** @param method GET puts the parameters into the query, which is then part of the signed URL */
  async send(url: string, params: Params, method = 'POST'): Promise<SentCallback> {
    const token = this.#tokenOf(params.AccountSid ?? '');
    const query = new URLSearchParams(params).toString();
    const target = method === 'GET' ? `${url}${url.includes('?') ? '&' : '?'}${query}` : url;
    const signature = signatureOf(token, target, method === 'GET' ? {} : params);
    const callback: SentCallback = { url, params, signature, status: 0, body: '' };
    this.sent.push(callback);
    try {
      const response = await fetch(target, {
        method,
        headers: {
          'user-agent': 'TwilioProxy/1.1',
          accept: '*/*',
          'x-twilio-signature': signature,
          'i-twilio-idempotency-token': crypto.randomUUID(),
          ...(method === 'GET' ? undefined : { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }),
        },
        ...(method === 'GET' ? undefined : { body: query }),
        signal: AbortSignal.timeout(15_000),
      });
      callback.status = response.status;
      callback.body = await response.text();
    } catch {
      // As at Twilio: the application is not there, the message or call goes on.
    }
    return callback;
  }
}
