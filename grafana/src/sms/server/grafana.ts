import type { Request, RequestHandler, Response } from 'express';
import { acceptWebhook, BadWebhook } from '../intake/accept.ts';
import { verifyWebhook } from '../intake/verify.ts';
import type { Route } from '../types.ts';
import type { ServerContext } from './context.ts';
import { isLimited, refuseLimited } from './limits.ts';

/** A webhook of a thousand alerts has about 1.5 MB. */
export const WEBHOOK_BYTES = 4 * 1024 * 1024;

/**
 * Refuses what carries no signature before its body is read.
 *
 * 401 says little: who asks without the secret learns nothing; the log says what was wrong.
 */
export function requireSignature({ deps, metrics }: ServerContext, route: Route): RequestHandler {
  return (request, response, next) => {
    if (request.get('x-grafana-alerting-signature') !== undefined) return next();
    const checked = verifyWebhook({
      secret: deps.config.webhookSecret,
      rawBody: '',
      signature: undefined,
      timestamp: undefined,
      now: 0,
    });
    deps.log.warn({ route, reason: checked.ok ? '' : checked.reason, from: request.ip }, 'A webhook was refused');
    metrics.webhook(route, 'unsigned');
    response.status(401).json({ error: 'unauthorized' });
  };
}

/**
 * Grafana's webhook: verified, persisted, then answered 200; the texts leave afterwards. 400: not a webhook of Grafana's. 503: could not be
 * persisted; Grafana sends it again at its next interval.
 */
export function grafanaWebhook(context: ServerContext, route: Route): RequestHandler {
  const { deps, metrics } = context;
  const { log, config, clock } = deps;
  return (request: Request, response: Response) => {
    const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const verified = verifyWebhook({
      secret: config.webhookSecret,
      rawBody,
      signature: request.get('x-grafana-alerting-signature'),
      timestamp: request.get('x-grafana-alerting-timestamp'),
      now: clock.now(),
    });
    if (!verified.ok) {
      if (isLimited(response)) {
        metrics.limited('webhook');
        refuseLimited(response);
        return;
      }
      log.warn({ route, reason: verified.reason, from: request.ip }, 'A webhook was refused');
      metrics.webhook(route, 'forged');
      response.status(401).json({ error: 'unauthorized' });
      return;
    }
    try {
      const result = acceptWebhook(deps, route, parse(rawBody));
      metrics.webhook(route, 'accepted');
      response.status(200).json(counts(result));
      context.wakeSender();
      context.escalator.wake();
      context.life.wake();
    } catch (error) {
      if (error instanceof BadWebhook) {
        log.warn({ route, error: error.message }, 'A signed webhook cannot be read');
        metrics.webhook(route, 'bad');
        response.status(400).json({ error: error.message });
        return;
      }
      log.error({ route, error: (error as Error).message }, 'A webhook could not be persisted; its sender repeats it');
      metrics.webhook(route, 'failed');
      response.setHeader('retry-after', '30');
      response.status(503).json({ error: 'the webhook could not be stored, send it again' });
    }
  };
}

function parse(rawBody: Buffer): unknown {
  try {
    return JSON.parse(rawBody.toString('utf8'));
  } catch (error) {
    throw new BadWebhook(`The body is not JSON (${(error as Error).message})`);
  }
}

function counts(result: Readonly<Record<string, readonly string[]>>): Record<string, number> {
  return Object.fromEntries(Object.entries(result).map(([name, keys]) => [name, keys.length]));
}
