/** Whether R2 bills an attempt; `unknown` where Cloudflare does not say. */
export type Verdict = 'billed' | 'free' | 'unknown';

/** How one HTTP request ended: with a status, or with none. */
export interface Attempt {
  readonly status?: number | undefined;
  /** Of the error where there was no answer: `ECONNREFUSED`, … */
  readonly code?: unknown;
  /** False where it was given up before anything was sent. */
  readonly sent?: boolean;
}

/** Errors of a connection that never came about: R2 saw no request. */
const NOT_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+)$/;

/** S3 codes of failed authentication with a status that other failures have too. */
const NOT_AUTHENTICATED = new Set(['ExpiredRequest', 'RequestTimeTooSkewed', 'SignatureDoesNotMatch', 'NotEntitled']);

/**
 * https://developers.cloudflare.com/r2/pricing/#will-i-be-charged-for-failed-requests-to-my-r2-bucket (checked 2026-11-22): what fails
 * during authentication or authorization is free (401, 403); what passes it and fails for another reason is counted (the page's examples: 412, 400). Nothing is
 * said about R2's own failures (5xx), refusals for their rate (429) and requests whose answer never came.
 *
 * @param errorName the S3 code of the error the call failed with, where this attempt was its last one
 */
export function verdictOf({ status, code, sent }: Attempt, errorName?: unknown): Verdict {
  if (sent === false) return 'free';
  if (status === undefined) return typeof code === 'string' && NOT_SENT.test(code) ? 'free' : 'unknown';
  if (typeof errorName === 'string' && NOT_AUTHENTICATED.has(errorName)) return 'free';
  // The bucket's lock refuses it, not the caller's rights.
  if (status === 403) return errorName === 'ObjectLockedByBucketPolicy' ? 'billed' : 'free';
  if (status === 401) return 'free';
  return status === 429 || status >= 500 || status < 200 ? 'unknown' : 'billed';
}
