import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { startWorld, type World } from '../../support/world.ts';
import { differences, FEW } from './support/compare.ts';
import { batches, deliveries } from './support/history.ts';
import { Model, type SentEvent } from './support/model.ts';
import { insert, insertUntilTaken } from './support/send.ts';

const MIB = 1024 * 1024;
const SIZE = 256 * MIB;

/** A disk of its own for a folder, of a size that can be filled; undefined where this process may not mount. */
function smallDisk(folder: string): { unmount(): void } | undefined {
  const run = (...args: string[]) => spawnSync(args[0]!, args.slice(1)).status === 0;
  if (process.platform !== 'linux' || !run('mount', '-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder))
    return undefined;
  return { unmount: () => run('umount', folder) };
}

/** Fills it up to the last page; returns how to free it. */
function fill(folder: string): () => void {
  const path = join(folder, 'ballast');
  for (let size = 64 * MIB; size >= 4096; size = Math.floor(size / 2)) {
    for (let i = 0; ; i++) {
      try {
        writeFileSync(`${path}-${size}-${i}`, Buffer.alloc(size), { flag: 'wx' });
      } catch {
        break;
      }
    }
  }
  return () => {
    spawnSync('sh', ['-c', `rm -f ${path}-*`]);
  };
}

/** Without the right to mount: ClickHouse refuses as if too little were free, for any write to these tables. */
async function refuse(world: World): Promise<() => Promise<void>> {
  const each = async (change: string) => {
    for (const table of ['otel_logs', 'usage_events']) await world.query(`ALTER TABLE ${table} ${change}`);
  };
  await each('MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000');
  return () => each('RESET SETTING min_free_disk_bytes_to_perform_insert');
}

async function play(run: FaultRun, world: World, mounted: boolean): Promise<Outcome> {
  const { random, times } = run;
  const model = new Model();
  const wrong: string[] = [];
  let events = 0;
  let refusals = 0;
  for (let attempt = 0; attempt < times && wrong.length === 0; attempt++) {
    const refused: SentEvent[][] = [];
    const free = mounted ? fill(world.engineDir) : await refuse(world);
    const waiting = batches(random, deliveries(random, 40), 60);
    for (const batch of waiting) {
      try {
        await insert(world, batch);
        for (const event of batch) model.arrived(event);
      } catch {
        refused.push(batch);
      }
    }
    if (refused.length === 0) wrong.push('nothing was refused, so nothing is proved');
    refusals += refused.length;
    // Reports go on while the disk is full.
    await world.query('SELECT sum(total_cost) FROM usage_monthly');
    // Sometimes it is killed in that state.
    if (mounted && random.int(0, 1) === 0) await world.stopEngine('kill');
    await free();
    if (world.pids().engine === undefined) await world.startEngine();
    for (const batch of refused) {
      await insertUntilTaken(world, batch);
      for (const event of batch) model.arrived(event);
    }
    events += waiting.flat().length;
    wrong.push(...(await differences(world.query, model, { ...FEW, rejectedAtLeast: true })));
  }
  return {
    tries: times,
    events,
    lost: 0,
    doubled: 0,
    wrong,
    remark: `${refusals} batches refused${mounted ? '' : '; no right to mount a small disk: by a setting'}`,
  };
}

/** Not the refusal that ClickHouse makes of a setting, but the kernel's own: no space left on device, at any write. */
const fault: Fault = {
  id: 'clickhouse-disk-full',
  hop: 'clickhouse',
  fault: 'the disk of ClickHouse is full to the last page, sometimes kill -9 in that state',
  promises: ['ledger-outage'],
  times: { short: 1, long: 8 },
  timeoutSeconds: 900,
  async run(run) {
    const mounted = join(run.dir, 'world');
    mkdirSync(mounted, { recursive: true });
    const disk = smallDisk(mounted);
    const world = await startWorld({ dir: run.dir });
    try {
      return await play(run, world, disk !== undefined);
    } finally {
      await world.close();
      disk?.unmount();
    }
  },
};

export default fault;
