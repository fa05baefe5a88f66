/**
 * A measured service under load for the faults of its ends: like caller-main.ts with more kinds of calls, and it ends in the way its parent says
 * (a message `{end}`). Each call is noted right after its promise came back, with a synchronous write.
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, threadId } from 'node:worker_threads';
import { usageContext, withClient } from '@client-cost/instrumentation';
import { CALLS, type CallKind } from './service-calls.ts';
import { ENDS, type End } from './service-ends.ts';

const env = process.env as Record<string, string>;
const notes = openSync(env.CALLER_NOTES!, 'a');
const clients = env.CALLER_CLIENTS!.split(',');
const kinds = env.SERVICE_KINDS!.split(',') as CallKind[];
const concurrency = Number(env.CALLER_CONCURRENCY);
const gap = (1000 * concurrency) / Number(env.CALLER_RATE);
/** Makes events long: the spool's files rotate sooner. */
const metadata = env.SERVICE_PAD === undefined ? undefined : { pad: 'x'.repeat(Number(env.SERVICE_PAD)) };
const run = `${process.pid.toString(36)}-${threadId}-${Date.now().toString(36)}`;
let made = 0;
let stopping = false;

async function loop(): Promise<void> {
  while (!stopping && made < Number(env.CALLER_LIMIT)) {
    const turn = made++;
    const id = `${run}-${turn}`;
    const client = clients[turn % clients.length]!;
    const kind = kinds[turn % kinds.length]!;
    const scope = { flowExecutionId: id, ...(metadata === undefined ? {} : { metadata }) };
    const begun = performance.now();
    try {
      await withClient(client, () => usageContext(scope, () => CALLS[kind](id, client)));
      writeSync(notes, `${JSON.stringify({ id, client, kind })}\n`);
    } catch (error) {
      writeSync(notes, `${JSON.stringify({ failed: `${kind}: ${error}` })}\n`);
    }
    const rest = gap - (performance.now() - begun);
    if (rest > 0) await sleep(rest);
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

if (isMainThread) {
  if (env.SERVICE_SIGTERM !== 'default') {
    process.once('SIGTERM', () => {
      stopping = true;
    });
  }
  process.on('message', ({ end }: { end: End }) => ENDS[end]());
  process.send?.({ ready: true });
}
await Promise.all(Array.from({ length: concurrency }, loop));
if (isMainThread && process.connected) process.disconnect();
