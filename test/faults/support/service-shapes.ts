/**
 * Every way to make a billable call, by provider. `mark()` is the statement right after the awaited call: there the call's events must lie
 * in the spool. `events`: how many of them, those of what leads up to the call included.
 */
import { createRequire } from 'node:module';
import type { StandInPlaces } from './service-calls.ts';

const require = createRequire(import.meta.url);

export interface WrittenPlaces extends StandInPlaces {
  readonly places: string;
  readonly r2: string;
  readonly ocr: string;
  readonly stripeSecret: string;
  /** Events and their signatures, as Stripe's webhooks would send them. */
  readonly stripeEvents: readonly { readonly body: string; readonly signature: string }[];
}

interface Shape {
  readonly events: number;
  run(mark: () => void): Promise<unknown>;
}

const at = JSON.parse(process.env.SERVICE_STAND_INS ?? '{}') as WrittenPlaces;
// biome-ignore lint/suspicious/noExplicitAny: seven packages, each loaded when a shape of it runs
type Any = any;
const lazily = (make: () => Any) => {
  let made: Any;
  return (): Any => (made ??= make());
};

const openai = lazily(() => new (require('openai').default)({ apiKey: 'sk-test', baseURL: at.openai, maxRetries: 1 }));
const chat = (more: object = {}): Any => ({
  model: 'gpt-4o-mini',
  messages: [{ role: 'user', content: 'Hi' }],
  ...more,
});
const ask = (more: object = {}): Any => ({ model: 'gpt-4o-mini', input: 'Hi', ...more });
const script = (value: object) => ({ headers: { 'x-stand-in': JSON.stringify(value) } });
const schema = { type: 'object', properties: {}, required: [], additionalProperties: false };
const format = { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } };
const read = async (stream: AsyncIterable<unknown>) => {
  for await (const _ of stream);
};
const completions = () => openai().chat.completions;

const OPENAI: Record<string, Shape> = {
  'chat create': one(async (mark) => {
    await completions().create(chat());
    mark();
  }),
  'chat withResponse': one(async (mark) => {
    await completions().create(chat()).withResponse();
    mark();
  }),
  'chat asResponse json': one(async (mark) => {
    const response = await completions().create(chat()).asResponse();
    await response.json();
    mark();
  }),
  'chat parse': one(async (mark) => {
    await completions().parse(chat({ response_format: format }), script({ text: '{}' }));
    mark();
  }),
  'chat then': one((mark) => completions().create(chat()).then(mark)),
  'chat failing': one((mark) =>
    completions()
      .create(chat(), script({ failure: { status: 400 } }))
      .catch(mark),
  ),
  'chat tried again': one(async (mark) => {
    await completions().create(chat(), script({ failure: { status: 500, times: 1 } }));
    mark();
  }),
  'chat aborted': one(async (mark) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const options = { signal: stop.signal, ...script({ latencyMs: 5000 }) };
    try {
      await completions().create(chat(), options);
    } catch {
      mark();
    }
  }),
  'chat reset': one((mark) =>
    completions()
      .create(chat(), { maxRetries: 0, ...script({ failure: { reset: true } }) })
      .catch(mark),
  ),
  'chat stream': one(async (mark) => {
    for await (const _ of await completions().create(chat({ stream: true })));
    mark();
  }),
  'chat stream with usage': one(async (mark) => {
    for await (const _ of await completions().create(chat({ stream: true, stream_options: { include_usage: true } })));
    mark();
  }),
  'chat stream left': one(async (mark) => {
    for await (const _ of await completions().create(chat({ stream: true }))) break;
    mark();
  }),
  'chat stream broken': one(async (mark) => {
    try {
      await read(await completions().create(chat({ stream: true }), script({ failure: { breakAfterChunks: 2 } })));
    } catch {
      mark();
    }
  }),
  'chat stream tee': one(async (mark) => {
    const [left, right] = (await completions().create(chat({ stream: true }))).tee();
    await read(left);
    mark();
    await read(right);
  }),
  'chat stream toReadableStream': one(async (mark) => {
    await read((await completions().create(chat({ stream: true }))).toReadableStream());
    mark();
  }),
  'chat stream asResponse text': one(async (mark) => {
    const response = await completions()
      .create(chat({ stream: true }))
      .asResponse();
    await response.text();
    mark();
  }),
  'chat stream helper, finalChatCompletion': one(async (mark) => {
    await completions().stream(chat()).finalChatCompletion();
    mark();
  }),
  'chat stream helper, for await': one(async (mark) => {
    for await (const _ of completions().stream(chat()));
    mark();
  }),
  'chat runTools': one(async (mark) => {
    await completions()
      .runTools(chat({ tools: [tool] }))
      .finalContent();
    mark();
  }),
  'responses create': one(async (mark) => {
    await openai().responses.create(ask());
    mark();
  }),
  'responses parse': one(async (mark) => {
    await openai().responses.parse(ask({ text: { format: { type: 'json_object' } } }), script({ text: '{}' }));
    mark();
  }),
  'responses stream': one(async (mark) => {
    for await (const _ of await openai().responses.create(ask({ stream: true })));
    mark();
  }),
  'responses stream helper': one(async (mark) => {
    await openai().responses.stream(ask()).finalResponse();
    mark();
  }),
  'embeddings create': one(async (mark) => {
    await openai().embeddings.create({ model: 'text-embedding-3-small', input: 'Hi' });
    mark();
  }),
  'client.post': one(async (mark) => {
    await openai().post('/chat/completions', { body: chat() });
    mark();
  }),
};
const tool = {
  type: 'function',
  function: { name: 'add', parameters: { type: 'object', properties: {} }, parse: JSON.parse, function: () => '1' },
};

