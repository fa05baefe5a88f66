import type { SmsDeps } from '../types.ts';
import { escalateDue, nextEscalation } from './escalate.ts';

export interface Escalator {
  start(): void;
  /** Looks now: an alert may have become due earlier than thought. */
  wake(): void;
  stop(): void;
}

/** At most this long between two looks: somebody else may have brought an alert forward. */
const LONGEST_MS = 2_000;
const SHORTEST_MS = 50;

/**
 * Looks when the next alert is due, from what is on disk: a restart changes nothing.
 *
 * @param told called after texts were queued
 */
export function createEscalator(deps: SmsDeps, told: () => void): Escalator {
  let timer: NodeJS.Timeout | undefined;
  let stopped = true;
  const look = (): void => {
    clearTimeout(timer);
    if (stopped) return;
    let wait = LONGEST_MS;
    try {
      if (escalateDue(deps) > 0) told();
      const next = nextEscalation(deps);
      if (next !== undefined) wait = Math.min(wait, Math.max(SHORTEST_MS, next - deps.clock.now()));
    } catch (error) {
      deps.log.error({ error: (error as Error).message }, 'Escalation failed; it is tried again');
    }
    timer = setTimeout(look, wait);
  };
  return {
    start() {
      stopped = false;
      look();
    },
    wake: look,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
