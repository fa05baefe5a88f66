import { type ApiClient, createApiClient } from './client.ts';
import { ProviderSettingError } from './errors.ts';

/** What all providers' clients can be told. */
export interface ApiSettings {
  readonly env: NodeJS.ProcessEnv;
  /** In place of the provider's own address: a stand-in, a proxy. */
  readonly apiUrl?: string | undefined;
  readonly concurrency?: number | undefined;
  readonly perSecond?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly retries?: number | undefined;
  readonly backoffMs?: number | undefined;
}

export type ProviderName = 'twilio' | 'stripe' | 'openai';

const DEFAULT_URL: Readonly<Record<ProviderName, string>> = {
  twilio: 'https://api.twilio.com',
  stripe: 'https://api.stripe.com',
  openai: 'https://api.openai.com',
};

/** Versions are pinned, so that an account's upgrade does not change the shape of what is read. */
const STRIPE_VERSION = '2024-06-20';

/** A client of Twilio's API and the account that the login belongs to. @throws ProviderSettingError */
export function twilioClient(settings: ApiSettings): ApiClient & { readonly account: string } {
  const { env } = settings;
  const account = required(env, 'TWILIO_ACCOUNT_SID', 'the account (AC…)');
  if (!/^AC[0-9a-zA-Z]{32}$/.test(account)) {
    throw new ProviderSettingError('TWILIO_ACCOUNT_SID is no account SID: expected AC and 32 more characters');
  }
  const withKey = Boolean(env.TWILIO_API_KEY && env.TWILIO_API_SECRET);
  const user = withKey ? env.TWILIO_API_KEY! : account;
  const password = withKey
    ? env.TWILIO_API_SECRET!
    : required(env, 'TWILIO_AUTH_TOKEN', 'its token (or TWILIO_API_KEY and TWILIO_API_SECRET)');
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  const names = withKey ? 'TWILIO_API_KEY and TWILIO_API_SECRET' : 'TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN';
  const client = make(settings, 'twilio', 'Twilio', [password, basic], `check ${names}`, {
    authorization: `Basic ${basic}`,
  });
  return Object.defineProperty(client, 'account', { value: account, enumerable: true }) as ApiClient & {
    account: string;
  };
}

/** A client of Stripe's API. @throws ProviderSettingError */
export function stripeClient(settings: ApiSettings): ApiClient {
  const name = settings.env.STRIPE_SECRET_KEY && !settings.env.STRIPE_API_KEY ? 'STRIPE_SECRET_KEY' : 'STRIPE_API_KEY';
  const key = required(settings.env, name, 'a secret or restricted key (sk_…, rk_…)');
  return make(settings, 'stripe', 'Stripe', [key], `check ${name}`, {
    authorization: `Bearer ${key}`,
    'stripe-version': STRIPE_VERSION,
    ...(settings.env.STRIPE_ACCOUNT && { 'stripe-account': settings.env.STRIPE_ACCOUNT }),
  });
}

/**
 * A client of OpenAI's API.
 * @param purpose `calls` reads stored answers (OPENAI_API_KEY), `costs` the organisation's costs (OPENAI_ADMIN_KEY)
 * @throws ProviderSettingError
 */
export function openaiClient(settings: ApiSettings, purpose: 'calls' | 'costs'): ApiClient {
  const { env } = settings;
  const [name, what] =
    purpose === 'costs'
      ? ['OPENAI_ADMIN_KEY', "an admin key: an ordinary one cannot read the organisation's costs"]
      : ['OPENAI_API_KEY', 'a key of the project that made the calls'];
  const key = required(env, name, what);
  return make(settings, 'openai', 'OpenAI', [key], `check ${name}${purpose === 'costs' ? `, ${what}` : ''}`, {
    authorization: `Bearer ${key}`,
    ...(env.OPENAI_ORG_ID && { 'openai-organization': env.OPENAI_ORG_ID }),
    ...(env.OPENAI_PROJECT_ID && purpose === 'calls' && { 'openai-project': env.OPENAI_PROJECT_ID }),
  });
}

function make(
  settings: ApiSettings,
  name: ProviderName,
  provider: string,
  secrets: readonly string[],
  loginHint: string,
  headers: Readonly<Record<string, string>>,
): ApiClient {
  const { concurrency, perSecond, timeoutMs, retries, backoffMs } = settings;
  const baseUrl = apiUrl(settings, name);
  return createApiClient({
    provider,
    baseUrl,
    headers,
    secrets,
    loginHint,
    concurrency,
    perSecond,
    timeoutMs,
    retries,
    backoffMs,
  });
}

/** `--api-url`, CLIENT_COST_<PROVIDER>_API_URL, or the provider's own. Credentials go over TLS or stay on this machine. */
function apiUrl({ apiUrl: given, env }: ApiSettings, name: ProviderName): string {
  const variable = `CLIENT_COST_${name.toUpperCase()}_API_URL`;
  const [source, value] = given === undefined ? [variable, env[variable] || DEFAULT_URL[name]] : ['--api-url', given];
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new ProviderSettingError(`${source}: expected an address like ${DEFAULT_URL[name]}`);
  }
  if (url.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) {
    throw new ProviderSettingError(
      `${source} ${url.origin}: credentials go over https only (http is for this machine)`,
    );
  }
  // OpenAI's own base URLs end in /v1; the paths here hold it.
  return value.replace(/\/+$/, '').replace(name === 'openai' ? /\/v1$/ : /$^/, '');
}

function required(env: NodeJS.ProcessEnv, name: string, what: string): string {
  const value = env[name]?.trim();
  if (value) return value;
  throw new ProviderSettingError(`${name} is not set: expected ${what}`);
}
