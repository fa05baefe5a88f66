/**
 * A measured service that records a thousand usages a second and makes some calls of a provider beside them, however long nobody takes its events.
 * Its parent asks for its memory (`{measure}`), tells it to make no more (`{stop}`), and to end (SIGTERM).
 */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { recordUsage, usageContext, withClient } from '@client-cost/instrumentation';
import { CALLS } from './service-calls.ts';
import type { Measured } from './service-soak.ts';

export interface Stopped {
  readonly stopped: true;
  /** Usages recorded, calls made, calls that failed. */
  readonly recorded: number;
  readonly calls: number;
  readonly failed: readonly string[];
  /** The longest time that the event loop stood still, milliseconds. */
  readonly stall: number;
}

const env = process.env as Record<string, string>;
const rate = Number(env.CALLER_RATE);
const clients = env.CALLER_CLIENTS!.split(',');
const metadata = env.SERVICE_PAD === undefined ? undefined : { pad: 'x'.repeat(Number(env.SERVICE_PAD)) };
const CALLS_PER_SECOND = 20;
let recorded = 0;
let calls = 0;
const failed: string[] = [];
const delay = monitorEventLoopDelay({ resolution: 10 });

const begun = performance.now();
const recording = setInterval(() => {
  const due = Math.floor(((performance.now() - begun) / 1000) * rate);
  // Behind after a stall: caught up with in steps.
  for (const end = Math.min(due, recorded + 200); recorded < end; recorded++) {
    recordUsage({
      ...{ service: 'planner', operation: 'plan', cost: '0.0001' },
      clientId: clients[recorded % clients.length],
      flowExecutionId: `u-${recorded}`,
      metadata,
    });
  }
}, 10);
const underWay = new Set<Promise<void>>();
const calling = setInterval(() => {
  const id = `c-${calls++}`;
  const client = clients[calls % clients.length]!;
  const call = withClient(client, () => usageContext({ flowExecutionId: id }, () => CALLS.chat(id, client))).then(
    () => {},
    (error: unknown) => void failed.push(String(error)),
  );
  underWay.add(call);
  void call.then(() => underWay.delete(call));
}, 1000 / CALLS_PER_SECOND);
setTimeout(() => delay.enable(), 2000);

process.on('message', async ({ stop }: { stop?: boolean }) => {
  if (stop) {
    clearInterval(recording);
    clearInterval(calling);
    await Promise.all(underWay);
    const stall = Math.round(delay.max / 1e6);
    delay.disable();
    process.send?.({ stopped: true, recorded, calls, failed: failed.slice(0, 5), stall } satisfies Stopped);
    return;
  }
  global.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const files = readdirSync('/proc/self/fd').length;
  process.send?.({ measured: true, rss, heap: heapUsed, files, recorded } satisfies Measured);
});
process.once('SIGTERM', () => process.disconnect());
process.send?.({ ready: true });
