import type { IncomingMessage, ServerResponse } from 'node:http';
import { currentScope } from '../../attribution/index.ts';
import { quote, warnOnce } from '../../log.ts';
import type { UsageScope } from '../../types.ts';
import { recordWebhook } from './record.ts';
import { readWebhookSettings } from './settings.ts';
import { verifiedParams } from './verify.ts';
import { BodyWatch, DEFAULT_LIMIT, type Watched, watchedOf, watchRequest } from './watch.ts';

let limit = DEFAULT_LIMIT;
let wanted = false;

/** A middleware will ask for the bodies of signed requests, up to this many bytes. */
export function wantBodies(bytes: number): void {
  wanted = true;
  limit = Math.max(limit, bytes);
}

/**
 * Records a webhook of Twilio when its response is finished, where its signature is valid for an auth token of the
 * environment. For an incoming request with the header `X-Twilio-Signature`, before it is handled. The request and its
 * response stay as they are; whatever the signature is, the application answers.
 */
export function observeWebhook(request: IncomingMessage, response: ServerResponse): void {
  if (watchedOf(request) !== undefined) return;
  if (!wanted && readWebhookSettings().tokens.length === 0) return;
  const watched = watchRequest(request, request.url ?? '/', new BodyWatch(request, limit));
  onceFinished(response, () => {
    if (watched.claimed || watched.recording) return;
    watched.recording = true;
    const scope = currentScope();
    // The answer may be out before the body is in.
    if (watched.body.state !== 'open') recordIfSigned(request, watched, scope);
    else void watched.body.whenDone().then(() => recordIfSigned(request, watched, scope));
  });
}

/** Calls back once, when the response is sent or its connection gone. Never throws into whoever sends it. */
export function onceFinished(response: ServerResponse, run: () => void): void {
  let done = false;
  const finished = () => {
    if (done) return;
    done = true;
    guarded(run);
  };
  response.once('finish', finished);
  response.once('close', finished);
}

function recordIfSigned(request: IncomingMessage, watched: Watched, scope: UsageScope): void {
  guarded(() => {
    const { tokens, publicUrl, trustProxy } = readWebhookSettings();
    const bytes = watched.body.bytes;
    if (bytes === undefined) {
      if (watched.body.state === 'too-large') {
        warnOnce('twilio-webhook:size', `a webhook of Twilio has more than ${limit} bytes and is not recorded`);
      }
      return;
    }
    if (tokens.length === 0) return;
    const params = verifiedParams(request, watched.path, { bytes }, tokens, { publicUrl, trustProxy });
    if (params === undefined) warnForged(publicUrl ?? request.headers.host);
    else recordWebhook(params, watched.at, scope);
  });
}

/** Said once: a forged request, or an address that is not the one that Twilio called. */
export function warnForged(host: unknown): void {
  const hint =
    'if it is from Twilio, name the address that Twilio calls in CLIENT_COST_PUBLIC_URL, and check the auth token';
  warnOnce(
    'twilio-webhook:signature',
    `a request with an X-Twilio-Signature that is not valid for ${quote(host ?? '')} is not recorded; ${hint}`,
  );
}

function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    warnOnce('twilio-webhook:automatic', 'a webhook of Twilio could not be recorded', error);
  }
}
