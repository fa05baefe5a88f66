import { createRequire } from 'node:module';

// Loaded with the first call, as everything that a start can do without.
const lazyRequire = createRequire(__filename);

/*
 * Calls under way, so that none is lost: those whose answer nobody will read any more (collected as garbage), and those
 * that the end of the process cuts off. Neither keeps the process alive nor the caller's objects in memory.
 */

interface Abandonable {
  abandoned(): void;
}

const open = new Set<Abandonable>();
let listening = false;

const registry = new FinalizationRegistry<Abandonable>((call) => call.abandoned());

/** Ends all open calls: in front of the exporter's own listener when the process exits, and when a signal ends it. */
export function endOpenCalls(): void {
  for (const call of [...open]) call.abandoned();
  open.clear();
}

export function openCall(call: Abandonable): void {
  open.add(call);
  if (listening) return;
  listening = true;
  process.prependListener('exit', endOpenCalls);
  // A process that dies of a signal never emits `exit`.
  const { onProcessEnd } = lazyRequire('@client-cost/exporter') as typeof import('@client-cost/exporter');
  onProcessEnd(async () => endOpenCalls());
}

export function closeCall(call: Abandonable): void {
  open.delete(call);
}

/** The call is over when `owner` (its Response) can be reached by nobody: SDK streams and promises hold on to it. */
export function abandonWith(owner: object, call: Abandonable): void {
  registry.register(owner, call);
}
