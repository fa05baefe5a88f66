import { environment } from '../../environment.ts';
import { quote, warnOnce } from '../../log.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What the environment says about Twilio's webhooks. */
export interface WebhookSettings {
  /** `TWILIO_AUTH_TOKEN` and those of `CLIENT_COST_TWILIO_AUTH_TOKENS`. */
  readonly tokens: readonly string[];
  /** `CLIENT_COST_PUBLIC_URL` without a slash at its end. */
  readonly publicUrl: string | undefined;
  /** `CLIENT_COST_TRUST_PROXY`. */
  readonly trustProxy: boolean;
}

const NAMES = [
  'TWILIO_AUTH_TOKEN',
  'CLIENT_COST_TWILIO_AUTH_TOKENS',
  'CLIENT_COST_PUBLIC_URL',
  'CLIENT_COST_TRUST_PROXY',
] as const;

let cached: { readonly values: readonly (string | undefined)[]; readonly settings: WebhookSettings } | undefined;

/** Read at use and not at start: applications load their `.env` after this package. Never throws. */
export function readWebhookSettings(env: Env = environment()): WebhookSettings {
  const values = NAMES.map((name) => env[name]);
  if (cached === undefined || values.some((value, i) => value !== cached?.values[i])) {
    const settings = { tokens: readTokens(env), publicUrl: readPublicUrl(env), trustProxy: readTrustProxy(env) };
    cached = { values, settings };
  }
  return cached.settings;
}

/** The auth tokens of the environment: the account's, and those of its subaccounts or of a rotation under way. */
function readTokens(env: Env): string[] {
  const main = env.TWILIO_AUTH_TOKEN?.trim() ?? '';
  const more = (env.CLIENT_COST_TWILIO_AUTH_TOKENS ?? '').split(/[\s,]+/);
  return [...new Set([main, ...more])].filter((token) => token !== '');
}

/** An address that begins with http:// or https://, without query; undefined for anything else. */
export function asBaseUrl(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') return undefined;
  return value.replace(/\/+$/, '');
}

function readPublicUrl(env: Env): string | undefined {
  const value = env.CLIENT_COST_PUBLIC_URL?.trim() ?? '';
  if (value === '') return undefined;
  const url = asBaseUrl(value);
  if (url === undefined) {
    const wanted = 'an address such as "https://api.example.com"';
    const message = `CLIENT_COST_PUBLIC_URL=${quote(value)} is not ${wanted}; the Host header is used`;
    warnOnce('config:CLIENT_COST_PUBLIC_URL', message);
  }
  return url;
}

function readTrustProxy(env: Env): boolean {
  const value = env.CLIENT_COST_TRUST_PROXY?.trim().toLowerCase() ?? '';
  if (value === 'true' || value === '1') return true;
  if (value !== '' && value !== 'false' && value !== '0') {
    const name = 'CLIENT_COST_TRUST_PROXY';
    warnOnce(`config:${name}`, `${name}=${quote(value)} is not "true" or "false"; using "false"`);
  }
  return false;
}
