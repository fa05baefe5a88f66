import pRetry, { AbortError } from 'p-retry';
import { printable } from '../cli/format.ts';
import { type AlertRoute, signatureHeaders, type WebhookAlert, webhookBody } from './webhook.ts';

export interface DeliveryOptions {
  readonly secret: string;
  /** Milliseconds until an attempt is given up. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Attempts after the first one. Default 3. */
  readonly retries?: number | undefined;
  /** The first wait in milliseconds, then twice as long each. Default 1,000. */
  readonly backoffMs?: number | undefined;
  readonly now?: (() => Date) | undefined;
}

/** What became of a route's alerts. */
export interface Delivery {
  readonly route: AlertRoute;
  readonly url: string;
  /** Alerts that the service has taken. */
  readonly told: number;
  /** Alerts that it has not. */
  readonly untold: number;
  /** Why; undefined when all were told. */
  readonly problem: string | undefined;
}

/** The service takes 4 MB; an alert has about 1 kB. One webhook becomes one text, so they go together. */
const ALERTS_A_WEBHOOK = 1_000;

/**
 * Posts the alerts of a route. What may be over soon (no answer, 408, 429, 5xx) is tried again, what is refused is not. Never rejects: the
 * problem is in the result.
 */
export async function deliver(
  route: AlertRoute,
  url: string,
  alerts: readonly WebhookAlert[],
  options: DeliveryOptions,
): Promise<Delivery> {
  let told = 0;
  try {
    for (let from = 0; from < alerts.length; from += ALERTS_A_WEBHOOK) {
      const part = alerts.slice(from, from + ALERTS_A_WEBHOOK);
      await post(url, JSON.stringify(webhookBody(route, part)), options);
      told += part.length;
    }
    return { route, url, told, untold: 0, problem: undefined };
  } catch (error) {
    return { route, url, told, untold: alerts.length - told, problem: (error as Error).message };
  }
}

async function post(url: string, body: string, options: DeliveryOptions): Promise<void> {
  const { retries = 3, backoffMs = 1_000 } = options;
  await pRetry(() => attempt(url, body, options), { retries, minTimeout: backoffMs, factor: 2, randomize: true });
}

async function attempt(url: string, body: string, options: DeliveryOptions): Promise<void> {
  const { secret, timeoutMs = 10_000, now = () => new Date() } = options;
  let status: number;
  let answer: string;
  try {
    const response = await fetch(url, {
      method: 'POST',
      // Signed anew at each attempt: the service takes no signature older than five minutes.
      headers: {
        'content-type': 'application/json',
        'user-agent': 'client-cost',
        ...signatureHeaders(secret, body, now().getTime()),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    status = response.status;
    answer = (await response.text()).slice(0, 2_000);
  } catch (error) {
    // A TypeError of fetch is no bug of ours here, and p-retry would take it for one.
    throw new Error(`${url} ${noAnswer(error, timeoutMs)}`);
  }
  if (status >= 200 && status < 300) return;
  const why = saidWhy(answer);
  if (status === 408 || status === 429 || status >= 500) throw new Error(`${url} answers ${status}${why}`);
  throw new AbortError(`${url} ${refused(status, why)}`);
}

function refused(status: number, why: string): string {
  if (status === 401 || status === 403) {
    return `does not accept the signature (${status}${why}): CLIENT_COST_ALERT_WEBHOOK_SECRET must be the same here and there, and both clocks right`;
  }
  if (status === 404 || status === 405) {
    return `is not the SMS service's webhook (${status}): check CLIENT_COST_ALERT_WEBHOOK_URL`;
  }
  if (status >= 300 && status < 400) return `redirects (${status}): check CLIENT_COST_ALERT_WEBHOOK_URL`;
  return `refuses the alerts (${status}${why})`;
}

/** What went wrong with a request that brought no answer. */
export function noAnswer(error: unknown, timeoutMs: number): string {
  const { name, cause } = error as Error;
  if (name === 'TimeoutError') return `did not answer within ${timeoutMs / 1000} s`;
  const reason = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = (reason as NodeJS.ErrnoException | undefined)?.code ?? (reason as Error | undefined)?.message;
  return `cannot be reached (${code ?? (error as Error).message}): does the SMS service run?`;
}

/** The service's own words, one line of them. */
export function saidWhy(answer: string): string {
  let said = answer;
  try {
    const { error } = JSON.parse(answer) as { error?: unknown };
    if (typeof error === 'string') said = error;
  } catch {
    // Plain text then.
  }
  const line = printable(said.replace(/\s+/g, ' ').trim(), 200);
  return line === '' || line.startsWith('<') ? '' : `: ${line}`;
}
