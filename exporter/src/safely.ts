import { log, messageOf } from './log.ts';

let said = false;

/**
 * A callback for a timer, an event or a promise of ours: what it throws would be an uncaught exception of the application. The first
 * such error is logged.
 */
export function safely<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      callback(...args);
    } catch (error) {
      complain(error);
    }
  };
}

function complain(error: unknown): void {
  if (said) return;
  said = true;
  try {
    log('error', `something went wrong behind the service's back: ${messageOf(error)}`);
  } catch {
    // An error that cannot be put into words.
  }
}
