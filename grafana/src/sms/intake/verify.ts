import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the sender's clock may be from ours, either way. */
export const WINDOW_MS = 5 * 60_000;

export interface SignedWebhook {
  readonly secret: string;
  /** The body as it came, before anything parsed it. */
  readonly rawBody: string | Uint8Array;
  /** `X-Grafana-Alerting-Signature`. */
  readonly signature: string | readonly string[] | undefined;
  /** `X-Grafana-Alerting-Timestamp`: Unix seconds. */
  readonly timestamp: string | readonly string[] | undefined;
  /** Unix milliseconds. */
  readonly now: number;
}

export type Verification = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const WAY_OUT = {
  signature:
    "give the contact point's HMAC signature the secret of CLIENT_COST_ALERT_WEBHOOK_SECRET and leave its header at X-Grafana-Alerting-Signature",
  timestamp:
    'set the contact point\'s "Timestamp header" to X-Grafana-Alerting-Timestamp: without it whoever records a request could send it again',
} as const;

/**
 * Whether a webhook was signed by who knows the secret, within the last five minutes: lower-case hexadecimal HMAC-SHA256 over
 * `<unix seconds>:<body>`, as Grafana makes it where the contact point has a timestamp header. That header is required: the signature of a body
 * alone holds for ever. Compared in constant time. The reason names the header and the way out, never the expected value.
 */
export function verifyWebhook({ secret, rawBody, signature, timestamp, now }: SignedWebhook): Verification {
  if (secret === '')
    return no('This service has no secret (CLIENT_COST_ALERT_WEBHOOK_SECRET): no webhook can be believed');
  if (signature === undefined || signature === '') {
    return no(`The header X-Grafana-Alerting-Signature is missing: ${WAY_OUT.signature}`);
  }
  // Node joins a header that came twice with a comma.
  if (typeof signature !== 'string' || !/^[0-9a-f]{64}$/.test(signature)) {
    return no(
      `The header X-Grafana-Alerting-Signature is not one value of 64 lower-case hexadecimal digits: ${WAY_OUT.signature}`,
    );
  }
  if (timestamp === undefined || timestamp === '') {
    return no(`The header X-Grafana-Alerting-Timestamp is missing: ${WAY_OUT.timestamp}`);
  }
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) {
    return no(`The header X-Grafana-Alerting-Timestamp is not one count of Unix seconds: ${WAY_OUT.timestamp}`);
  }
  const expected = createHmac('sha256', secret).update(`${timestamp}:`).update(rawBody).digest();
  if (!timingSafeEqual(Buffer.from(signature, 'hex'), expected)) {
    return no(`The signature does not fit body and timestamp: ${WAY_OUT.signature}`);
  }
  const apart = Number(timestamp) * 1000 - now;
  if (Math.abs(apart) > WINDOW_MS) {
    const how = `${Math.round(Math.abs(apart) / 1000)} seconds ${apart < 0 ? 'old' : 'in the future'}`;
    return no(`The webhook is ${how}, more than ${WINDOW_MS / 60_000} minutes: set the clocks of both machines by NTP`);
  }
  return { ok: true };
}

function no(reason: string): Verification {
  return { ok: false, reason };
}
