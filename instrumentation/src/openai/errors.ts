type Shape = { readonly status?: unknown; readonly name?: unknown; readonly constructor?: { readonly name?: unknown } };

function shapeOf(error: unknown): Shape | undefined {
  return typeof error === 'object' && error !== null ? (error as Shape) : undefined;
}

/** The caller's own doing: an AbortSignal or `controller.abort()`. A time-out is not one. */
export function isUserAbort(error: unknown): boolean {
  const shape = shapeOf(error);
  return shape?.constructor?.name === 'APIUserAbortError' || shape?.name === 'AbortError';
}

/** `error.type`: the HTTP status where there was one, else the class of the error (`APIConnectionTimeoutError`). */
export function errorTypeOf(error: unknown): string | undefined {
  const shape = shapeOf(error);
  if (!shape) return error === undefined ? undefined : typeof error;
  if (typeof shape.status === 'number') return String(shape.status);
  const name = shape.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
