/**
 * service-main.ts in several: SERVICE_GROUP=worker runs it in a worker thread that is terminated when the parent says so (`{end}`), and goes on without
 * it; SERVICE_GROUP=cluster in two cluster workers, whose process ids it tells.
 */
import cluster from 'node:cluster';
import { Worker } from 'node:worker_threads';

const main = new URL('service-main.ts', import.meta.url);

if (process.env.SERVICE_GROUP === 'worker') {
  const worker = new Worker(main);
  process.send!({ ready: true });
  process.once('message', async () => {
    await worker.terminate();
    process.send!({ terminated: true });
    process.disconnect();
  });
} else if (cluster.isPrimary) {
  cluster.setupPrimary({ exec: main.pathname });
  const pids = [cluster.fork(), cluster.fork()].map((worker) => worker.process.pid);
  process.send!({ pids });
  process.once('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
    process.disconnect();
  });
}
