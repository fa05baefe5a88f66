import express, { type ErrorRequestHandler, type Express } from 'express';
import type { ServerContext } from './context.ts';
import { grafanaWebhook, requireSignature, WEBHOOK_BYTES } from './grafana.ts';
import { health, isProxied } from './health.ts';
import { hasSmall, isLimited, LIMITS, type Limits, limiter, refuseLimited } from './limits.ts';
import { FORM_BYTES, pageHeaders, showLink, useLink } from './link.ts';
import { requireTwilioSignature, TWILIO_BYTES, twilioIncoming, twilioStatus, verifyTwilio } from './twilio.ts';

/** The service's endpoints. */
export function createApp(context: ServerContext, limits: Limits = LIMITS): Express {
  const { metrics } = context;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // The address behind a proxy that the settings name; rate limits and the log use it, nothing else does.
  app.set('trust proxy', [...context.deps.config.trustedProxies]);
  app.set('query parser', 'simple');
  app.use((_request, response, next) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    next();
  });

  const raw = express.raw({ type: () => true, limit: WEBHOOK_BYTES, inflate: false });
  const looksSigned = hasSmall('x-grafana-alerting-signature');
  const hooks = [
    limiter('webhook', limits.everybody, metrics, looksSigned),
    limiter('webhook', limits.webhook, metrics, looksSigned),
    limiter('webhook', limits.webhookRefused, metrics, looksSigned),
  ];
  app.post('/webhooks/grafana', hooks, requireSignature(context, 'clients'), raw, grafanaWebhook(context, 'clients'));
  app.post(
    '/webhooks/grafana/operations',
    hooks,
    requireSignature(context, 'operations'),
    raw,
    grafanaWebhook(context, 'operations'),
  );

  const form = express.urlencoded({ extended: false, limit: TWILIO_BYTES, inflate: false, parameterLimit: 200 });
  const looksTwilios = hasSmall('x-twilio-signature');
  const calls = [
    limiter('twilio', limits.everybody, metrics, looksTwilios),
    limiter('twilio', limits.twilio, metrics, looksTwilios),
    limiter('twilio', limits.twilioRefused, metrics, looksTwilios),
  ];
  for (const [kind, handler] of [
    ['status', twilioStatus(context)],
    ['incoming', twilioIncoming(context)],
  ] as const) {
    app.post(
      `/twilio/${kind}`,
      calls,
      requireTwilioSignature(context, kind),
      form,
      verifyTwilio(context, kind),
      handler,
    );
  }

  const bodies = [
    express.urlencoded({ extended: false, limit: FORM_BYTES, inflate: false, parameterLimit: 10 }),
    express.json({ limit: FORM_BYTES, inflate: false }),
  ];
  const links = [
    limiter('link', limits.everybody, metrics),
    limiter('link', limits.link, metrics),
    limiter('link', limits.linkRefused, metrics),
  ];
  app.get('/a/:token', pageHeaders, links, showLink(context));
  app.post('/a/:token', pageHeaders, links, bodies, useLink(context));

  const watch = limiter('watch', limits.watch, metrics);
  app.get('/healthz', watch, health(context));
  // For who watches the service, not for the world that the proxy lets in.
  app.get('/metrics', watch, (request, response, next) => {
    if (isProxied(request)) next();
    else metrics.handle(request, response);
  });

  app.use((_request, response) => {
    response.status(404).type('text/plain').send('Not found\n');
  });
  app.use(failure(context));
  return app;
}

/** Bodies that are too big, broken or cut off, and our own faults: few words outside, all of them in the log. */
function failure({ deps }: ServerContext): ErrorRequestHandler {
  return (error: Error & { status?: number; type?: string }, request, response, _next) => {
    const status = error.status !== undefined && error.status >= 400 && error.status < 500 ? error.status : 503;
    const fields = { path: request.route?.path ?? 'unknown', status, error: error.message };
    if (status === 503) deps.log.error(fields, 'A request failed');
    else deps.log.warn(fields, 'A request could not be read');
    if (!response.headersSent && isLimited(response)) {
      refuseLimited(response);
      return;
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const text =
      status === 413 ? 'The body is too big.' : status === 503 ? 'Try again later.' : 'The request cannot be read.';
    // What is left of the body is not read: the connection ends.
    response.setHeader('connection', 'close');
    response.status(status).type('text/plain').send(`${text}\n`);
  };
}
