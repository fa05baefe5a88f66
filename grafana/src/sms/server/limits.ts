import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { SmsMetrics } from '../metrics/metrics.ts';
import { isProxied } from './health.ts';

export interface Limit {
  /** Requests a minute of one address. */
  readonly perMinute: number;
  /** Counts refused requests only (4xx, 5xx). */
  readonly refusedOnly?: boolean;
  /** Counts everybody's requests together. */
  readonly everybody?: boolean;
}

/** What a request may be, by endpoint; the numbers are in docs/security.md. */
export const LIMITS = {
  everybody: { perMinute: 6_000, everybody: true },
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

/** Beyond a limit a signed request is still looked at while it has at most so many bytes: to check it costs half a millisecond. */
export const SIGNED_BYTES = 256 * 1024;

const LIMITED = 'beyondLimit';

/** Whether a request is beyond a limit, and only its signature can still let it in. */
export function isLimited(response: Response): boolean {
  return response.locals[LIMITED] === true;
}

/** 429 with Retry-After. */
export function refuseLimited(response: Response): void {
  response.setHeader('retry-after', '60');
  // What is left of the body is not read.
  response.setHeader('connection', 'close');
  response.status(429).type('text/plain').send('Too many requests. Try again in a minute.\n');
}

/**
 * Limits one endpoint by the address that asks; 429 with Retry-After beyond it. What comes through a proxy that is not trusted counts together, and
 * apart from what is sent directly: a flood from outside takes nothing from a Grafana beside the service.
 *
 * @param signed whether a request may be a signed one: it goes on to where signatures are checked, and is refused there if it is none
 */
export function limiter(
  endpoint: string,
  limit: Limit,
  metrics: SmsMetrics,
  signed: (request: Request) => boolean = () => false,
): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: limit.perMinute,
    standardHeaders: false,
    legacyHeaders: false,
    skipSuccessfulRequests: limit.refusedOnly === true,
    // Not believing X-Forwarded-For is the default here, not a mistake.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    keyGenerator: (request) =>
      limit.everybody === true ? 'everybody' : `${isProxied(request) ? 'proxied' : 'direct'} ${keyOf(request)}`,
    handler: (request: Request, response: Response, next) => {
      if (signed(request)) {
        response.locals[LIMITED] = true;
        next();
        return;
      }
      metrics.limited(endpoint);
      refuseLimited(response);
    },
  });
}

/** One host has a whole /56 of IPv6. */
const keyOf = (request: Request): string => ipKeyGenerator(request.ip ?? request.socket.remoteAddress ?? '', 56);

/** Whether a request has the header, and a body that is small enough to be looked at in any case. */
export const hasSmall =
  (header: string) =>
  (request: Request): boolean => {
    const length = Number(request.get('content-length') ?? Number.NaN);
    return request.get(header) !== undefined && length <= SIGNED_BYTES;
  };
