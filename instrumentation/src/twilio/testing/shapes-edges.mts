import { AsyncLocalStorage } from 'node:async_hooks';
import { show } from './show.mts';
import {
  type Any,
  callback,
  created,
  failure,
  from,
  Lazy,
  MESSAGES,
  rejections,
  type Shape,
  sms,
  to,
} from './world.mts';

/** Failures, HTTP clients, the package's other parts. */
export const EDGE_SHAPES: Record<string, Shape> = {
  'errors are RestException': async ({ client, twilio }) => {
    const error = await client()
      .messages.create({ ...sms, to: '+15005550001' })
      .catch((reason: unknown) => reason);
    return [show(error), error instanceof (twilio.RestException ?? Error), error instanceof Error];
  },
  'wrong password': async ({ client }) => failure(() => client({}, 'wrong').messages.create(sms)),
  'a server’s error': async ({ client }) => failure(() => client().messages.create({ ...sms, body: 'fail 503' })),
  'not JSON': async ({ client }) => failure(() => client().messages.create({ ...sms, body: 'fail html' })),
  'connection reset': async ({ client }) => failure(() => client().messages.create({ ...sms, body: 'fail reset' })),
  'nobody there': async ({ client }) => {
    const api = client();
    api.api.baseUrl = 'http://127.0.0.1:1';
    return failure(() => api.messages.create(sms));
  },
  'time-out': async ({ client }) =>
    failure(() => client({ timeout: 60 }).messages.create({ ...sms, body: 'fail hang' })),
  'autoRetry of 429': async ({ client, standIn }) => {
    const before = standIn.count;
    const message = await client({ autoRetry: true, maxRetries: 3 }).messages.create({ ...sms, body: 'fail 429 once' });
    return [message.status, standIn.count - before];
  },
  'autoRetry gives up': async ({ client, standIn }) => {
    const before = standIn.count;
    const result = await failure(() =>
      client({ autoRetry: true, maxRetries: 2 }).messages.create({ ...sms, body: 'fail 429' }),
    );
    return [result, standIn.count - before];
  },
  subaccount: async ({ client }) => show(await client({ accountSid: `AC${'c'.repeat(32)}` }).messages.create(sms)),
  'region and edge': async ({ twilio }) => {
    const asked: unknown[] = [];
    const httpClient = {
      request: async (options: Any) => {
        asked.push(show(options));
        return created;
      },
    };
    const api = twilio(`AC${'a'.repeat(32)}`, 'x', { region: 'au1', edge: 'sydney', httpClient });
    await api.messages.create(sms);
    return asked;
  },
  'custom HTTP client': async ({ twilio }) => {
    const receivers: unknown[] = [];
    const httpClient = {
      request(this: unknown, ...args: unknown[]) {
        receivers.push(this === httpClient, args.length, show(args[0]));
        return Promise.resolve({ ...created, body: JSON.stringify(created.body) });
      },
    };
    const api = twilio('AC1', 'x', { httpClient });
    return [show(await api.messages.create(sms)), receivers, api.httpClient === httpClient];
  },
  'HTTP clients that answer oddly': async ({ twilio }) => {
    const direct = { method: 'post', uri: `https://api.twilio.com${MESSAGES}`, data: { To: to } };
    const lazy = new Lazy(created);
    const answers: unknown[] = [undefined, null, 5, 'x', {}, lazy, created];
    const results: unknown[] = [];
    for (const answer of answers) {
      const api = twilio('AC1', 'x', { httpClient: { request: () => answer } });
      const result = api.request(direct);
      results.push(result === answer, show(result instanceof Lazy ? 'Lazy' : result));
      results.push(await failure(() => api.messages.create(sms)));
    }
    return results;
  },
  'HTTP client that throws': async ({ twilio }) => {
    const fail = () => {
      throw new TypeError('no network here');
    };
    return failure(() => twilio('AC1', 'x', { httpClient: { request: fail } }).messages.create(sms));
  },
  'the answer is the same object': async ({ twilio, client }) => {
    const api = twilio('AC1', 'x', { httpClient: { request: async () => created } });
    const answer = await api.request({ method: 'post', uri: `https://api.twilio.com${MESSAGES}`, data: { To: to } });
    const real = client();
    const raw = await real.request({
      method: 'post',
      uri: `${real.api.baseUrl}/2010-04-01/Accounts/${real.accountSid}/Messages.json`,
      data: { To: to, From: from, Body: 'x' },
    });
    return [
      answer === created,
      show(raw),
      real.httpClient.lastResponse?.statusCode,
      real.httpClient.lastRequest?.method,
    ];
  },
  'request without method or URI': async ({ client }) => [
    await failure(() => client().request({})),
    await failure(() => client().request({ method: 'get' })),
    await failure(() => client().request()),
    await failure(() => client().request({ method: 'post', uri: 'not a url' })),
    await failure(() => client().request({ method: 'post', uri: MESSAGES })),
  ],
  'nobody catches': async ({ client, twilio }) => {
    const bad = { ...sms, to: '+15005550001' };
    const failing = { httpClient: { request: () => Promise.reject(new Error('down')) } };
    const direct = { method: 'post', uri: `https://api.twilio.com${MESSAGES}` };
    return [
      await rejections(() => client().messages.create(bad)),
      await rejections(() =>
        client()
          .messages.create(bad)
          .then(() => {}),
      ),
      await rejections(() => twilio('AC1', 'x', failing).request(direct)),
      await rejections(
        () =>
          void twilio('AC1', 'x', failing)
            .request(direct)
            .catch(() => {}),
      ),
      await rejections(() =>
        client().messages.create(sms, () => {
          throw new Error('in the callback');
        }),
      ),
    ];
  },
  'the caller’s own context': async ({ client }) => {
    const storage = new AsyncLocalStorage<string>();
    return storage.run('mine', async () => {
      await client().messages.create(sms);
      const after = storage.getStore();
      return [after, await callback((done) => client().messages.create(sms, () => done(storage.getStore())))];
    });
  },
  'what is sent': async ({ client, standIn }) => {
    await client({ userAgentExtensions: ['app/1'] }).messages.create(sms);
    const { headers, form, path, method } = standIn.requests.at(-1)!;
    return [method, path, [...form], headers];
  },
  'classes and subclasses': async ({ twilio, standIn }) => {
    class Mine extends twilio.Twilio {
      request(options: Any) {
        return super.request(options);
      }
    }
    const api = new (Mine as Any)(standIn.accountSid, standIn.authToken);
    api.api.baseUrl = standIn.url;
    const prototypes: unknown[] = [];
    for (let at = Mine.prototype; at; at = Object.getPrototypeOf(at)) prototypes.push(Object.getOwnPropertyNames(at));
    const { request } = twilio.Twilio.prototype;
    return [show(await api.messages.create(sms)), prototypes, request.name, request.length];
  },
  'the package': async ({ lib, twilio }) => [Object.keys(lib).sort(), Object.keys(twilio), typeof twilio, twilio.name],
  'webhooks and TwiML': async ({ twilio, standIn }) => {
    const params = { From: from, Body: 'x' };
    const url = 'https://app.example/sms';
    const signature = twilio.getExpectedTwilioSignature(standIn.authToken, url, params);
    const req = {
      header: (name: string) => (name === 'X-Twilio-Signature' ? signature : 'app.example'),
      protocol: 'https',
      headers: { host: 'app.example' },
      originalUrl: '/sms',
      url: '/sms',
      body: params,
    };
    const reply = new twilio.twiml.MessagingResponse();
    reply.message('hi');
    const said: unknown[] = [];
    const res = {
      type: () => res,
      status: (code: number) => {
        said.push(code);
        return res;
      },
      send: (text: string) => said.push(text),
    };
    twilio.webhook({ validate: true }, standIn.authToken)(req, res, () => said.push('next'));
    return [
      signature,
      twilio.validateRequest(standIn.authToken, signature, url, params),
      twilio.validateRequest(standIn.authToken, 'no', url, params),
      await failure(() => twilio.validateExpressRequest(req, standIn.authToken, { url })),
      said,
      reply.toString(),
    ];
  },
};
