import { environment } from './environment.ts';
import { quote, warnOnce } from './log.ts';

/** Whose `client.id` baggage is believed: own peers (loopback and private addresses), everybody's, nobody's. */
export type BaggageTrust = 'own' | 'always' | 'never';

/** The settings of this package, read from `CLIENT_COST_*` environment variables (table in the README). */
export interface Config {
  /** `CLIENT_COST_DISABLED`: nothing is patched, recorded or sent. */
  readonly disabled: boolean;
  /** `CLIENT_COST_CLIENT_HEADER`, lower case. */
  readonly clientHeader: string | undefined;
  /** `CLIENT_COST_TRUST_BAGGAGE`. */
  readonly trustBaggage: BaggageTrust;
  /** `CLIENT_COST_OWN_HOSTS`: host patterns, `!` in front excludes. */
  readonly ownHosts: readonly string[];
  /** `CLIENT_COST_PRICES`: path of the user's price file. */
  readonly pricesFile: string | undefined;
  /** `CLIENT_COST_HTTP_PROVIDERS`: path of the file of billable HTTP APIs (docs/providers/http.md). */
  readonly httpProvidersFile: string | undefined;
  /** `CLIENT_COST_SDK`: `off` never starts an OpenTelemetry SDK. */
  readonly startSdk: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

let cached: Config | undefined;

/** The configuration of this process; malformed values are reported once each and replaced by their defaults. */
export function getConfig(): Config {
  cached ??= readConfig(environment());
  return cached;
}

/** For tests: `undefined` makes the next `getConfig` read the environment again. */
export function setConfig(config: Config | undefined): void {
  cached = config;
}

/** Reads the configuration from an environment. Never throws. */
export function readConfig(env: Env): Config {
  return {
    disabled: readBoolean(env, 'CLIENT_COST_DISABLED', false),
    clientHeader: readHeaderName(env, 'CLIENT_COST_CLIENT_HEADER'),
    trustBaggage: readChoice(env, 'CLIENT_COST_TRUST_BAGGAGE', ['own', 'always', 'never'], 'own'),
    ownHosts: readHostPatterns(env, 'CLIENT_COST_OWN_HOSTS'),
    pricesFile: text(env, 'CLIENT_COST_PRICES'),
    httpProvidersFile: text(env, 'CLIENT_COST_HTTP_PROVIDERS'),
    startSdk: readChoice(env, 'CLIENT_COST_SDK', ['auto', 'off'], 'auto') === 'auto',
  };
}

function text(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function malformed(name: string, value: string, allowed: string, used: string): void {
  warnOnce(`config:${name}:${value.slice(0, 80)}`, `${name}=${quote(value)} is not ${allowed}; using ${used}`);
}

function readBoolean(env: Env, name: string, fallback: boolean): boolean {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const lower = value.toLowerCase();
  if (lower === 'true' || lower === '1') return true;
  if (lower === 'false' || lower === '0') return false;
  malformed(name, value, '"true" or "false"', `"${fallback}"`);
  return fallback;
}

function readChoice<T extends string>(env: Env, name: string, choices: readonly T[], fallback: T): T {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const found = choices.find((choice) => choice === value.toLowerCase());
  if (found !== undefined) return found;
  malformed(name, value, `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`, `"${fallback}"`);
  return fallback;
}

function readHeaderName(env: Env, name: string): string | undefined {
  const value = text(env, name);
  if (value === undefined) return undefined;
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)) return value.toLowerCase();
  malformed(name, value, 'the name of an HTTP header such as "x-client-id"', 'no header');
  return undefined;
}

const HOST_PATTERN =
  /^!?(\*|(\*?\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\]?)(:\d{1,5}|\/\d{1,3})?$/;

function readHostPatterns(env: Env, name: string): readonly string[] {
  const value = text(env, name);
  if (value === undefined) return [];
  const parts = value.split(/[\s,]+/).filter((part) => part !== '');
  return parts.filter((part) => {
    if (HOST_PATTERN.test(part)) return true;
    const allowed = 'a host ("api.example.com"), "*.example.com", "host:port", "10.2.0.0/16" or one of these after "!"';
    malformed(name, part, allowed, 'the other patterns');
    return false;
  });
}
