/**
 * The promise that follows another, without its `then`, which somebody may have broken. The caller gets this one: a second branch on
 * the first would handle a rejection in the caller's place.
 */
export async function follow<T, R>(
  promise: Promise<T>,
  see: (value: T) => R,
  failed?: (error: unknown) => void,
): Promise<R> {
  let value: T;
  try {
    value = await promise;
  } catch (error) {
    failed?.(error);
    throw error;
  }
  return see(value);
}
