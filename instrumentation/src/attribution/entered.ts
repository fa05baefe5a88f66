import { AsyncLocalStorage } from 'node:async_hooks';
import { warnOnce } from '../log.ts';

/**
 * The storage of that name, one in the process (or worker thread): where an application has its own copy of this package beside the one
 * that `register` is of, what it says of a client in the one is read in the other.
 */
export function sharedStorage<T>(name: string): AsyncLocalStorage<T> {
  const holder = globalThis as unknown as Record<symbol, AsyncLocalStorage<T> | undefined>;
  const key = Symbol.for(`client-cost ${name}`);
  const storage = holder[key] ?? new AsyncLocalStorage<T>();
  // Where the global object is frozen, each copy has its own.
  Reflect.set(holder, key, storage);
  return storage;
}

/** What was entered in this async execution; undefined, said once as `trouble`, where AsyncLocalStorage fails. */
export function enteredIn<T>(storage: AsyncLocalStorage<T>, cause: string, trouble: string): T | undefined {
  try {
    return storage.getStore();
  } catch (error) {
    warnOnce(cause, trouble, error);
    return undefined;
  }
}
