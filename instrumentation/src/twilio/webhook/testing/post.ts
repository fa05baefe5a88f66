import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getConfig, setConfig } from '../../../config.ts';
import { startRecording } from '../../../start.ts';

const { getExpectedTwilioSignature, getExpectedBodyHash } = require('twilio/lib/webhooks/webhooks.js') as {
  getExpectedTwilioSignature(token: string, url: string, params: object): string;
  getExpectedBodyHash(body: string): string;
};

export const TOKEN = 'f00dfeedf00dfeedf00dfeedf00dfeed';
export const sid = (prefix: string, n: number) => `${prefix}${n.toString(16).padStart(32, '0')}`;

export type Fields = Record<string, string | string[]>;

/** The parameters of an SMS that came in, as Twilio sends them. */
export const sms = (n: number, more: Fields = {}): Fields => ({
  ToCountry: 'US',
  ToState: 'CA',
  SmsMessageSid: sid('SM', n),
  NumMedia: '0',
  SmsSid: sid('SM', n),
  SmsStatus: 'received',
  Body: 'Hällo & goodbye = 100 % + 1',
  FromCountry: 'US',
  To: '+14155550100',
  NumSegments: '1',
  MessageSid: sid('SM', n),
  AccountSid: sid('AC', 1),
  From: '+14155550199',
  ApiVersion: '2010-04-01',
  ...more,
});

/** The parameters of a call's webhook. */
export const call = (n: number, more: Fields = {}): Fields => ({
  AccountSid: sid('AC', 1),
  ApiVersion: '2010-04-01',
  CallSid: sid('CA', n),
  CallStatus: 'ringing',
  Called: '+14155550100',
  Caller: '+14155550199',
  Direction: 'inbound',
  From: '+14155550199',
  To: '+14155550100',
  ToCountry: 'US',
  ...more,
});

export interface Posted {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Fields;
  /** In place of `fields`. */
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly token?: string;
  /** What Twilio was told to call; default: the address that is called. */
  readonly url?: string;
  readonly signature?: string | null;
  readonly chunked?: number;
  readonly agent?: http.Agent;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** Posts a webhook, signed with twilio's own code. */
export async function post(port: number, what: Posted): Promise<Answer> {
  const { method = 'POST', token = TOKEN, type = 'application/x-www-form-urlencoded; charset=UTF-8' } = what;
  let path = what.path ?? '/sms';
  if (method === 'GET' && what.fields) path += `?${encode(what.fields)}`;
  if (what.body !== undefined && what.type !== undefined && method !== 'GET') {
    path += `${path.includes('?') ? '&' : '?'}bodySHA256=${getExpectedBodyHash(what.body.toString())}`;
  }
  const body = method === 'GET' ? undefined : (what.body ?? encode(what.fields ?? {}));
  const url = what.url ?? `http://127.0.0.1:${port}${path}`;
  const signed = method === 'GET' || what.body !== undefined ? {} : (what.fields ?? {});
  const signature = what.signature ?? getExpectedTwilioSignature(token, url, signed);
  const headers: http.OutgoingHttpHeaders = {
    ...(body === undefined ? {} : { 'content-type': type }),
    ...(what.signature === null ? {} : { 'x-twilio-signature': signature }),
    ...(body === undefined || what.chunked !== undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...what.headers,
  };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers, ...(what.agent ? { agent: what.agent } : {}) };
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    void write(request, body, what.chunked);
  });
}

async function write(request: http.ClientRequest, body: string | Buffer | undefined, size: number | undefined) {
  const bytes = Buffer.from(body ?? '');
  for (let i = 0; size !== undefined && i < bytes.length; i += size) {
    request.write(bytes.subarray(i, i + size));
    if (i % 16 === 0) await sleep(1);
  }
  request.end(size === undefined ? bytes : undefined);
}

export function encode(fields: Fields): string {
  const list = Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((each) => [name, each] as [string, string]),
  );
  return new URLSearchParams(list).toString();
}

export async function listen(handler: http.RequestListener, options: http.ServerOptions = {}) {
  const server = http.createServer(options, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

/** Nothing of this process starts on its own: tests say what watches, and what records. */
export function startNothing(): void {
  setConfig({ ...getConfig(), disabled: true });
  startRecording();
  setConfig(undefined);
}

/** Waits for the recording, which happens after the answer. */
export async function recorded<T>(recorder: { readonly calls: readonly T[] }, count: number): Promise<readonly T[]> {
  for (let i = 0; i < 100 && recorder.calls.length < count; i++) await sleep(5);
  // Whatever is one too many would come now.
  await sleep(20);
  return recorder.calls;
}
