import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createTwilioStandIn,
  type TwilioStandIn,
  type TwilioStandInOptions,
} from '../../../../../examples/src/stand-ins/twilio/index.ts';
import { type Accepted, acceptWebhook } from '../../intake/accept.ts';
import { openStore } from '../../store/open.ts';
import type { Contact, Route, SmsConfig, SmsDeps } from '../../types.ts';
import { createSender, type Sender, type SenderOptions } from '../sender.ts';
import { acceptStatus } from '../status.ts';

export const ada: Contact = { name: 'ada', phone: '+14035550101' };
export const bob: Contact = { name: 'bob', phone: '+14035550102' };
export const carol: Contact = { name: 'carol', phone: '+14035550103' };

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface MessageRow {
  id: number;
  kind: string;
  recipient: string;
  phone: string;
  severity: string;
  body: string;
  code: string | null;
  state: string;
  attempts: number;
  repeats: number;
  not_before: number;
  sid: string | null;
  error_code: string | null;
  error: string | null;
  token: string;
}

export interface Harness {
  readonly deps: SmsDeps;
  readonly standIn: TwilioStandIn;
  readonly sender: Sender;
  readonly log: LogLine[];
  now(): number;
  /** Time passes; what became due is done. */
  pass(ms: number): Promise<void>;
  /** A webhook comes in, and its texts leave. */
  fire(alerts: readonly object[], route?: Route): Promise<Accepted>;
  accept(alerts: readonly object[], route?: Route, more?: object): Accepted;
  messages(): MessageRow[];
  /** Texts that Twilio took, the oldest first. */
  texts(): { to: string; body: string; sid: string }[];
  /** Of an alert's life, in order. */
  events(key: string): string[];
  eventRows(key: string): Record<string, string>[];
  alert(key: string): Record<string, unknown>;
  close(): Promise<void>;
}

export interface HarnessOptions {
  readonly config?: Partial<SmsConfig>;
  readonly standIn?: TwilioStandInOptions;
  readonly sender?: SenderOptions;
  /** Whether Twilio can call back (default true). */
  readonly callbacks?: boolean;
  /** For what hangs; far above what a busy machine takes for the rest. */
  readonly timeoutMs?: number;
  /** ISO time; default a Sunday noon in Edmonton. */
  readonly at?: string;
}