const twilio = lazily(() => {
  const client = require('twilio')(at.twilio!.account, at.twilio!.token);
  client.api.baseUrl = at.twilio!.url;
  return client;
});
const sms = { to: '+14155550101', from: '+14155550100', body: 'Your appointment is at 3.' };
const call = { to: '+14155550101', from: '+14155550100', twiml: '<Response/>' };
const TWILIO: Record<string, Shape> = {
  'messages.create': one(async (mark) => {
    await twilio().messages.create(sms);
    mark();
  }),
  'messages.create, callback': one(
    (mark) =>
      new Promise<void>((done) => {
        twilio().messages.create(sms, () => {
          mark();
          done();
        });
      }),
  ),
  'messages.create failing': one((mark) =>
    twilio()
      .messages.create({ ...sms, to: 'nobody' })
      .catch(mark),
  ),
  'calls.create': one(async (mark) => {
    await twilio().calls.create(call);
    mark();
  }),
  'incomingPhoneNumbers.create': one(async (mark) => {
    await twilio().incomingPhoneNumbers.create({ phoneNumber: '+14155550123' });
    mark();
  }),
  'client.request': one(async (mark) => {
    const uri = `${at.twilio!.url}/2010-04-01/Accounts/${at.twilio!.account}/Messages.json`;
    const data = { To: sms.to, From: sms.from, Body: sms.body };
    await twilio().request({ method: 'post', uri, data });
    mark();
  }),
};

/**
 * Twilio posts to the service. `mark` is not in the statement after `response.end()` but in the next turn of the event loop: a handler may name the
 * client until then, so that the event is written when the response is finished.
 */
