import type { Request, RequestHandler, Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { SmsMetrics } from '../metrics/metrics.ts';

export interface Limit {
  /** Requests a minute of one address. */
  readonly perMinute: number;
  /** Counts refused requests only (4xx, 5xx). */
  readonly refusedOnly?: boolean;
}

/** What a request may be, by endpoint; the numbers are in docs/sms.md. */
export const LIMITS = {
  webhook: { perMinute: 600 },
  webhookRefused: { perMinute: 30, refusedOnly: true },
  twilio: { perMinute: 1_200 },
  twilioRefused: { perMinute: 30, refusedOnly: true },
  /** 96 bits are not guessed; this keeps the log readable. */
  link: { perMinute: 60 },
  linkRefused: { perMinute: 20, refusedOnly: true },
  watch: { perMinute: 300 },
} as const satisfies Record<string, Limit>;

export type Limits = Readonly<Record<keyof typeof LIMITS, Limit>>;

/** Limits one endpoint by the address that asks; 429 with Retry-After beyond it. */
export function limiter(endpoint: string, limit: Limit, metrics: SmsMetrics): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: limit.perMinute,
    standardHeaders: false,
    legacyHeaders: false,
    skipSuccessfulRequests: limit.refusedOnly === true,
    handler: (_request: Request, response: Response) => {
      metrics.limited(endpoint);
      response.setHeader('retry-after', '60');
      response.status(429).type('text/plain').send('Too many requests. Try again in a minute.\n');
    },
  });
}