/** An outbox in memory, a clock that stands still, and Twilio's stand-in on a real socket. */
export async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const clock = { time: Date.parse(options.at ?? '2026-11-15T19:00:00Z'), now: () => clock.time };
  const standIn = await createTwilioStandIn({ now: clock.now, stepMs: 1, ...options.standIn });
  const log: LogLine[] = [];
  const line = (level: LogLine['level']) => (fields: LogLine['fields'], message: string) =>
    void log.push({ level, message, fields });
  let deps!: SmsDeps;
  const app = createServer((incoming, outgoing) => {
    let text = '';
    incoming.on('data', (part) => {
      text += part;
    });
    incoming.on('end', () => {
      const query = new URL(incoming.url ?? '/', 'http://app').searchParams;
      acceptStatus(deps, Object.fromEntries([...query, ...new URLSearchParams(text)]));
      outgoing.end();
    });
  });
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const publicUrl = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  const config: SmsConfig = {
    host: '127.0.0.1',
    port: 0,
    trustedProxies: [],
    publicUrl: options.callbacks === false ? undefined : publicUrl,
    database: ':memory:',
    webhookSecret: 'w',
    linkSecret: 'l',
    linkSeconds: 86_400,
    twilio: {
      accountSid: standIn.accountSid,
      authToken: standIn.authToken,
      from: '+15005550006',
      apiUrl: standIn.url,
      timeoutMs: options.timeoutMs ?? 5_000,
    },
    onCall: { clients: [[ada, bob], [carol]], operations: [[carol]] },
    escalateAfterSeconds: 900,
    repeatAfterSeconds: 86_400,
    quietHours: undefined,
    textsPerHour: 10,
    gatherMs: 0,
    grafana: undefined,
    clickhouse: undefined,
    ...options.config,
  };
  deps = {
    db: openStore(':memory:'),
    config,
    clock,
    log: { info: line('info'), warn: line('warn'), error: line('error') },
  };
  const sender = createSender(deps, options.sender);
  await sender.start();
  const all = (sql: string, ...values: (string | number)[]) => deps.db.prepare(sql).all(...values);
  const accept = (alerts: readonly object[], route: Route = 'clients', more: object = {}): Accepted =>
    acceptWebhook(deps, route, { receiver: 'client-cost-sms', status: 'firing', alerts, ...more });
  const settle = async (): Promise<void> => {
    await sender.idle();
    if (options.standIn?.stepMs !== Number.POSITIVE_INFINITY) await standIn.idle();
    await sender.idle();
  };
  return {
    deps,
    standIn,
    sender,
    log,
    now: clock.now,
    async pass(ms) {
      clock.time += ms;
      await settle();
    },
    async fire(alerts, route) {
      const accepted = accept(alerts, route);
      await settle();
      return accepted;
    },
    accept,
    messages: () => all('SELECT * FROM messages ORDER BY id') as unknown as MessageRow[],
    texts: () =>
      [...standIn.messages.values()].map(({ to, body, sid }) => ({ to: String(to), body: String(body), sid })),
    events: (key) =>
      (all('SELECT event FROM events WHERE alert_key = ? ORDER BY at, rowid', key) as { event: string }[]).map(
        ({ event }) => event,
      ),
    eventRows: (key) =>
      (all('SELECT row FROM events WHERE alert_key = ? ORDER BY at, rowid', key) as { row: string }[]).map(
        ({ row }) => JSON.parse(row) as Record<string, string>,
      ),
    alert: (key) => all('SELECT * FROM alerts WHERE key = ?', key)[0] as Record<string, unknown>,
    async close() {
      await sender.stop();
      await standIn.close();
      await closed(app);
      deps.db.close();
    },
  };
}

async function closed(app: Server): Promise<void> {
  app.closeAllConnections();
  await new Promise((resolve) => app.close(resolve));
}

export interface AlertOptions {
  readonly client?: string;
  readonly name?: string;
  readonly type?: string;
  readonly severity?: string;
  readonly month?: string;
  readonly status?: 'firing' | 'resolved';
  readonly message?: string;
  readonly fingerprint?: string;
  /** Unix milliseconds. */
  readonly startsAt?: number;
  readonly labels?: Readonly<Record<string, unknown>>;
}

/** An alert as Grafana's webhook has it. */
export function alert(options: AlertOptions = {}): object {
  const { client = 'acme', type = 'threshold', severity = 'critical', month = '2026-11', status = 'firing' } = options;
  return {
    status,
    labels: {
      alertname: `Client ${type} ${severity}`,
      client_id: client,
      client_name: options.name ?? client[0]?.toUpperCase() + client.slice(1),
      alert_type: type,
      severity,
      month,
      route: 'clients',
      ...options.labels,
    },
    annotations: {
      summary: options.message ?? 'Monthly usage has exceeded $100.00',
      current_cost: '104.2',
      threshold: '100',
    },
    startsAt: new Date(options.startsAt ?? '2026-11-15T19:00:00Z').toISOString(),
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: '',
    fingerprint: options.fingerprint ?? `${client}${type}${severity}`,
    values: { B: 104.2, C: 1 },
    ruleUID: 'cc-threshold-critical',
  };
}

/** An alert of the pipeline. */
export function pipelineAlert(type = 'pipeline_silent', severity = 'critical', status = 'firing'): object {
  return {
    status,
    labels: { alertname: type, alert_type: type, severity, route: 'operations' },
    annotations: { summary: 'No usage event for 30 minutes' },
    fingerprint: type,
  };
}
