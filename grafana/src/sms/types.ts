import type { DatabaseSync } from 'node:sqlite';

/** Who a text goes to, and which alerts: clients' costs, or the pipeline's own troubles. */
export type Route = 'clients' | 'operations';

export type Severity = 'warning' | 'critical';

/** Somebody on call. */
export interface Contact {
  /** What logs, ledger and dashboards call this person: never the number. */
  readonly name: string;
  /** E.164, `+14035551234`. */
  readonly phone: string;
}

/** Levels of escalation in their order; everybody of a level is texted at once. */
export type OnCall = readonly (readonly Contact[])[];

/** Local hours in which warnings wait. `22:00` to `07:00` crosses midnight. */
export interface QuietHours {
  /** `HH:MM`. */
  readonly from: string;
  readonly to: string;
  /** IANA name, `America/Edmonton`. */
  readonly timeZone: string;
}

/** All settings of the SMS contact point; `readSmsConfig` makes them from the environment (docs/sms.md). */
export interface SmsConfig {
  /** Default 127.0.0.1. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Proxies whose `X-Forwarded-For` is believed, as express has them: addresses, networks (`10.0.0.0/8`), `loopback`. Default none. */
  readonly trustedProxies: readonly string[];
  /** What Twilio, Grafana and people reach this service as, without a final slash: links and Twilio's signatures need it. */
  readonly publicUrl: string | undefined;
  /** File of the outbox (SQLite). */
  readonly database: string;
  /** Signs Grafana's webhooks (HMAC-SHA256). */
  readonly webhookSecret: string;
  /** Signs the links that acknowledge. */
  readonly linkSecret: string;
  /** Seconds that such a link holds. */
  readonly linkSeconds: number;
  readonly twilio: {
    readonly accountSid: string;
    readonly authToken: string;
    /** Number in E.164, or a Messaging Service (`MG…`). */
    readonly from: string;
    /** Another address of the API: a stand-in. */
    readonly apiUrl: string | undefined;
    readonly timeoutMs: number;
  };
  readonly onCall: Readonly<Record<Route, OnCall>>;
  /** Seconds until an unacknowledged critical goes to the next level; 0: never. */
  readonly escalateAfterSeconds: number;
  /** The same client, type and severity is texted again after this long at the earliest. 24 h. */
  readonly repeatAfterSeconds: number;
  readonly quietHours: QuietHours | undefined;
  /** Texts that one number gets an hour; more wait, a critical goes through. */
  readonly textsPerHour: number;
  /** Several alerts within this long become one text. */
  readonly gatherMs: number;
  /** Silences an acknowledged alert in Grafana until its month ends. */
  readonly grafana: { readonly url: string; readonly token: string } | undefined;
  /** Where the life of alerts is written; without it they wait in the outbox's file. */
  readonly clickhouse:
    | { readonly url: string; readonly user: string; readonly password: string; readonly database: string }
    | undefined;
}

/** Time and its passing, so that tests can have their own. */
export interface Clock {
  now(): number;
}

/** Structured log without phone numbers: fields first, as in pino. */
export interface SmsLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What every part of the service works with. */
export interface SmsDeps {
  readonly db: DatabaseSync;
  readonly config: SmsConfig;
  readonly clock: Clock;
  readonly log: SmsLog;
}