function webhook(path: string, params: Record<string, string>): Shape {
  return one(async (mark) => {
    const { createServer, request } = require('node:http');
    const { getExpectedTwilioSignature } = require('twilio');
    const { twilioWebhook } = require('@client-cost/instrumentation');
    const middleware = path === '/middleware' ? twilioWebhook() : undefined;
    const server = createServer((incoming: Any, response: Any) => {
      const answer = () => {
        response.end('<Response/>');
        setImmediate(mark);
      };
      if (middleware) middleware(incoming, response, answer);
      else incoming.on('end', answer).resume();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const url = `http://127.0.0.1:${server.address().port}${path}`;
    const signature = getExpectedTwilioSignature(at.twilio!.token, url, params);
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature };
    await new Promise((done) => {
      const posted = request(url, { method: 'POST', headers }, (answer: Any) => answer.on('end', done).resume());
      posted.end(new URLSearchParams(params).toString());
    });
    server.close();
    server.closeAllConnections();
  });
}
const incomingSms = (sid: string) => ({
  ...{ MessageSid: sid, SmsSid: sid, AccountSid: at.twilio?.account ?? '', From: '+14155550199', To: '+14155550100' },
  ...{ Body: 'Hello', NumSegments: '1', NumMedia: '0', SmsStatus: 'received' },
});
Object.assign(TWILIO, {
  'webhook, message came in': webhook('/sms', incomingSms(`SM${'1'.repeat(32)}`)),
  'webhook, twilioWebhook()': webhook('/middleware', incomingSms(`SM${'2'.repeat(32)}`)),
});

const stripe = lazily(() => {
  const Stripe = require('stripe').default ?? require('stripe');
  const { hostname, port } = new URL(at.stripe!);
  return new Stripe('sk_test_1', { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });
});
const paid = { amount: 1099, currency: 'usd', payment_method: 'pm_card_visa', confirm: true };
const STRIPE: Record<string, Shape> = {
  'paymentIntents.create': one(async (mark) => {
    await stripe().paymentIntents.create(paid);
    mark();
  }),
  'paymentIntents.create expanded': one(async (mark) => {
    await stripe().paymentIntents.create({ ...paid, expand: ['latest_charge.balance_transaction'] });
    mark();
  }),
  'paymentIntents.capture': one(async (mark) => {
    const { id } = await stripe().paymentIntents.create({ ...paid, capture_method: 'manual' });
    await stripe().paymentIntents.capture(id);
    mark();
  }),
  'charges.create': one(async (mark) => {
    await stripe().charges.create({ amount: 700, currency: 'usd', source: 'tok_visa' });
    mark();
  }),
  'refunds.create': {
    events: 2,
    async run(mark) {
      const { latest_charge: charge } = await stripe().paymentIntents.create(paid);
      await stripe().refunds.create({ charge });
      mark();
    },
  },
  declined: one((mark) =>
    stripe()
      .paymentIntents.create({ ...paid, payment_method: 'pm_card_chargeDeclined' })
      .catch(mark),
  ),
  'webhooks.constructEvent': one(async (mark) => {
    stripe().webhooks.constructEvent(at.stripeEvents[0]!.body, at.stripeEvents[0]!.signature, at.stripeSecret);
    mark();
  }),
  'webhooks.constructEventAsync': one(async (mark) => {
    await stripe().webhooks.constructEventAsync(
      at.stripeEvents[1]!.body,
      at.stripeEvents[1]!.signature,
      at.stripeSecret,
    );
    mark();
  }),
};

const maps = lazily(() => new (require('@googlemaps/google-maps-services-js').Client)({}));
const legacy = (path: string) => `${at.places}/maps/api/place${path}`;
const modern = {
  method: 'POST',
  headers: { 'content-type': 'application/json', 'X-Goog-Api-Key': 'key', 'X-Goog-FieldMask': 'places.displayName' },
  body: '{"textQuery":"plumber"}',
};
const details = { place_id: 'ChIJstandIn0001', fields: ['name'], key: 'key' };
const PLACES: Record<string, Shape> = {
  'maps placeDetails': one(async (mark) => {
    await maps().placeDetails({ params: details, url: legacy('/details/json') });
    mark();
  }),
  'fetch json, legacy API': one(async (mark) => {
    const response = await fetch(legacy('/textsearch/json?query=plumber&key=key'));
    await response.json();
    mark();
  }),
  'fetch text, new API': one(async (mark) => {
    const response = await fetch(`${at.places}/v1/places:searchText`, modern);
    await response.text();
    mark();
  }),
  'fetch, new API, refused': one(async (mark) => {
    const headers = { ...modern.headers, 'X-Goog-Api-Key': 'wrong' };
    await (await fetch(`${at.places}/v1/places:searchText`, { ...modern, headers })).text();
    mark();
  }),
};

const s3 = lazily(() => require('@aws-sdk/client-s3'));
const r2 = lazily(() => {
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
  return new (s3().S3Client)({ region: 'auto', endpoint: at.r2, forcePathStyle: true, credentials });
});
const send = (command: string, input: object = {}) => r2().send(new (s3()[command])({ Bucket: 'files', ...input }));
const R2: Record<string, Shape> = {
  PutObject: one(async (mark) => {
    await send('PutObjectCommand', { Key: 'a', Body: 'x' });
    mark();
  }),
  HeadObject: one(async (mark) => {
    await send('HeadObjectCommand', { Key: 'there' });
    mark();
  }),
  GetObject: one(async (mark) => {
    await send('GetObjectCommand', { Key: 'there' });
    mark();
  }),
  'GetObject, missing': one((mark) => send('GetObjectCommand', { Key: 'gone' }).catch(mark)),
  ListObjectsV2: one(async (mark) => {
    await send('ListObjectsV2Command');
    mark();
  }),
  'PutObject, callback': one(
    (mark) =>
      new Promise<void>((done) => {
        r2().send(new (s3().PutObjectCommand)({ Bucket: 'files', Key: 'b', Body: 'x' }), () => {
          mark();
          done();
        });
      }),
  ),
  'Upload in parts': {
    events: 5,
    async run(mark) {
      const { Upload } = require('@aws-sdk/lib-storage');
      const params = { Bucket: 'files', Key: 'big', Body: Buffer.alloc(11 * 1024 * 1024) };
      await new Upload({ client: r2(), params }).done();
      mark();
    },
  },
};

const ocr = () => ({
  method: 'POST',
  headers: { authorization: 'Bearer key', 'content-type': 'application/json' },
  body: JSON.stringify({
    model: 'mistral-ocr-latest',
    document: { type: 'document_url', document_url: 'https://files.example/report-3.pdf' },
  }),
});
const HTTP: Record<string, Shape> = {
  'fetch json': one(async (mark) => {
    const response = await fetch(`${at.ocr}/v1/ocr`, ocr());
    await response.json();
    mark();
  }),
  'fetch text': one(async (mark) => {
    const response = await fetch(`${at.ocr}/v1/ocr`, ocr());
    await response.text();
    mark();
  }),
  'fetch for await': one(async (mark) => {
    const { body } = await fetch(`${at.ocr}/v1/ocr`, ocr());
    for await (const _ of body as Any);
    mark();
  }),
  axios: one(async (mark) => {
    const { method, headers, body } = ocr();
    await require('axios').request({ url: `${at.ocr}/v1/ocr`, method, headers, data: body });
    mark();
  }),
  'node:http': one(
    (mark) =>
      new Promise<void>((done) => {
        const { method, headers, body } = ocr();
        const request = require('node:http').request(`${at.ocr}/v1/ocr`, { method, headers }, (answer: Any) => {
          answer.resume();
          answer.on('end', () => {
            mark();
            done();
          });
        });
        request.end(body);
      }),
  ),
};

const OWN: Record<string, Shape> = {
  recordUsage: one(async (mark) => {
    const { recordUsage } = require('@client-cost/instrumentation');
    recordUsage({ service: 'planner', operation: 'plan', cost: '0.0001' });
    mark();
  }),
};

function one(run: Shape['run']): Shape {
  return { events: 1, run };
}

export const SHAPES: Readonly<Record<string, Shape>> = Object.fromEntries(
  Object.entries({
    openai: OPENAI,
    twilio: TWILIO,
    stripe: STRIPE,
    'google places': PLACES,
    r2: R2,
    http: HTTP,
    own: OWN,
  }).flatMap(([provider, shapes]) => Object.entries(shapes).map(([name, shape]) => [`${provider}: ${name}`, shape])),
);
