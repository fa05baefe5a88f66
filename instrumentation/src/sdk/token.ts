import { otlpToken } from '@client-cost/exporter';

type Env = Record<string, string | undefined>;

export type Signal = 'TRACES' | 'METRICS' | 'LOGS';

const SIGNALS: readonly Signal[] = ['TRACES', 'METRICS', 'LOGS'];

/**
 * The header with the Collector's token (CLIENT_COST_OTLP_TOKEN) for the SDK's exporter of a signal; empty when there is no token, when the
 * signal goes to another host than usage events or without their encryption, or when the user gave an authorization of his own.
 */
export function tokenHeaders(signal: Signal, env: Env): Record<string, string> {
  const token = otlpToken(env);
  if (token === undefined) return {};
  const usage = new URL(token.url);
  const target = addressOf(signal, env);
  if (target?.hostname !== usage.hostname) return {};
  if (usage.protocol === 'https:' && target.protocol !== 'https:') return {};
  const given = `${env.OTEL_EXPORTER_OTLP_HEADERS ?? ''},${env[`OTEL_EXPORTER_OTLP_${signal}_HEADERS`] ?? ''}`;
  return /(^|,)\s*authorization\s*=/i.test(given) ? {} : { authorization: token.authorization };
}

/**
 * Runs `start` while the environment's headers hold the token where it belongs, and puts them back: what the application and its children
 * find in the environment stays as it was.
 */
export function withTokenHeaders(env: Env, start: () => void): void {
  const before: [string, string | undefined][] = [];
  try {
    for (const signal of SIGNALS) {
      const { authorization } = tokenHeaders(signal, env);
      if (authorization === undefined) continue;
      const name = `OTEL_EXPORTER_OTLP_${signal}_HEADERS`;
      before.push([name, env[name]]);
      env[name] = [env[name], `authorization=${encodeURIComponent(authorization)}`].filter(Boolean).join(',');
    }
    start();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
  }
}

/** Where the SDK sends a signal; undefined for an address that it could not use either. */
function addressOf(signal: Signal, env: Env): URL | undefined {
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]?.trim();
  const address = own || env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim() || 'http://localhost:4318';
  return URL.canParse(address) ? new URL(address) : undefined;
}
