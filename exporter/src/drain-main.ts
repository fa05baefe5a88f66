import { readFileSync } from 'node:fs';
import { setAside } from './aside.ts';
import type { DrainJob, DrainOrder } from './drain.ts';
import { OnceLog } from './log.ts';
import { Delivery } from './sender/delivery.ts';
import { HandedOver } from './spool/hand-over.ts';
import { batchLimits, createTransport } from './transport.ts';

/** Sends one exporter's events; what stays is on disk. */
function drain(job: DrainJob, timeoutMs: number): Promise<boolean> {
  const once = new OnceLog();
  const queue = new HandedOver(job, once, job.config);
  const delivery = new Delivery({
    transport: createTransport(job.config),
    queue,
    limits: batchLimits(job.config),
    intervalMs: 0,
    once,
    setAside: (header, record, reason) => {
      const kept = setAside(job.root, once, header, record, reason);
      // It stays for the next start, with what lies behind it. What is only in memory is lost either way.
      if (!kept && queue.onDisk) throw new Error('what was refused cannot be kept');
    },
  });
  return delivery.flush(0, timeoutMs, { replay: true, ending: true });
}

const order = JSON.parse(readFileSync(0, 'utf8')) as DrainOrder;
Promise.allSettled(order.jobs.map((job) => drain(job, order.timeoutMs))).then(() => process.exit(0));
