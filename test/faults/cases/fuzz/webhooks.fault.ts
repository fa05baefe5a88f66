import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { signatureOf } from '../../../../examples/src/stand-ins/twilio/index.ts';
import { LIMITS, type Limits } from '../../../../grafana/src/sms/server/limits.ts';
import {
  ADA,
  FROM,
  SECRET,
  startTestService,
  type TestService,
} from '../../../../grafana/src/sms/server/testing/service.ts';
import { grafanaBody, signed } from '../../../../grafana/src/sms/server/testing/webhook.ts';
import type { Fault } from '../../support/fault.ts';
import { type AnyTarget, drive, outcomeOf, target } from '../../support/fuzz-drive.ts';
import { damaged, damagedBytes, hostileObject, jsonText } from '../../support/fuzz-json.ts';

const TABLES = ['alerts', 'messages', 'inbound', 'stopped'];
/** How much the service has written down. */
const state = (service: TestService): string =>
  JSON.stringify(TABLES.map((table) => service.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]?.n));

/** A request as it is, header by header; `fetch` would set some of them right. 0: the connection ended without an answer. */
function send(url: string, body: Buffer, headers: Record<string, string | string[]>, cut = false): Promise<number> {
  return new Promise((resolve) => {
    const request = httpRequest(
      url,
      { method: 'POST', headers: { ...headers, 'content-length': body.length + (cut ? 5 : 0) } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', () => resolve(0));
      },
    );
    request.on('error', () => resolve(0));
    request.write(body, () => {
      if (cut) request.destroy();
      else request.end();
    });
  });
}

const REAL = [
  grafanaBody([{}]),
  grafanaBody([{ status: 'resolved' }, { client: 'b', severity: 'warning' }]),
  grafanaBody([{ type: 'pipeline_silent' }]),
];
const many = (count: number): string =>
  JSON.stringify(grafanaBody(Array.from({ length: count }, () => ({ client: 'same', status: 'resolved' as const }))));
const grafanaBodies = fc.oneof(
  { weight: 6, arbitrary: damaged(REAL).map((value) => Buffer.from(jsonText(value))) },
  { weight: 4, arbitrary: damagedBytes(REAL.map((body) => JSON.stringify(body))) },
  {
    weight: 3,
    arbitrary: hostileObject([
      'alerts',
      'status',
      'labels',
      'annotations',
      'receiver',
      'client_id',
      'alert_type',
      'severity',
      'month',
      'summary',
      'startsAt',
      'endsAt',
      'fingerprint',
    ]).map((value) => Buffer.from(jsonText(value))),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        '',
        '{',
        '[]',
        'null',
        '"x"',
        `{"alerts":${'['.repeat(50_000)}`,
        '{"alerts":[{"__proto__":{"status":"firing"}}]}',
        many(2000),
        `{"alerts":[],"alerts":[{}]}`,
      )
      .map((text) => Buffer.from(text)),
  },
);
const types = fc.constantFrom(
  'application/json',
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
);
const encodings = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  fc.constantFrom('gzip', 'deflate', 'br', 'identity', 'gzip, gzip', 'x'),
);

/** How a request is signed. */
const signatures = fc.constantFrom('right', 'right', 'right', 'none', 'wrong', 'old', 'twice', 'other body');

async function judge(
  service: TestService,
  legitimate: boolean,
  ask: () => Promise<number>,
): Promise<string | undefined> {
  const before = legitimate ? '' : state(service);
  const status = await ask();
  if (status >= 500) return `was answered with ${status}: ${service.logged.at(-1)?.slice(0, 400)}`;
  if (!legitimate && status >= 200 && status < 300) return `was taken with ${status}`;
  if (!legitimate && state(service) !== before) return `changed ${before} into ${state(service)}`;
  return undefined;
}

const grafana = (service: TestService): AnyTarget =>
  target({
    name: "Grafana's webhooks",
    share: 3,
    inputs: fc.record({
      body: grafanaBodies,
      type: types,
      encoding: encodings,
      signature: signatures,
      cut: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
      operations: fc.boolean(),
    }),
    show: ({ body, ...how }) => `${JSON.stringify(how)} ${body.toString().slice(0, 500)}`,
    async check({ body, type, encoding, signature, cut, operations }) {
      const content = encoding === 'gzip' ? gzipSync(Buffer.concat([body, Buffer.alloc(1_000_000)])) : body;
      const own: Record<string, string> = signed(content.toString('latin1'), SECRET, service.now());
      // The helper signs a text; what is signed is the bytes.
      const right: Record<string, string> = {
        ...own,
        'x-grafana-alerting-signature': hmac(own['x-grafana-alerting-timestamp']!, content),
      };
      const made: Record<string, Record<string, string | string[]>> = {
        right,
        none: { 'content-type': type },
        wrong: { ...right, 'x-grafana-alerting-signature': 'f'.repeat(64) },
        old: { ...signed('', SECRET, service.now() - 86_400_000) },
        twice: { ...right, 'x-grafana-alerting-signature': [right['x-grafana-alerting-signature']!, 'f'.repeat(64)] },
        'other body': {
          ...right,
          'x-grafana-alerting-signature': hmac(right['x-grafana-alerting-timestamp']!, Buffer.from('{}')),
        },
      };
      const headers = {
        ...made[signature]!,
        'content-type': type,
        ...(encoding === '' ? {} : { 'content-encoding': encoding }),
      };
      const path = operations ? '/webhooks/grafana/operations' : '/webhooks/grafana';
      const legitimate = signature === 'right' && !cut;
      return judge(service, legitimate, () => send(`${service.url}${path}`, content, headers, cut));
    },
  });

