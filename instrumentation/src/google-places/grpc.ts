import type { UsageOutcome } from '../types.ts';

const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** What the client itself may say without an answer of the server: whether Google bills such a call is not known. */
const UNANSWERED = new Set(['CANCELLED', 'DEADLINE_EXCEEDED', 'UNKNOWN', 'UNAVAILABLE']);

type Shape = { readonly code?: unknown; readonly status?: unknown; readonly response?: { readonly status?: unknown } };

function codeOf(error: unknown): string | undefined {
  const code = (error as Shape | null | undefined)?.code;
  return typeof code === 'number' ? CODES[code] : undefined;
}

/** Over REST, google-gax 5 (@googlemaps/places 2) passes gaxios' errors on, which know the HTTP status only. */
function httpStatusOf(error: unknown): number | undefined {
  const { code, status, response } = (error ?? {}) as Shape;
  return [response?.status, status, code].map(Number).find((one) => one >= 400 && one < 600);
}

/** `error.type`: the name of the gRPC status (`INVALID_ARGUMENT`), the HTTP status, else the error's class. */
export function errorTypeOf(error: unknown): string | undefined {
  const code = codeOf(error) ?? httpStatusOf(error)?.toString();
  if (code !== undefined && code !== 'OK') return code;
  const name = (error as { constructor?: { name?: unknown } } | null | undefined)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/**
 * What a failed call of a gapic client was, over gRPC or REST.
 * @returns `refused` true: Google answered with an error, which it does not bill; undefined: nobody knows
 */
export function grpcOutcome(error: unknown): { outcome: UsageOutcome; refused: true | undefined } {
  const code = codeOf(error);
  const outcome = code === 'CANCELLED' ? 'aborted' : 'error';
  const answered = code === undefined ? httpStatusOf(error) !== undefined : !UNANSWERED.has(code);
  return { outcome, refused: answered ? true : undefined };
}
