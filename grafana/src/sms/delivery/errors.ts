/** What an attempt to make a text came to. */
export type SendResult =
  /** Twilio has it. */
  | {
      readonly kind: 'accepted';
      readonly sid: string;
      readonly status: string;
      readonly errorCode?: string | undefined;
    }
  /** Twilio will not take this text to this number. */
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  /** Surely not sent, and it may be otherwise later: nobody reached, too many requests, or something wrong with the account. */
  | {
      readonly kind: 'later';
      readonly code?: string | undefined;
      readonly reason: string;
      readonly retryAfterMs?: number | undefined;
      /** Somebody must mend the settings or the account. */
      readonly account: boolean;
    }
  /** It may have left. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Thrown by the HTTP client for a 429, whose `Retry-After` the twilio package would drop. */
export class TooManyRequests extends Error {
  readonly retryAfterMs: number | undefined;

  constructor(retryAfterMs: number | undefined) {
    super('Too many requests (429)');
    this.retryAfterMs = retryAfterMs;
  }
}

/** No trust in who answered: the request was not written. */
const NOT_TRUSTED =
  /^(CERT_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*|ERR_TLS_CERT_ALTNAME_INVALID)$/;

/**
 * Whether an error came before a byte of the request was written: no name, no route, no connection. The code alone does not say: a connection that
 * stood may end with EHOSTUNREACH or ETIMEDOUT as well.
 */
function neverConnected(error: unknown): boolean {
  const { code, syscall, cause, errors } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown;
    syscall?: unknown;
    cause?: unknown;
    errors?: unknown;
  };
  if (typeof code === 'string' && (NOT_TRUSTED.test(code) || code === 'ERR_INVALID_URL')) return true;
  if (syscall !== undefined) return syscall === 'connect' || syscall === 'getaddrinfo';
  // Several addresses of a name: one error for each.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(neverConnected);
  return cause !== undefined && cause !== error && neverConnected(cause);
}

/**
 * Refusals that are the account's, the sender's or the settings', not the recipient's: every text would be refused, so none is given up for it.
 * https://www.twilio.com/docs/api/errors
 */
const OF_ACCOUNT = new Set([
  20003, 20005, 20006, 20008, 20404, 20426, 20429, 21212, 21603, 21605, 21606, 21609, 21611, 21618, 21620, 21659, 21660,
  21661, 21701, 21703, 21705, 21712, 30001, 30002, 30034, 30039, 63038,
]);

/** The number's owner answered STOP. */
export const STOPPED = '21610';

/** Undelivered for a while: queue overflow, switched off, unknown, carrier congestion or limits. */
const PASSING = new Set(['30001', '30003', '30008', '30009', '30017', '30018', '30022', '30023', '30027']);

/** Whether a text that a carrier did not deliver may get there later. */
export function passes(errorCode: string | undefined): boolean {
  return errorCode === undefined || errorCode === '' || PASSING.has(errorCode);
}

const MEANING: Readonly<Record<string, string>> = {
  '20003': 'Twilio does not know this account and token: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN',
  '20005': 'the Twilio account is not active',
  '20404': 'Twilio does not know this account or address: check TWILIO_ACCOUNT_SID',
  '21211': 'not a number that can be texted',
  '21212': 'the number we send from is not valid: check TWILIO_PHONE_NUMBER',
  '21408': 'texts to this country are not allowed: enable it in Twilio under Messaging > Geo permissions',
  '21606': 'the number we send from is not this account’s or cannot text: check TWILIO_PHONE_NUMBER',
  '21608': 'a trial account texts verified numbers only',
  '21610': 'answered STOP: no texts until START',
  '21611': 'the number we send from has too many texts waiting at Twilio',
  '21614': 'not a mobile number',
  '21659': 'the number we send from is not this account’s: check TWILIO_PHONE_NUMBER',
  '30001': 'too many texts waiting at Twilio',
  '30002': 'the Twilio account is suspended',
  '30003': 'the phone is off or out of reach',
  '30004': 'blocked by the recipient or the carrier',
  '30005': 'the number does not exist or is no longer in use',
  '30006': 'a landline or a carrier that cannot be reached',
  '30007': 'filtered by the carrier',
  '30008': 'unknown error at the carrier',
  '30034': 'the number we send from is not registered (A2P 10DLC)',
};

/** `30003: the phone is off or out of reach` */
export function describe(code: string | undefined, said = ''): string {
  if (code === undefined || code === '') return said === '' ? 'no reason given' : said;
  return `${code}: ${MEANING[code] ?? (said === '' ? `see https://www.twilio.com/docs/errors/${code}` : said)}`;
}

/** What a rejected request to make a text came to. */
export function resultOf(error: unknown): SendResult {
  if (error instanceof TooManyRequests) {
    return { kind: 'later', code: '20429', reason: error.message, retryAfterMs: error.retryAfterMs, account: false };
  }
  const { status, code, message } = (typeof error === 'object' && error !== null ? error : {}) as {
    status?: unknown;
    code?: unknown;
    message?: unknown;
  };
  const said = withoutNumbers(typeof message === 'string' ? message : String(error));
  if (typeof status === 'number') return resultOfStatus(status, typeof code === 'number' ? code : undefined, said);
  const what = typeof code === 'string' ? code : said;
  if (neverConnected(error)) return { kind: 'later', reason: `Twilio could not be reached (${what})`, account: false };
  return { kind: 'unknown', reason: `no usable answer (${what})` };
}

function resultOfStatus(status: number, code: number | undefined, said: string): SendResult {
  // An answer that was cut off: the head says 201, the rest never came.
  if (status < 300) return { kind: 'unknown', reason: `answered ${status}, and nothing that can be read` };
  // 408: somebody between us and Twilio waited in vain. 5xx: Twilio may have it all the same.
  if (status >= 500 || status === 408) return { kind: 'unknown', reason: `answered ${status}` };
  // What does not carry Twilio's code is somebody's between us and Twilio; redirects are never followed.
  if (code === undefined || status < 400) {
    return { kind: 'later', reason: `answered ${status}, and not as Twilio does`, account: true };
  }
  const reason = describe(String(code), said);
  if (status === 401 || status === 403 || status === 429 || OF_ACCOUNT.has(code)) {
    return { kind: 'later', code: String(code), reason, account: status !== 429 };
  }
  return { kind: 'refused', code: String(code), reason };
}

/** Twilio's messages quote the number; events and logs hold none. */
function withoutNumbers(text: string): string {
  return text.replace(/\+?\d[\d\s().-]{6,}\d/g, '…').slice(0, 300);
}
