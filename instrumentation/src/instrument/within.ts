import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api';
import { insideCallOf } from '../attribution/billable.ts';
import { warnOnce } from '../log.ts';

/*
 * OpenTelemetry's context manager is the application's: when it fails, is missing, or does not do what it is for, the calls that
 * we make in a context of ours go on as without us. Only attribution and the parents of spans suffer.
 */

const FAILED = "the application's OpenTelemetry context manager fails: clients and parents of spans may be missing";

/** The active context; the root where there is none to be had. Never throws. */
export function activeContext(): Context {
  try {
    const active = context.active();
    if (typeof active?.getValue === 'function') return active;
    warnOnce('context', FAILED);
  } catch (error) {
    warnOnce('context', FAILED, error);
  }
  return ROOT_CONTEXT;
}

/** Runs `work` in the context, exactly once whatever the context manager does; returns and throws what `work` does. */
export function within<T>(ctx: Context, work: () => T): T {
  return exactlyOnce(
    (run) => insideCallOf(ctx, run),
    () => exactlyOnce((run) => context.with(ctx, run), work, FAILED),
    FAILED,
  );
}

/**
 * Calls `around` with a function that runs `work`. Whether `around` throws, never calls it, or calls it twice: `work` runs once, and what
 * it returns or throws is what comes of it.
 */
export function exactlyOnce<T>(around: (run: () => void) => unknown, work: () => T, trouble: string): T {
  let ran = false;
  let threw = false;
  let result: T | undefined;
  let failure: unknown;
  try {
    around(() => {
      if (ran) return;
      ran = true;
      try {
        result = work();
      } catch (error) {
        threw = true;
        failure = error;
      }
    });
  } catch (error) {
    warnOnce('context', trouble, error);
  }
  if (!ran) {
    warnOnce('context', trouble);
    return work();
  }
  if (threw) throw failure;
  return result as T;
}
