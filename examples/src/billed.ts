/**
 * What a lead-follow-up service buys beside model calls: texts and calls, numbers, card payments, places, storage. As everywhere in this
 * service, the header says who pays; of what Twilio reports by itself, the number it came in to does.
 */
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { setClient, twilioWebhook } from '@client-cost/instrumentation';
import express, { type Request, type Response, Router } from 'express';
import { maps, mapsKey, mapsUrl, r2, stripe, twilio } from './providers.ts';

const BUCKET = process.env.R2_BUCKET ?? 'lead-files';
/** The number of a client: `{"+15005550101": "northside-plumbing"}`. An application would ask its database. */
const clientOfNumber = JSON.parse(process.env.CLIENT_NUMBERS ?? '{}') as Record<string, string>;
const numberOf = (client: string): string =>
  Object.keys(clientOfNumber).find((number) => clientOfNumber[number] === client) ?? '+15005550006';

const from = (request: Request): string => numberOf(String(request.headers['x-client-id']));
/** Where Twilio reaches this service. */
const callback = (request: Request, path: string): string =>
  `${process.env.CLIENT_COST_PUBLIC_URL ?? `http://${request.headers.host}`}${path}`;
const param = (request: Request, name: string): string => String(request.params[name]);

export const billed: Router = Router();

billed.post('/leads/:id/text', async (request, response) => {
  const { to, message, mediaUrl } = request.body as { to: string; message: string; mediaUrl?: string };
  const { sid } = await twilio().messages.create({
    to,
    from: from(request),
    body: message,
    statusCallback: callback(request, '/twilio/status'),
    ...(mediaUrl === undefined ? {} : { mediaUrl: [mediaUrl] }),
  });
  response.json({ id: sid });
});

billed.post('/leads/:id/call', async (request, response) => {
  const { sid } = await twilio().calls.create({
    to: String(request.body.to),
    from: from(request),
    twiml: '<Response><Say>We will call you back.</Say></Response>',
    record: request.body.record === true,
    statusCallback: callback(request, '/twilio/status'),
    statusCallbackEvent: ['completed'],
    recordingStatusCallback: callback(request, '/twilio/status'),
  });
  response.json({ id: sid });
});

billed.post('/numbers', async (request, response) => {
  const { sid } = await twilio().incomingPhoneNumbers.create({ phoneNumber: String(request.body.phoneNumber) });
  response.json({ id: sid });
});

billed.post('/payments', async (request, response) => {
  const { id, latest_charge } = await stripe().paymentIntents.create({
    amount: Number(request.body.cents),
    currency: 'usd',
    confirm: true,
    payment_method: 'pm_card_visa',
    metadata: { client: String(request.headers['x-client-id']) },
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
  });
  response.json({ id: latest_charge ?? id });
});

billed.get('/leads/:id/place', async (request, response) => {
  // A few fields: what a request costs depends on them.
  const params = { place_id: String(request.query.place), fields: ['name', 'formatted_address'], key: mapsKey() };
  const { data } = await maps().placeDetails({ params, ...mapsUrl('/details/json') });
  response.json({ id: data.result?.place_id });
});

billed.put('/files/:client/:name', async (request, response) => {
  const Key = `clients/${param(request, 'client')}/${param(request, 'name')}`;
  await r2().send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: String(request.body.content) }));
  response.json({ id: Key });
});

billed.get('/files/:client/:name', async (request, response) => {
  const Key = `clients/${param(request, 'client')}/${param(request, 'name')}`;
  const { Body } = await r2().send(new GetObjectCommand({ Bucket: BUCKET, Key }));
  response.json({ id: Key, content: await Body?.transformToString() });
});

const fromTwilio = (request: Request, response: Response, next: () => void) => twilioWebhook()(request, response, next);

/** What Twilio reports: forged requests are answered 403 and recorded nowhere. Who pays for what comes in: whose number it came to. */
billed.post('/twilio/incoming', fromTwilio, express.urlencoded({ extended: false }), (request, response) => {
  const client = clientOfNumber[String(request.body.To)];
  if (client !== undefined) setClient(client);
  response.type('text/xml').send('<Response/>');
});

/** The end of a call, of a recording, of a message: the charge keeps the client that it was made for. */
billed.post('/twilio/status', fromTwilio, (_request, response) => {
  response.status(204).end();
});