const FORM = {
  MessageSid: 'SM00000000000000000000000000000001',
  AccountSid: 'AC1',
  MessageStatus: 'delivered',
  To: ADA,
  From: FROM,
  Body: 'OK 12',
  NumMedia: '0',
};
const words = fc.oneof(
  fc.constantFrom(
    'delivered',
    'failed',
    'OK',
    'STOP',
    'START',
    'help',
    '1',
    '30003',
    ADA,
    FROM,
    '',
    '<Message>',
    "'; DROP TABLE messages; --",
  ),
  fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.toWellFormed()),
);
const forms = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(
        fc.tuple(
          fc.constantFrom(
            ...Object.keys(FORM),
            'SmsStatus',
            'ErrorCode',
            'OptOutType',
            '__proto__',
            'a[b]',
            'constructor',
          ),
          words,
        ),
        { maxLength: 4 },
      )
      .map((more) =>
        String(
          new URLSearchParams([
            ...Object.entries(FORM).filter(([key]) => !more.some(([other]) => other === key)),
            ...more,
          ]),
        ),
      ),
  },
  {
    weight: 3,
    arbitrary: damagedBytes([String(new URLSearchParams(FORM)), '%zz=%', `${'a=1&'.repeat(500)}`]).map(String),
  },
);

const twilio = (service: TestService): AnyTarget =>
  target({
    name: "Twilio's callbacks",
    share: 2,
    inputs: fc.record({
      form: forms,
      kind: fc.constantFrom('status', 'incoming'),
      signature: fc.constantFrom('right', 'right', 'none', 'wrong', 'twice'),
      type: fc.constantFrom(
        'application/x-www-form-urlencoded',
        'application/x-www-form-urlencoded',
        'application/json',
        'application/x-www-form-urlencoded; charset=utf-7',
        'multipart/form-data; boundary=x',
      ),
      cut: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
    }),
    async check({ form, kind, signature, type, cut }) {
      const url = `${service.url}/twilio/${kind}`;
      const params: Record<string, string> = Object.create(null);
      for (const [key, value] of new URLSearchParams(form)) params[key] = value;
      const right = signatureOf(service.twilio.authToken, url, params);
      const made = { right, wrong: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=', twice: [right, 'x'] as string[] };
      const headers = {
        'content-type': type,
        ...(signature === 'none' ? {} : { 'x-twilio-signature': made[signature as 'right'] }),
      };
      // A form that is signed right is Twilio's, whatever it says.
      return judge(service, signature === 'right' && !cut, () => send(url, Buffer.from(form), headers, cut));
    },
  });

const hmac = (timestamp: string, body: Buffer): string =>
  createHmac('sha256', SECRET).update(`${timestamp}:`).update(body).digest('hex');

const fault: Fault = {
  id: 'fuzz-webhooks',
  hop: 'fuzz',
  fault:
    "webhooks of Grafana and Twilio's callbacks to the SMS service: damaged, hostile, cut off, zipped, signed rightly, wrongly, twice and not",
  promises: ['listeners'],
  times: { short: 300, long: 8000 },
  timeoutSeconds: 400,
  async run(run) {
    const limits = Object.fromEntries(
      Object.entries(LIMITS).map(([name, limit]) => [name, { ...limit, perMinute: 1e9 }]),
    ) as unknown as Limits;
    const service = await startTestService({ limits });
    try {
      const fuzzed = await drive(run, [grafana(service), twilio(service)]);
      const wrong = [...fuzzed.wrong];
      const { status } = await service.webhook([{ client: 'healthy-after', summary: 'A healthy alert' }]);
      if (status >= 300) wrong.push(`a healthy webhook after them was answered with ${status}`);
      const [row] = service.rows<{ n: number }>("SELECT count(*) AS n FROM alerts WHERE key LIKE '%healthy-after%'");
      if (row?.n !== 1) wrong.push(`the healthy alert was written ${row?.n} times`);
      await service.idle();
      const [written] = service.rows<{ n: number }>('SELECT count(*) AS n FROM messages');
      const texts = service.texts().length;
      // What asks a sender back (STOP, a code) is answered in the callback's own answer and is no text of ours.
      if (texts > written!.n) wrong.push(`${texts} texts were sent, ${written!.n} were written down`);
      return outcomeOf({ tries: fuzzed.tries, wrong }, `${texts} texts`);
    } finally {
      await service.close();
    }
  },
};

export default fault;
