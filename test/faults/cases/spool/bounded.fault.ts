import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../../support/fault.ts';
import { compare, drained, type Service, startService, startSink, told } from './lab.ts';

const BOUND = 1024 * 1024;

const bytesIn = (spool: string) =>
  globSync('**/*', { cwd: spool }).reduce((sum, name) => sum + statSync(join(spool, name)).size, 0);

/** Counted per process: what it had on disk when it was killed is acknowledged, what waited in memory or was dropped is not. */
const crashLoop: Fault = {
  id: 'spool-crash-loop',
  hop: 'spool',
  fault: 'a service that crashes and starts again and again while the destination is away, its spool at the bound',
  promises: ['spool-bounded', 'spool-killed'],
  times: { short: 1, long: 8 },
  async run(run) {
    const sink = await startSink();
    const total = { events: 0, lost: 0, doubled: 0 };
    const wrong: string[] = [];
    let largest = 0;
    try {
      for (let i = 0; i < run.times; i++) {
        const spool = join(run.dir, `spool-${i}`);
        const kept: string[] = [];
        const begun: string[] = [];
        sink.open = false;
        for (let n = 0; n < 4; n++) {
          const body = `for (let i = 0; i < ${run.random.int(600, 1500)}; i++) emit('b${i}-${n}-' + i); tell(); setInterval(() => {}, 1000);`;
          const service = startService(run.dir, spool, sink, body, { CLIENT_COST_SPOOL_MAX_BYTES: String(BOUND) });
          await service.until(() => service.lines.length > 0, 'all events');
          service.kill();
          await service.ended;
          const { memory = 0, dropped = 0 } = told(service);
          kept.push(...service.acknowledged.slice(0, service.acknowledged.length - memory - dropped));
          begun.push(...service.begun);
          if (dropped > 0) wrong.push(`${dropped} dropped although memory was free`);
          if (memory > 0 && !service.errors().includes('holds its limit')) wrong.push('the bound was not said');
        }
        largest = Math.max(largest, bytesIn(spool));
        sink.open = true;
        await drained(spool, sink);
        const found = compare(sink, kept, begun);
        total.events += found.events;
        total.lost += found.lost;
        total.doubled += [...sink.ids.keys()].filter((id) => id.startsWith(`b${i}-`) && !begun.includes(id)).length;
      }
      // A process looks at its neighbours before its first event and every 30 s: one line may go over.
      if (largest > BOUND * 1.05) wrong.push(`the spool held ${largest} bytes`);
      const remark = `at most ${Math.round(largest / 1024)} KiB of ${BOUND / 1024} KiB on disk`;
      return { tries: run.times, ...total, wrong, remark };
    } finally {
      await sink.close();
    }
  },
};

const overflow: Fault = {
  id: 'spool-overflow',
  hop: 'spool',
  fault:
    'more events than disk and memory may hold while the destination is away: emitted = delivered + counted as dropped',
  promises: ['spool-bounded'],
  times: { short: 1, long: 2 },
  async run(run) {
    const sink = await startSink();
    let service: Service | undefined;
    try {
      sink.open = false;
      const spool = join(run.dir, 'spool');
      const count = 107_000 + run.random.int(0, 5_000);
      const body = `
        for (let i = 0; i < ${count}; i++) exporter.emit({ id: 'o' + i, timeUnixNano: 1n, attributes: { 'usage.id': 'o' + i } });
        process.on('SIGUSR2', () => exporter.flush(600_000));
        setInterval(tell, 200);`;
      const env = { CLIENT_COST_SPOOL_MAX_BYTES: String(BOUND), CLIENT_COST_FLUSH_INTERVAL_MS: '600000' };
      service = startService(run.dir, spool, sink, body, env);
      const running = service;
      await service.until(() => told(running).emitted === count, 'all events emitted', 100);
      const { dropped = 0, memory = 0 } = told(service);
      sink.open = true;
      service.kill('SIGUSR2');
      await service.until(() => (told(running).pending ?? 1) === 0, 'all events delivered', 150);
      const now = told(service);
      const wrong: string[] = [];
      if (dropped === 0) wrong.push('nothing was dropped: the bound was not reached');
      if (!/LOST: the spool cannot take them/.test(service.errors())) wrong.push('the loss was not said');
      if (now.dropped !== dropped) wrong.push(`dropped went on: ${dropped} → ${now.dropped}`);
      // What is counted as dropped is not promised; everything else must arrive.
      const missing = count - dropped - sink.ids.size;
      const remark = `${dropped} counted as dropped, ${memory} waited in memory`;
      return { tries: 1, events: count, lost: Math.max(0, missing), doubled: Math.max(0, -missing), wrong, remark };
    } finally {
      service?.kill();
      await sink.close();
    }
  },
};

export default [crashLoop, overflow];
