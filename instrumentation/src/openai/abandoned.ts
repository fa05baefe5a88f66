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

/** Ends all open calls; runs when the process exits, before the exporter's own listener. */
export function endOpenCalls(): void {
  for (const call of [...open]) call.abandoned();
  open.clear();
}

export function openCall(call: Abandonable): void {
  open.add(call);
  if (listening) return;
  listening = true;
  process.prependListener('exit', endOpenCalls);
}

export function closeCall(call: Abandonable): void {
  open.delete(call);
}

/** The call is over when `owner` (its Response) can be reached by nobody: SDK streams and promises hold on to it. */
export function abandonWith(owner: object, call: Abandonable): void {
  registry.register(owner, call);
}
