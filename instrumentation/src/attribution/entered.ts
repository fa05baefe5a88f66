import type { AsyncLocalStorage } from 'node:async_hooks';
import { warnOnce } from '../log.ts';

/** What was entered in this async execution; undefined, said once as `trouble`, where AsyncLocalStorage fails. */
export function enteredIn<T>(storage: AsyncLocalStorage<T>, cause: string, trouble: string): T | undefined {
  try {
    return storage.getStore();
  } catch (error) {
    warnOnce(cause, trouble, error);
    return undefined;
  }
}
