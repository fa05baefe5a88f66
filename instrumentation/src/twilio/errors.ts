/** Errors of a connection that never was: Twilio has not seen the request. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_INVALID_URL',
]);

export function isNeverSent(error: unknown): boolean {
  return NEVER_SENT.has(codeOf(error) ?? '');
}

/** `error.type`: the error's code (`ECONNABORTED` is axios's time-out); undefined where it has none: its class then. */
export function errorTypeOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? code : undefined;
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
