import type { Request, RequestHandler, Response } from 'express';
import twilio from 'twilio';
import { acceptIncoming } from '../acknowledge/incoming.ts';
import { acceptStatus } from '../delivery/status.ts';
import type { SmsDeps } from '../types.ts';
import type { ServerContext } from './context.ts';
import { isLimited, refuseLimited } from './limits.ts';

export const TWILIO_BYTES = 64 * 1024;

/** Refuses what carries no signature before its body is read. */
export function requireTwilioSignature({ deps, metrics }: ServerContext, kind: string): RequestHandler {
  return (request, response, next) => {
    if (request.get('x-twilio-signature') !== undefined) return next();
    refuse(deps, request, response, kind, 'The header X-Twilio-Signature is missing');
    metrics.callback(kind, 'unsigned');
  };
}

/**
 * Lets requests in that Twilio signed with the account's token, over the URL that Twilio knows: the public one. Without a public URL it is the
 * one that was asked for; a wrong one only makes the signature wrong.
 */
export function verifyTwilio({ deps, metrics }: ServerContext, kind: string): RequestHandler {
  const { config } = deps;
  return (request, response, next) => {
    const base = config.publicUrl ?? `${request.protocol}://${request.get('host') ?? ''}`;
    const url = `${base}${request.originalUrl}`;
    const params = formOf(request);
    if (twilio.validateRequest(config.twilio.authToken, request.get('x-twilio-signature') ?? '', url, params))
      return next();
    if (isLimited(response)) {
      metrics.limited('twilio');
      refuseLimited(response);
      return;
    }
    refuse(
      deps,
      request,
      response,
      kind,
      `The signature does not fit ${base}${request.path}: CLIENT_COST_SMS_PUBLIC_URL must be what the Twilio console has, TWILIO_AUTH_TOKEN the account's`,
    );
    metrics.callback(kind, 'forged');
  };
}

function refuse({ log }: SmsDeps, request: Request, response: Response, kind: string, reason: string): void {
  log.warn({ kind, reason, from: request.ip }, "A request was refused: not Twilio's");
  response.status(403).type('text/plain').send('Forbidden\n');
}

/** Parameters of the form; a name that comes twice (Twilio sends none) counts with its last value. */
function formOf(request: Request): Record<string, string> {
  const body = (request.body ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, String(Array.isArray(value) ? value.at(-1) : value)]),
  );
}

/** A text's way through the network. 503: could not be persisted, Twilio's delivery is asked for later. */
export function twilioStatus(context: ServerContext): RequestHandler {
  const { deps, metrics } = context;
  return (request, response) => {
    const params = { ...queryOf(request), ...formOf(request) };
    const sid = params.MessageSid ?? params.SmsSid ?? '';
    try {
      const before = deliveryOf(deps, sid);
      acceptStatus(deps, params);
      const after = deliveryOf(deps, sid);
      if (after?.state === 'delivered' && before?.state !== 'delivered') {
        metrics.delivered(Math.max(0, deps.clock.now() - after.created_at) / 1000, after.severity);
      }
      metrics.callback('status', 'accepted');
      response.status(204).end();
      context.wakeSender();
      context.escalator.wake();
      context.life.wake();
    } catch (error) {
      failed(context, 'status', error, response);
    }
  };
}

function queryOf(request: Request): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.query).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function deliveryOf({ db }: SmsDeps, sid: string): { state: string; created_at: number; severity: string } | undefined {
  return db.prepare('SELECT state, created_at, severity FROM messages WHERE sid = ?').get(sid) as
    | { state: string; created_at: number; severity: string }
    | undefined;
}

/** A text that came in; the answer is TwiML. */
export function twilioIncoming(context: ServerContext): RequestHandler {
  const { deps, metrics } = context;
  return (request, response) => {
    try {
      const { outcome, reply, escalate, alerts, contact } = acceptIncoming(deps, formOf(request));
      metrics.callback('incoming', outcome);
      if (alerts > 0) metrics.acknowledged('sms', alerts);
      deps.log.info({ outcome, ...(contact === undefined ? {} : { contact }) }, 'A text came in');
      const twiml = new twilio.twiml.MessagingResponse();
      if (reply !== '') twiml.message(reply);
      response.status(200).type('text/xml').send(twiml.toString());
      if (escalate) context.escalator.wake();
      if (alerts > 0) context.silencer.wake();
      context.life.wake();
    } catch (error) {
      failed(context, 'incoming', error, response);
    }
  };
}

function failed({ deps, metrics }: ServerContext, kind: string, error: unknown, response: Response): void {
  deps.log.error({ kind, error: (error as Error).message }, "A request of Twilio's could not be persisted");
  metrics.callback(kind, 'failed');
  response.status(503).type('text/plain').send('Try again\n');
}
