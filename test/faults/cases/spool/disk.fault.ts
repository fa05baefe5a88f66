import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { compare, drained, type Service, type Sink, startService, startSink, told, waiting } from './lab.ts';

/** A disk that can be made to refuse: a real one where something may be mounted, else one whose calls fail in the service's process. */
interface Disk {
  readonly spool: string;
  readonly kind: 'mounted' | 'planted';
  /** Loaded by the service before anything else. */
  readonly preload: string;
  full(): void;
  /** Only planted: a file system with open files cannot be made read-only. */
  readOnly?(): void;
  works(): void;
  remove(): void;
}

const mount = (...args: string[]) => execFileSync('mount', args, { stdio: 'ignore' });

function makeDisk(dir: string, planted: boolean): Disk {
  const place = join(dir, 'disk');
  const spool = join(place, 'spool');
  mkdirSync(place);
  if (planted) return plantedDisk(dir, spool);
  try {
    mount('-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', place);
  } catch {
    return plantedDisk(dir, spool);
  }
  const ballast = join(place, 'ballast');
  return {
    spool,
    kind: 'mounted',
    preload: '',
    full() {
      for (let bytes = 4 * 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
        try {
          writeFileSync(ballast, Buffer.alloc(bytes), { flag: 'a' });
        } catch {
          // what fitted is written
        }
      }
    },
    works() {
      rmSync(ballast, { force: true });
    },
    remove: () => execFileSync('umount', ['-l', place], { stdio: 'ignore' }),
  };
}

/** Rights are needed to mount; here the file `refuses` beside the spool holds the error that every change of a file ends with. */
function plantedDisk(dir: string, spool: string): Disk {
  const flag = join(dir, 'refuses');
  const preload = `{
    const fs = require('node:fs');
    const { readFileSync, writeSync } = fs;
    let seen = 0, code = '';
    const refusal = () => {
      if (Date.now() - seen > 5) { seen = Date.now(); try { code = readFileSync(${JSON.stringify(flag)}, 'utf8'); } catch { code = ''; } }
      return code === '' ? undefined : Object.assign(new Error(code + ': planted'), { code });
    };
    for (const name of ['openSync', 'mkdirSync', 'renameSync', 'unlinkSync', 'utimesSync', 'ftruncateSync']) {
      const real = fs[name];
      fs[name] = (...args) => {
        const error = name === 'openSync' && (args[1] ?? 'r') === 'r' ? undefined : refusal();
        if (error && String(args[0]).startsWith(${JSON.stringify(spool)})) throw error;
        return real(...args);
      };
    }
    // As a disk does: half of a line, then the error.
    fs.writeSync = (fd, data, ...rest) => {
      const error = fd > 2 ? refusal() : undefined;
      if (!error) return writeSync(fd, data, ...rest);
      if (error.code === 'ENOSPC' && data.length > 40) writeSync(fd, data.subarray(0, 20));
      throw error;
    };
  }\n`;
  return {
    spool,
    kind: 'planted',
    preload,
    full: () => writeFileSync(flag, 'ENOSPC'),
    readOnly: () => writeFileSync(flag, 'EROFS'),
    works: () => rmSync(flag, { force: true }),
    remove: () => {},
  };
}

const LOOP = `let i = 0; (function loop() { for (let n = 0; n < 5; n++) emit(process.env.NAME + '-' + i++); tell(); setTimeout(loop, 5); })();`;

type Work = (parts: { run: FaultRun; sink: Sink; disk: Disk; service: Service; i: number }) => Promise<string[]>;

/** One service per try, on a disk of its own; what waits at the end is sent by the command. */
async function onDisk(run: FaultRun, planted: boolean, begin: (disk: Disk) => void, work: Work): Promise<Outcome> {
  const total = { events: 0, lost: 0, doubled: 0, wrong: [] as string[] };
  let kind = '';
  for (let i = 0; i < run.times; i++) {
    const dir = join(run.dir, `try-${i}`);
    mkdirSync(dir);
    const disk = makeDisk(dir, planted);
    const sink = await startSink();
    let service: Service | undefined;
    try {
      kind = disk.kind;
      begin(disk);
      sink.open = false;
      service = startService(dir, disk.spool, sink, LOOP, { NAME: `d${i}` }, disk.preload);
      total.wrong.push(...(await work({ run, sink, disk, service, i })));
      service.kill();
      await service.ended;
      disk.works();
      sink.open = true;
      await drained(disk.spool, sink);
      const { events, lost, doubled } = compare(sink, service.acknowledged, service.begun);
      total.events += events;
      total.lost += lost;
      total.doubled += doubled;
      if (!/cannot write the spool/.test(service.errors())) total.wrong.push(`try ${i}: it was not said`);
      if ((told(service).dropped ?? 0) > 0) total.wrong.push(`try ${i}: ${told(service).dropped} dropped`);
    } finally {
      service?.kill();
      disk.remove();
      await sink.close();
    }
    run.log(`${i + 1} of ${run.times}`);
  }
  return { tries: run.times, ...total, remark: kind === 'mounted' ? 'a file system of its own' : 'planted errors' };
}

