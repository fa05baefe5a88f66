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

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'number' ? CODES[code] : undefined;
}

/** `error.type`: the name of the gRPC status (`INVALID_ARGUMENT`), else the error's class. */
export function errorTypeOf(error: unknown): string | undefined {
  const code = codeOf(error);
  if (code !== undefined && code !== 'OK') return code;
  const name = (error as { constructor?: { name?: unknown } } | null | undefined)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/**
 * What a failed call of a gapic client was, over gRPC or REST (which has the same codes).
 * @returns `refused` true: Google answered with an error, which it does not bill; undefined: nobody knows
 */
export function grpcOutcome(error: unknown): { outcome: UsageOutcome; refused: true | undefined } {
  const code = codeOf(error);
  const outcome = code === 'CANCELLED' ? 'aborted' : 'error';
  return { outcome, refused: code === undefined || UNANSWERED.has(code) ? undefined : true };
}
