/**
 * Makes the calls of service-shapes.ts, the ones that its parent names, one after the other. At each call's mark it looks into the spool, or ends by
 * SIGKILL (SERVICE_MARK=kill); after a while it looks again, for what came later.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SHAPES } from './service-shapes.ts';
import { eventsIn } from './service-spool.ts';

export interface Written {
  readonly shape: string;
  /** Events in the spool at the mark, and a while after it. */
  readonly atMark: number;
  readonly later: number;
}

const spool = process.env.CLIENT_COST_SPOOL_DIR!;
const kill = process.env.SERVICE_MARK === 'kill';

async function one(name: string): Promise<void> {
  const before = eventsIn(spool).length;
  let atMark = -1;
  await SHAPES[name]!.run(() => {
    if (kill) process.kill(process.pid, 'SIGKILL');
    atMark = eventsIn(spool).length - before;
  });
  await sleep(150);
  process.send!({ shape: name, atMark, later: eventsIn(spool).length - before } satisfies Written);
}

process.send!({ ready: true });
process.on('message', ({ shapes }: { shapes: string[] }) => {
  void (async () => {
    for (const name of shapes) {
      const late = sleep(10_000).then(() => Promise.reject(new Error('not done within 10 s')));
      late.catch(() => {});
      await Promise.race([one(name), late]).catch((error) =>
        process.send!({ shape: `${name} (${error})`, atMark: -1, later: -1 }),
      );
    }
    process.exit();
  })();
});