const memory = (service: Service) => told(service).memory ?? 0;

const fullDisk = (id: string, planted: boolean, fault: string): Fault => ({
  id,
  hop: 'spool',
  fault,
  promises: ['spool-no-disk', 'spool-killed'],
  times: { short: 1, long: 10 },
  run: (run) =>
    onDisk(
      run,
      planted,
      () => {},
      async ({ sink, disk, service, i }) => {
        const at = run.random.int(20, 300);
        await service.until(() => service.acknowledged.length > at, 'events');
        disk.full();
        await service.until(() => memory(service) > 100, 'events in memory');
        // Half of the tries: the destination comes back before the disk does.
        if (i % 2 === 1) {
          sink.open = true;
          await service.until(() => sink.ids.size > at, 'events from memory');
          sink.open = false;
        }
        disk.works();
        const before = service.lines.length;
        await service.until(() => service.lines.length > before + 5 && memory(service) === 0, 'memory back on disk');
        return [];
      },
    ),
});

const readOnly: Fault = {
  id: 'spool-read-only',
  hop: 'spool',
  fault: 'a file system that is read-only from the start or turns so under load',
  promises: ['spool-no-disk'],
  times: { short: 1, long: 8 },
  run: (run) =>
    onDisk(
      run,
      true,
      (disk) => {
        if (run.random.next() < 0.5) disk.readOnly?.();
      },
      async ({ sink, disk, service }) => {
        await service.until(() => service.acknowledged.length > 50, 'events');
        disk.readOnly?.();
        await service.until(() => memory(service) > 20, 'events in memory');
        sink.open = true;
        const so = service.acknowledged.length;
        await service.until(() => sink.ids.size >= so, 'everything sent without a disk');
        sink.open = false;
        disk.works();
        const before = service.lines.length;
        await service.until(() => service.lines.length > before + 5 && memory(service) === 0, 'memory back on disk');
        return [];
      },
    ),
};

const removed: Fault = {
  id: 'spool-removed',
  hop: 'spool',
  fault: 'the spool folder removed under a running process, the destination away; then the process is killed',
  promises: ['spool-killed', 'spool-no-disk'],
  times: { short: 1, long: 12 },
  run: async (run) => {
    const sink = await startSink();
    const all = { acknowledged: [] as string[], begun: [] as string[] };
    try {
      for (let i = 0; i < run.times; i++) {
        const spool = join(run.dir, `spool-${i}`);
        sink.open = false;
        const service = startService(
          run.dir,
          spool,
          sink,
          LOOP.replace('setTimeout(loop, 5)', `i < 2000 && setTimeout(loop, 5)`),
          {
            NAME: `r${i}`,
            CLIENT_COST_EXIT_TIMEOUT_MS: '600000',
          },
        );
        const at = run.random.int(20, 500);
        await service.until(() => service.acknowledged.length > at, 'events');
        rmSync(spool, { recursive: true, force: true });
        await service.until(() => service.acknowledged.length === 2000, 'all events');
        // What only its open files held is on disk again.
        await service.until(() => waiting(spool) >= 2000, 'all events on disk again');
        service.kill();
        await service.ended;
        sink.open = true;
        await drained(spool, sink);
        all.acknowledged.push(...service.acknowledged);
        all.begun.push(...service.begun);
      }
      return { tries: run.times, ...compare(sink, all.acknowledged, all.begun) };
    } finally {
      await sink.close();
    }
  },
};

export default [
  fullDisk(
    'spool-disk-full',
    false,
    'disk full under load at a random moment, the destination away; then the disk is free again and the process killed',
  ),
  fullDisk(
    'spool-write-fails',
    true,
    'writes that fail in the middle of a line, then work again; the process is killed',
  ),
  readOnly,
  removed,
];
