import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  createTwilioStandIn,
  type TwilioStandIn,
  type TwilioStandInOptions,
} from '../../../../../examples/src/stand-ins/twilio/index.ts';
import type { AnswerTimings } from '../../acknowledge/missed.ts';
import { readSmsConfig } from '../../config.ts';
import { createSmsLog } from '../../log.ts';
import type { SmsConfig } from '../../types.ts';
import type { Limits } from '../limits.ts';
import { type SmsService, startSmsService } from '../start.ts';
import { grafanaBody, signed, type TestAlert } from './webhook.ts';

export const SECRET = 'test-webhook-secret-0123456789';
export const FROM = '+14035550000';
export const ADA = '+14035551234';
export const BOB = '+14035555678';
export const NUMBERS = [FROM, ADA, BOB];

export interface TestService {
  readonly url: string;
  readonly config: SmsConfig;
  readonly twilio: TwilioStandIn;
  /** Everything that was logged, as text. */
  readonly logged: string[];
  /** Milliseconds that the service's clock is ahead of the machine's. */
  ahead: number;
  now(): number;
  post(path: string, body: string, headers: Record<string, string>): Promise<Response>;
  /** A webhook as Grafana signs it. */
  webhook(alerts: readonly TestAlert[], path?: string, receiver?: string): Promise<Response>;
  /** Somebody texts the service; gives what comes back. */
  reply(from: string, body: string, params?: Record<string, string>): Promise<string>;
  /** Texts that Twilio took, in their order. */
  texts(): { to: string; body: string }[];
  idle(): Promise<void>;
  /** Rows of the outbox's file. */
  rows<T = Record<string, unknown>>(sql: string, ...values: (string | number)[]): T[];
  stopService(): Promise<void>;
  startService(): Promise<void>;
  close(): Promise<void>;
}

export interface TestServiceOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly twilio?: TwilioStandInOptions;
  readonly limits?: Limits;
  readonly answers?: Partial<AnswerTimings>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** The whole service, with a stand-in for Twilio and an outbox of its own; ada is on call first, then bob. */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const folder = mkdtempSync(join(tmpdir(), 'client-cost-sms-'));
  const twilio = await createTwilioStandIn(options.twilio);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = readSmsConfig({
    CLIENT_COST_SMS_PORT: String(port),
    CLIENT_COST_SMS_PUBLIC_URL: url,
    CLIENT_COST_SMS_DATABASE: join(folder, 'outbox.db'),
    CLIENT_COST_ALERT_WEBHOOK_SECRET: SECRET,
    CLIENT_COST_SMS_GATHER_MS: '0',
    CLIENT_COST_ON_CALL: `ada=${ADA};bob=${BOB}`,
    CLIENT_COST_TWILIO_API_URL: twilio.url,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_PHONE_NUMBER: FROM,
    ...options.env,
  });
  const logged: string[] = [];
  const log = createSmsLog(config, { destination: { write: (line: string) => void logged.push(line) } });
  let service: SmsService | undefined;
  const test: TestService = {
    url,
    config,
    twilio,
    logged,
    ahead: 0,
    now: () => Date.now() + test.ahead,
    post: (path, body, headers) => fetch(`${url}${path}`, { method: 'POST', body, headers, redirect: 'manual' }),
    webhook(alerts, path = '/webhooks/grafana', receiver) {
      const body = JSON.stringify(grafanaBody(alerts, receiver));
      return test.post(path, body, signed(body, SECRET, test.now()));
    },
    async reply(from, body, params = {}) {
      const sent = await twilio.receiveSms({ to: FROM, from, body, url: `${url}/twilio/incoming`, params });
      if (sent.status !== 200) throw new Error(`The service answered ${sent.status}`);
      return /<Message>(.*?)<\/Message>/s.exec(sent.body)?.[1] ?? '';
    },
    texts: () =>
      [...twilio.messages.values()]
        .filter(({ direction }) => direction === 'outbound-api')
        .map(({ to, body }) => ({ to: String(to), body: String(body) })),
    async idle() {
      await service?.idle();
      await twilio.advance();
      await service?.idle();
    },
    rows(sql, ...values) {
      const db = new DatabaseSync(config.database, { readOnly: true, timeout: 5_000 });
      try {
        return db.prepare(sql).all(...values) as never;
      } finally {
        db.close();
      }
    },
    async stopService() {
      await service?.close();
      service = undefined;
    },
    async startService() {
      service = await startSmsService(config, {
        log,
        clock: { now: test.now },
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.answers === undefined ? {} : { answers: options.answers }),
      });
    },
    async close() {
      await test.stopService();
      await twilio.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  await test.startService();
  return test;
}

/** The code that a text asks to be answered with. */
export function codeOf(text: string | undefined): string {
  const code = /Reply (\d+)/.exec(text ?? '')?.[1];
  if (code === undefined) throw new Error(`No code in ${JSON.stringify(text)}`);
  return code;
}
