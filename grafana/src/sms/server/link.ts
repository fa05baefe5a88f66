import type { Request, RequestHandler, Response } from 'express';
import { acknowledgeByLink, type LinkReading, readChannel, readLink, readName } from '../acknowledge/link.ts';
import { alertPage, messagePage } from '../acknowledge/page.ts';
import { PAGE_HEADERS } from '../acknowledge/page-style.ts';
import type { Acknowledgement } from '../acknowledge/record.ts';
import type { ServerContext } from './context.ts';

export const FORM_BYTES = 4 * 1024;

/** Headers of every answer below `/a/`. */
export const pageHeaders: RequestHandler = (_request, response, next) => {
  response.set(PAGE_HEADERS);
  next();
};

/** `GET /a/:token`: shows, changes nothing. */
export function showLink({ deps }: ServerContext): RequestHandler {
  return (request, response) => {
    const reading = readLink(deps, String(request.params.token));
    if (!reading.ok) return refuse(request, response, reading);
    const by = readName(request.query.by);
    const { alerts } = reading;
    const how = by === undefined ? 'link' : 'dashboard';
    if (wantsJson(request)) response.json({ alerts: alerts.map(({ key, status }) => ({ key, status })) });
    else response.type('html').send(alertPage({ alerts, config: deps.config, now: deps.clock.now(), by, how }));
  };
}

/** `POST /a/:token` with `by` and perhaps `how`: acknowledges, and says who did it first. */
export function useLink(context: ServerContext): RequestHandler {
  const { deps, metrics } = context;
  return (request, response) => {
    const token = String(request.params.token);
    const body = (request.body ?? {}) as Record<string, unknown>;
    const by = readName(body.by);
    const how = readChannel(body.how);
    const reading = readLink(deps, token);
    if (!reading.ok) return refuse(request, response, reading);
    if (by === undefined) {
      const problem = `Please give your name: at least one letter, at most 60 characters, no phone number.`;
      response.status(400);
      if (wantsJson(request)) response.json({ error: `by: ${problem}` });
      else {
        const { alerts } = reading;
        response.type('html').send(alertPage({ alerts, config: deps.config, now: deps.clock.now(), how, problem }));
      }
      return;
    }
    const result = acknowledgeByLink(deps, token, by, how);
    if ('ok' in result) return refuse(request, response, result);
    if (result.acknowledged.length > 0) {
      metrics.acknowledged(how, result.acknowledged.length);
      deps.log.info({ alerts: result.acknowledged.map(({ key }) => key), by, how }, 'Acknowledged');
      context.silencer.wake();
      context.life.wake();
    }
    // The page is asked for anew: a reload sends no form again.
    if (wantsJson(request)) response.json(asJson(result));
    else response.redirect(303, `./${token}`);
  };
}

/** Whether the sender is a program; a browser asks for HTML first. */
function wantsJson(request: Request): boolean {
  return request.accepts(['html', 'json']) === 'json';
}

function refuse(request: Request, response: Response, { reason }: Extract<LinkReading, { ok: false }>): void {
  const [status, title, text] =
    reason === 'expired'
      ? ([
          410,
          'This link has expired',
          'Use the link in a newer text, reply to a text with its code, or open the dashboard.',
        ] as const)
      : ([
          404,
          'No such link',
          'The link is not complete, or its alert is long over. Try to copy it anew from the text.',
        ] as const);
  response.status(status);
  if (wantsJson(request)) response.json({ error: `${title}. ${text}` });
  else response.type('html').send(messagePage(title, text));
}

function asJson({ acknowledged, already, resolved }: Acknowledgement): Record<string, unknown> {
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  const who = (alert: Acknowledgement['already'][number]) => ({
    key: alert.key,
    by: alert.acknowledged_by,
    at: time(alert.acknowledged_at),
    how: alert.acknowledged_how,
  });
  return {
    acknowledged: acknowledged.map(who),
    already: already.map(who),
    resolved: resolved.map(({ key, resolved_at }) => ({ key, at: time(resolved_at) })),
  };
}
