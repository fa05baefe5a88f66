import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, FaultRun, Outcome } from '../../support/fault.ts';
import { compare, drained, resent, type Service, type Sink, startService, startSink } from './lab.ts';

/** Runs all tries in one spool folder each against one sink and compares at the end. */
async function withSink(
  run: FaultRun,
  tries: number,
  work: (sink: Sink, services: Service[], i: number, spool: string) => Promise<void>,
  check: (sink: Sink) => string[] = () => [],
): Promise<Outcome> {
  const sink = await startSink();
  const services: Service[] = [];
  try {
    for (let i = 0; i < tries; i++) {
      const spool = join(run.dir, `spool-${i}`);
      await work(sink, services, i, spool);
      sink.open = true;
      await drained(spool, sink);
      run.log(`${i + 1} of ${tries}`);
    }
    const acknowledged = services.flatMap((service) => service.acknowledged);
    const begun = services.flatMap((service) => service.begun);
    const wrong = check(sink);
    return { tries, ...compare(sink, acknowledged, begun), wrong, remark: `${resent(sink)} sent more than once` };
  } finally {
    for (const service of services) service.kill();
    await sink.close();
  }
}

const ENDS = [
  '',
  'process.exit(3);',
  'throw new Error("boom");',
  'process.kill(process.pid, "SIGKILL");',
  'process.abort();',
];

const crowd: Fault = {
  id: 'spool-crowd',
  hop: 'spool',
  fault:
    'short-lived processes in one spool folder, six at a time, each ending in another way, the destination there or not',
  promises: ['spool-killed', 'spool-replayed', 'spool-shared'],
  times: { short: 18, long: 200 },
  run: async (run) => {
    const outcome = await withSink(run, 1, async (sink, services, _i, spool) => {
      let next = 0;
      const worker = async () => {
        while (next < run.times) {
          const n = next++;
          const body = `for (let i = 0; i < ${run.random.int(1, 20)}; i++) emit('p${n}-' + i); ${run.random.pick(ENDS)}`;
          sink.open = run.random.next() < 0.6;
          const service = startService(run.dir, spool, sink, body, { CLIENT_COST_EXIT_TIMEOUT_MS: '500' });
          services.push(service);
          await service.ended;
        }
      };
      await Promise.all(Array.from({ length: 6 }, worker));
    });
    return { ...outcome, tries: run.times };
  },
};

const THREADS = `
const { Worker, isMainThread, threadId } = require('node:worker_threads');
const cluster = require('node:cluster');
const random = () => Math.floor(Math.random() * 60);
let n = 0;
function loop() { emit(process.env.NAME + '-' + process.pid + '-' + threadId + '-' + n++); setTimeout(loop, 2); }
if (cluster.isPrimary && isMainThread) {
  process.on('uncaughtException', () => {});
  for (let i = 0; i < 2; i++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
}
if (isMainThread) setInterval(() => { const worker = new Worker(__filename); setTimeout(() => worker.terminate(), 300 + random()); }, 150);
loop();
`;

const threads: Fault = {
  id: 'spool-threads',
  hop: 'spool',
  fault: 'cluster workers killed, worker threads ended by terminate(), then kill -9 of all at a random moment',
  promises: ['spool-killed', 'spool-replayed', 'spool-shared'],
  times: { short: 1, long: 10 },
  run: (run) =>
    withSink(run, run.times, async (sink, services, i, spool) => {
      const service = startService(run.dir, spool, sink, THREADS, { NAME: `t${i}` });
      services.push(service);
      const killAt = run.random.int(150, 500);
      await service.until(() => service.acknowledged.length > killAt, 'events');
      sink.open = run.random.next() < 0.5;
      const pids = [...new Set(service.acknowledged.map((id) => Number(id.split('-')[1])))];
      const one = run.random.pick(pids.filter((pid) => pid !== service.pid));
      if (one !== undefined) kill(one);
      await service.until(() => service.acknowledged.length > killAt + 300, 'more events');
      // The primary first, so that it starts no other; a worker that lost it ends by itself or by us.
      service.kill();
      for (const pid of new Set(service.begun.map((id) => Number(id.split('-')[1]))))
        if (pid !== service.pid) kill(pid);
      await service.ended;
    }),
};

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended
  }
}

const twoServices: Fault = {
  id: 'spool-two-services',
  hop: 'spool',
  fault: 'two services in one spool folder, both killed again and again, each sending what the other left',
  promises: ['spool-replayed', 'spool-shared'],
  times: { short: 2, long: 15 },
  run: async (run) => {
    const outcome = await withSink(
      run,
      1,
      async (sink, services, _i, spool) => {
        for (let n = 0; n < run.times; n++) {
          const pair = ['red', 'blue'].map((name) =>
            startService(
              run.dir,
              spool,
              sink,
              `let i = 0; (function loop() { emit('${name}-${n}-' + i++); setTimeout(loop, 1); })();`,
              { SERVICE: name },
            ),
          );
          services.push(...pair);
          for (const service of pair) {
            const count = run.random.int(50, 200);
            await service.until(() => service.acknowledged.length > count, 'events');
            sink.open = run.random.next() < 0.5;
            service.kill();
            await service.ended;
          }
        }
      },
      (sink) =>
        [...sink.services]
          .filter(([id, service]) => !id.startsWith(service))
          .map(([id, service]) => `${id} arrived as an event of ${service}`),
    );
    return { ...outcome, tries: run.times };
  },
};

const ELSEWHERE = `require('node:os').hostname = () => 'elsewhere';\n`;

const stolen: Fault = {
  id: 'spool-stolen',
  hop: 'spool',
  fault: 'a process of another machine is stopped for long, a neighbour takes its folder, it goes on and is killed',
  promises: ['spool-killed', 'spool-shared'],
  times: { short: 1, long: 20 },
  run: (run) =>
    withSink(run, run.times, async (sink, services, i, spool) => {
      sink.open = false;
      // Never back to its event loop after it was stopped, so that no timer helps it.
      const body = `
        let i = 0;
        (function loop() { emit('s${i}-' + i++); if (i < 200) setTimeout(loop, 1); else for (;;) { emit('s${i}-' + i++); for (const end = Date.now() + 1; Date.now() < end; ); } })();`;
      const service = startService(run.dir, spool, sink, body, {}, ELSEWHERE);
      services.push(service);
      const stopAt = run.random.int(20, 400);
      await service.until(() => service.acknowledged.length > stopAt, 'events');
      service.kill('SIGSTOP');
      const long = new Date(Date.now() - 120_000);
      for (const name of readdirSync(spool).filter((found) => found.startsWith('w-')))
        utimesSync(join(spool, name), long, long);
      sink.open = true;
      await drained(spool, sink);
      const before = service.acknowledged.length;
      sink.open = false;
      const stopped = Date.now();
      await service.until(() => Date.now() - stopped > 1_100, 'the neighbour is done');
      service.kill('SIGCONT');
      const more = run.random.int(1, 100);
      await service.until(() => service.acknowledged.length > before + more, 'events after it went on');
      service.kill();
      await service.ended;
      for (const name of readdirSync(spool).filter((found) => found.startsWith('w-')))
        utimesSync(join(spool, name), long, long);
    }),
};

export default [crowd, threads, twoServices, stolen];
