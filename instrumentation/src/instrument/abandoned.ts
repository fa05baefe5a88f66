import { createRequire } from 'node:module';

// Loaded with the first call, as everything that a start can do without.
const lazyRequire = createRequire(__filename);

/*
 * Calls under way, so that none is lost: those whose answer nobody will read any more (collected as garbage), and those
 * that the end of the process cuts off. Neither keeps the process alive nor the caller's objects in memory.
 */

/** A link of the list of open calls: cheaper than a Set for what happens twice in each call. */
export interface OpenCall {
  previous: OpenCall | undefined;
  next: OpenCall | undefined;
  abandoned(): void;
}

/** A ring: behind the head the oldest call, in front of it the newest. */
const head: OpenCall = { previous: undefined, next: undefined, abandoned() {} };
head.previous = head;
head.next = head;
let listening = false;

/** Absent in some runtimes: calls that nobody ends are then ended with the process. */
const registry =
  typeof FinalizationRegistry === 'function'
    ? new FinalizationRegistry<OpenCall>((call) => {
        try {
          call.abandoned();
        } catch {
          // An exception in here would be the application's uncaught one.
        }
      })
    : undefined;

/** Ends all open calls: in front of the exporter's own listener when the process exits, and when a signal ends it. */
export function endOpenCalls(): void {
  for (let call = head.next; call && call !== head; call = head.next) {
    try {
      call.abandoned();
    } catch {
      // The others are still to be ended.
    }
    // Whatever it did: no call is met twice.
    closeCall(call);
  }
}

export function openCall(call: OpenCall): void {
  const newest = head.previous ?? head;
  call.previous = newest;
  call.next = head;
  newest.next = call;
  head.previous = call;
  if (!listening) listen();
}

function listen(): void {
  listening = true;
  process.prependListener('exit', endOpenCalls);
  // A process that dies of a signal never emits `exit`.
  const { onLastMoment, onProcessEnd } = lazyRequire('@client-cost/exporter') as typeof import('@client-cost/exporter');
  // After a signal the program goes on while events are sent: a call that is answered meanwhile costs what it costs.
  onLastMoment(endOpenCalls);
  onProcessEnd(async (_millis, why) => {
    if (why === 'return') endOpenCalls();
  });
}

export function closeCall(call: OpenCall): void {
  if (!call.previous) return;
  call.previous.next = call.next;
  if (call.next) call.next.previous = call.previous;
  call.previous = undefined;
  call.next = undefined;
}

/** The call is over when `owner` (its Response) can be reached by nobody: SDK streams and promises hold on to it. */
export function abandonWith(owner: object, call: OpenCall): void {
  registry?.register(owner, call);
}
