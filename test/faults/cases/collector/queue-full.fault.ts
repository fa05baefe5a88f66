import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { collector } from '../../../support/stack.ts';
import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { compare } from '../../support/truth.ts';
import { startWorld, type WorldOptions } from '../../support/world.ts';
import { startSenders } from './send.ts';

/** ClickHouse is away until the limit is met; in between the Collector may be killed. A refusal must be one that senders try again after. */
async function run(
  { dir, times, random, log }: FaultRun,
  options: Pick<WorldOptions, 'collectorEnv' | 'collectorPath'>,
  expected: RegExp,
  perRequest: number,
): Promise<Outcome> {
  const world = await startWorld({ dir, collector: true, proxies: true, ...options, log: () => {} });
  const load = startSenders(() => world.otlpUrl, { senders: 6, perRequest, seconds: 2 });
  const wrong: string[] = [];
  const met = () => [...load.refused].reduce((sum, [answer, n]) => sum + (expected.test(answer) ? n : 0), 0);
  let restarts = 0;
  try {
    for (let i = 0; i < times; i++) {
      world.toClickHouse.set({ kind: 'cut' });
      const before = met();
      const until = Date.now() + 30_000;
      while (met() < before + 10 && Date.now() < until) await sleep(20);
      if (met() === before) wrong.push(`the limit was not met: ${JSON.stringify([...load.refused])}`);
      if (i % 2 === 1) {
        restarts++;
        await world.stopCollector('kill');
        await world.startCollector();
      }
      world.toClickHouse.set({ kind: 'pass' });
      const acknowledged = load.acknowledged.length;
      const again = Date.now() + 40_000;
      while (load.acknowledged.length < acknowledged + 20 * perRequest && Date.now() < again) await sleep(20);
      if (load.acknowledged.length === acknowledged) wrong.push('nothing is taken after ClickHouse came back');
      log(`${i + 1}: ${acknowledged} acknowledged when ClickHouse came back, ${random.int(0, 9)}`);
    }
    await load.stop();
    for (const answer of load.refused.keys())
      if (!expected.test(answer) && answer !== 'no answer') wrong.push(`a sender was told ${answer}`);
    const { lost, doubled, wrong: differences } = await compare(world, load.acknowledged);
    const remark = `${met()} refusals, ${restarts} restarts meanwhile`;
    return { tries: times, events: load.acknowledged.length, lost, doubled, wrong: [...wrong, ...differences], remark };
  } finally {
    await load.stop();
    await world.close();
  }
}

const SIZE = 6 * 1024 * 1024;

/** A folder for the queue with little space. Without the right to mount, the Collector may not write larger files. */
function smallDisk(
  dir: string,
): Pick<WorldOptions, 'collectorEnv' | 'collectorPath'> & { kind: string; remove(): void } {
  const QUEUE_DIR = join(dir, 'small-disk');
  mkdirSync(QUEUE_DIR);
  const collectorEnv = { QUEUE_DIR };
  const mounted =
    process.platform === 'linux' &&
    spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', QUEUE_DIR]).status === 0;
  if (mounted) {
    return { collectorEnv, kind: 'a file system of its own', remove: () => void spawnSync('umount', [QUEUE_DIR]) };
  }
  const collectorPath = join(dir, 'limited-collector');
  // POSIX counts in blocks of 512 bytes.
  writeFileSync(collectorPath, `#!/bin/sh\nulimit -f ${SIZE / 512} && exec '${collector?.path}' "$@"\n`, {
    mode: 0o755,
  });
  return { collectorEnv, collectorPath, kind: 'a limit on the size of files', remove() {} };
}

const faults: Fault[] = [
  {
    id: 'collector-disk-full',
    hop: 'collector',
    fault: 'the Collector’s queue has no more space on disk while ClickHouse is away; killed and started with no space',
    promises: ['delivery-outage', 'collector-killed'],
    times: { short: 2, long: 6 },
    collector: true,
    async run(context) {
      const { kind, remove, ...options } = smallDisk(context.dir);
      try {
        const outcome = await run(context, options, /^503 .*(no space left|file too large)/, 20);
        return { ...outcome, remark: `${kind}; ${outcome.remark}` };
      } finally {
        remove();
      }
    },
  },
  {
    id: 'collector-queue-full',
    hop: 'collector',
    fault: 'the Collector’s queue is full while ClickHouse is away: senders wait',
    promises: ['delivery-outage'],
    times: { short: 1, long: 4 },
    collector: true,
    run: (context) => run(context, { collectorEnv: { USAGE_QUEUE_ITEMS: '300' } }, /^no answer$/, 20),
  },
];
export default faults;
