/** A resource as it is on the wire: snake_case fields, text and null. */
export type Resource = Record<string, unknown> & { sid: string };
export type Params = Record<string, string>;

/** A request as the stand-in read it. */
export interface TwilioRequest {
  readonly method: string;
  /** Below the account: `/Messages.json`. */
  readonly path: string;
  readonly accountSid: string;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** How many requests came before. */
  readonly index: number;
}

export interface TwilioExchange extends TwilioRequest {
  readonly status: number;
  /** Of the resource that was made or read. */
  readonly sid?: string | undefined;
}

export type TwilioFailure =
  | {
      readonly status: number;
      readonly code?: number;
      readonly message?: string;
      readonly retryAfter?: number;
      readonly body?: string;
    }
  /** No answer ever, or the connection is reset; `accepted`: after the request was done. */
  | { readonly hang: true; readonly accepted?: boolean }
  | { readonly reset: true; readonly accepted?: boolean }
  /** The request is done and answered otherwise: later, or with this body. */
  | { readonly accepted: true; readonly delayMs?: number; readonly status?: number; readonly body?: string };

/** How a message ends; default `delivered`. */
export interface MessageOutcome {
  readonly status?: 'sent' | 'delivered' | 'undelivered' | 'failed' | 'read' | undefined;
  readonly errorCode?: number | undefined;
}

/** How a call ends; default `completed` after 61 seconds. */
export interface CallOutcome {
  readonly status?: 'completed' | 'busy' | 'no-answer' | 'failed' | 'canceled' | undefined;
  /** Seconds, which do not pass here. */
  readonly duration?: number | undefined;
}

export interface TwilioStandInOptions {
  /** Default `AC` and 32 `a`. */
  readonly accountSid?: string;
  /** Lets requests in and signs callbacks. Default 32 `b`. */
  readonly authToken?: string;
  /** API keys that are let in beside it: sid → secret. */
  readonly apiKeys?: Readonly<Record<string, string>>;
  /** Subaccounts: sid → auth token. */
  readonly subaccounts?: Readonly<Record<string, string>>;
  /** Milliseconds between the steps of a message's or call's life (default 5); `Infinity`: only {@link TwilioStandIn.advance} does them. */
  readonly stepMs?: number;
  /** Milliseconds from the end of a message or call to its price (default 20). */
  readonly priceMs?: number;
  /** Milliseconds before every answer (default 0). */
  readonly latencyMs?: number;
  readonly failures?: (request: TwilioRequest) => TwilioFailure | undefined;
  /** How often a callback is sent (default once): 0 loses it, 2 sends it twice. */
  readonly copies?: (url: string, params: Params) => number;
  /** Dates of messages; default the machine's clock. */
  readonly now?: () => number;
  readonly message?: (message: Resource) => MessageOutcome | undefined;
  readonly call?: (call: Resource) => CallOutcome | undefined;
  /** USD as on the bill (`0.0113`); undefined: the stand-in's own. */
  readonly price?: (kind: 'message' | 'call' | 'recording', resource: Resource) => string | undefined;
  /** Default `USD`. */
  readonly priceUnit?: string;
  /** Keep every exchange in `requests` (default true). */
  readonly record?: boolean;
  /** Default 0, a free one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
}

/** A callback or webhook that was sent. */
export interface SentCallback {
  readonly url: string;
  readonly params: Params;
  readonly signature: string;
  /** Of the answer; 0 where none came. */
  status: number;
  /** What was answered (TwiML). */
  body: string;
}

export interface InboundSms {
  readonly to: string;
  readonly from: string;
  readonly body?: string;
  /** The application's webhook. */
  readonly url: string;
  readonly mediaUrls?: readonly string[];
  /** More parameters, or others in place of the stand-in's own. */
  readonly params?: Params;
}

export interface InboundCall {
  readonly to: string;
  readonly from: string;
  readonly url: string;
  /** Told when the call has ended. */
  readonly statusCallback?: string;
  readonly outcome?: CallOutcome;
  readonly params?: Params;
}
