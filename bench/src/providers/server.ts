/**
 * Answers the calls of calls.ts with one fixed body each, in the shape of the provider's own: the measured process spends its time
 * on its own side. Prints `{"url": …}`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const json = (body: unknown) => ({ type: 'application/json', body: Buffer.from(JSON.stringify(body)) });
const created = 1_790_000_000;

let calls = 0;
const ANSWERS: readonly [RegExp, () => { type: string; body: Buffer }][] = [
  [
    /\/chat\/completions$/,
    () =>
      json({
        id: `chatcmpl-${++calls}`,
        object: 'chat.completion',
        created,
        model: 'gpt-4o-mini-2024-07-18',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Yes, until six.' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 374, completion_tokens: 44, total_tokens: 418 },
      }),
  ],
  [
    /\/Messages\.json$/,
    () =>
      json({
        account_sid: 'AC00000000000000000000000000000001',
        api_version: '2010-04-01',
        body: 'Your appointment is at 3.',
        date_created: 'Sun, 22 Nov 2026 18:00:00 +0000',
        date_sent: null,
        date_updated: 'Sun, 22 Nov 2026 18:00:00 +0000',
        direction: 'outbound-api',
        error_code: null,
        error_message: null,
        from: '+15005550001',
        messaging_service_sid: null,
        num_media: '0',
        num_segments: '1',
        price: null,
        price_unit: 'USD',
        sid: `SM${(++calls).toString(16).padStart(32, '0')}`,
        status: 'queued',
        subresource_uris: {},
        to: '+15005550006',
        uri: '/2010-04-01/Accounts/AC1/Messages/SM1.json',
      }),
  ],
  [
    /\/v1\/payment_intents$/,
    () =>
      json({
        id: `pi_${++calls}`,
        object: 'payment_intent',
        amount: 4900,
        amount_received: 4900,
        created,
        currency: 'usd',
        latest_charge: `ch_${calls}`,
        livemode: false,
        status: 'succeeded',
      }),
  ],
  [/places:searchText$/, () => json({ places: [{ id: 'ChIJ1', displayName: { text: 'Northside Plumbing' } }] })],
  [/\/files\//, () => ({ type: 'text/plain', body: Buffer.from('A report of some length.\n'.repeat(40)) })],
];

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    const path = (request.url ?? '/').replace(/\?.*/, '');
    const answer = ANSWERS.find(([pattern]) => pattern.test(path))?.[1]() ?? {
      type: 'text/plain',
      body: Buffer.from('?'),
    };
    response.writeHead(200, { 'content-type': answer.type, 'content-length': answer.body.length });
    response.end(answer.body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on('SIGTERM', () => process.exit(0));
