import { createRequire } from 'node:module';
import express from 'express';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTwilioStandIn, type TwilioStandIn } from '../../../../examples/src/stand-ins/twilio/index.ts';
import { attributeIncoming } from '../../attribution/incoming.ts';
import { setClient, withClient } from '../../attribution/index.ts';
import { forgetWarnings } from '../../log.ts';
import { setRecorder } from '../../recorder/index.ts';
import { forgetCharges } from '../../recorder/open-charges.ts';
import { useContextManager } from '../../testing/otel.ts';
import { TwilioInstrumentation } from '../index.ts';
import { TwilioRecorder } from '../testing/recorder.ts';
import { observeWebhook } from './automatic.ts';
import { twilioWebhook } from './middleware.ts';
import { listen, recorded, startNothing } from './testing/post.ts';

// The twilio package, the application and the stand-in of Twilio together: what REST calls begin, callbacks end.

// biome-ignore lint/suspicious/noExplicitAny: the package as JavaScript has it.
type Any = any;

const recorder = new TwilioRecorder();
const stops: (() => void)[] = [];
let instrumentation: TwilioInstrumentation;
let standIn: TwilioStandIn;
let twilio: Any;

beforeAll(async () => {
  startNothing();
  stops.push(useContextManager());
  instrumentation = new TwilioInstrumentation();
  const make = createRequire(__filename)('twilio');
  standIn = await createTwilioStandIn({
    stepMs: Number.POSITIVE_INFINITY,
    priceMs: Number.POSITIVE_INFINITY,
    message: ({ to }) => (to === '+14155550404' ? { status: 'failed', errorCode: 30005 } : {}),
    call: ({ to }) => (to === '+14155550486' ? { status: 'busy' } : { duration: 125 }),
  });
  twilio = make(standIn.accountSid, standIn.authToken);
  twilio.api.baseUrl = standIn.url;
});
afterAll(async () => {
  instrumentation.disable();
  await standIn.close();
  for (const stop of stops.splice(0)) stop();
});

describe.each(['without any code', 'with the middleware'])('%s', (how) => {
  const servers: (() => void)[] = [];
  let url: string;

  beforeEach(async () => {
    setRecorder(recorder);
    recorder.clear();
    vi.stubEnv('TWILIO_AUTH_TOKEN', standIn.authToken);
    const app = express();
    if (how === 'with the middleware') app.use(twilioWebhook());
    app.use(express.urlencoded({ extended: false }));
    app.post('/callback', (_request, response) => void response.sendStatus(204));
    app.post('/incoming', (request, response) => {
      if (request.body.To === '+14155550100') setClient('by number');
      response.type('xml').send('<Response/>');
    });
    const config = { clientHeader: undefined, trustBaggage: 'own' } as const;
    attributeIncoming({ config, webhook: { header: 'x-twilio-signature', observe: observeWebhook } });
    const { port, stop } = await listen(app);
    servers.push(stop);
    url = `http://127.0.0.1:${port}`;
  });
  afterEach(() => {
    for (const stop of servers.splice(0)) stop();
    setRecorder(undefined);
    forgetCharges();
    forgetWarnings();
    vi.unstubAllEnvs();
  });

  it('a call made here is one charge: known at once, priced when it has ended, its recording another', async () => {
    const call = await withClient('acme', () =>
      twilio.calls.create({
        to: '+14155550123',
        from: '+14155550100',
        twiml: '<Response/>',
        record: true,
        recordingStatusCallback: `${url}/callback`,
        statusCallback: `${url}/callback`,
        statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
      }),
    );
    await standIn.advance();
    const sent = standIn.callbacks.filter((callback) => callback.url.startsWith(url));
    expect(sent.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    const calls = await recorded(recorder, 3);
    expect(
      calls.map(({ start, end }) => [start.operation, end.version ?? 1, end.quantity, start.scope?.clientId]),
    ).toEqual([
      ['outbound_call', 1, 0, 'acme'],
      ['outbound_call', 100, 3, 'acme'],
      ['recording', 100, 3, 'acme'],
    ]);
    expect(calls[1]?.end).toMatchObject({ externalId: call.sid, sku: 'us_ca', unit: 'minute' });
    expect(calls[1]?.end.usageId).toBe(calls[0]?.id);
    // Twice, and late: nothing more.
    for (const { params } of sent) await standIn.post(`${url}/callback`, params);
    expect(await recorded(recorder, 3)).toHaveLength(3);
    // To a process that did not make the call: the ledger finds it.
    forgetCharges();
    const last = sent.find(({ params }) => params.CallStatus === 'completed');
    await standIn.post(`${url}/callback`, last?.params ?? {});
    expect((await recorded(recorder, 4))[3]?.end).toMatchObject({ update: true, version: 100, externalId: call.sid });
  });

  it('a call that nobody answers costs nothing; a message that fails costs the fee', async () => {
    const statusCallback = `${url}/callback`;
    await twilio.calls.create({ to: '+14155550486', from: '+14155550100', twiml: '<Response/>', statusCallback });
    await twilio.messages.create({ to: '+14155550404', from: '+14155550100', body: 'hello', statusCallback });
    await twilio.messages.create({ to: '+14155550123', from: '+14155550100', body: 'hello', statusCallback });
    await standIn.advance();
    const ends = (await recorded(recorder, 5)).filter(({ end }) => end.version === 100);
    ends.sort((a, b) => a.start.operation.localeCompare(b.start.operation));
    expect(ends.map(({ start, end }) => [start.operation, end.billed, end.sku, end.quantity, end.errorType])).toEqual([
      ['outbound_call', false, 'us_ca', 0, undefined],
      ['send_sms', undefined, 'failed', 1, '30005'],
    ]);
  });

  it('messages and calls that come in are charged to whom the handler names', async () => {
    const from = '+14155550199';
    const target = `${url}/incoming`;
    await standIn.receiveSms({ to: '+14155550100', from, url: target, body: 'é'.repeat(161) });
    await standIn.receiveSms({ to: '+14155550177', from, url: target, mediaUrls: ['https://example.com/a.png'] });
    const call = {
      to: '+18005550100',
      from,
      url: target,
      statusCallback: `${url}/callback`,
      outcome: { duration: 60 },
    };
    expect((await standIn.receiveCall(call)).body).toBe('<Response/>');
    await standIn.advance();
    const calls = await recorded(recorder, 4);
    expect(
      calls.map(({ start, end }) => [start.operation, end.version, end.quantity, end.sku, start.scope?.clientId]),
    ).toEqual([
      ['receive_sms', 1, 2, 'us_ca', 'by number'],
      ['receive_mms', 1, 1, 'us_ca', undefined],
      ['inbound_call', 1, 0, 'us_ca_toll_free', undefined],
      ['inbound_call', 100, 1, 'us_ca_toll_free', undefined],
    ]);
    expect(calls[3]?.end.usageId).toBe(calls[2]?.end.usageId);
  });
});
