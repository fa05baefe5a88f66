import type { RequestListener } from 'node:http';
import express from 'express';
import { afterEach, beforeEach, vi } from 'vitest';
import { attributeIncoming } from '../../../attribution/incoming.ts';
import { setClient } from '../../../attribution/index.ts';
import { setConfig } from '../../../config.ts';
import { forgetWarnings } from '../../../log.ts';
import { RecorderDouble } from '../../../openai/testing/recorder.ts';
import { setRecorder } from '../../../recorder/index.ts';
import { forgetCharges } from '../../../recorder/open-charges.ts';
import { useContextManager } from '../../../testing/otel.ts';
import { observeWebhook } from '../automatic.ts';
import { twilioWebhook } from '../middleware.ts';
import { listen, startNothing, TOKEN } from './post.ts';

export const recorder = new RecorderDouble();
/** Run after each test. */
export const stops: (() => void)[] = [];
const watching = { header: 'x-twilio-signature', observe: observeWebhook };

/** Every test begins with a process that knows nothing, and ends its servers. */
export function useApplications(): void {
  beforeEach(() => {
    startNothing();
    stops.push(useContextManager());
    setRecorder(recorder);
    attribute(true);
  });
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    recorder.clear();
    setRecorder(undefined);
    setConfig(undefined);
    forgetCharges();
    forgetWarnings();
  });
}

/** @param watched whether the server notes signed requests before they are handled */
export function attribute(watched: boolean): void {
  const config = { clientHeader: 'x-client-id', trustBaggage: 'own' } as const;
  attributeIncoming({ config, ...(watched ? { webhook: watching } : {}) });
}

export async function serve(handler: RequestListener, options = {}): Promise<number> {
  const { port, stop } = await listen(handler, options);
  stops.push(stop);
  return port;
}

export type Order = 'before the parser' | 'after the parser' | 'without a parser';

/** An application that answers `/sms` with the form that it was given. */
export function application(order: Order, options: Parameters<typeof twilioWebhook>[0] = {}) {
  const app = express();
  const hook = twilioWebhook({ authToken: TOKEN, ...options });
  const parser = express.urlencoded({ extended: false });
  app.use(order === 'before the parser' ? [hook, parser] : order === 'after the parser' ? [parser, hook] : [hook]);
  app.all('/sms', (request, response) => {
    if (typeof request.query.client === 'string') setClient(request.query.client);
    response.json({ body: request.body ?? null });
  });
  return app;
}
