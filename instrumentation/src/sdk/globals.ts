// The OpenTelemetry API keeps what is registered in this process under this symbol, shared by all copies of the API of
// one major version. There is no public way to ask "has anybody registered a meter provider?".
const API_KEY = Symbol.for('opentelemetry.js.api.1');

export type ApiGlobal = 'trace' | 'metrics' | 'context' | 'propagation' | 'diag' | 'logs';

/** Whether something in this process has registered this part of the OpenTelemetry API. */
export function isRegistered(part: ApiGlobal): boolean {
  const api = (globalThis as Record<symbol, unknown>)[API_KEY] as Record<string, unknown> | undefined;
  return api?.[part] !== undefined;
}
