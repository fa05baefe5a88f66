import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningCollector, startCollector } from '../../../../clickhouse/dist/stack/index.js';
import { collector } from '../../../support/stack.ts';
import type { Fault } from '../../support/fault.ts';
import { type Gateway, startGateway } from '../../support/gateway.ts';
import { compare } from '../../support/truth.ts';
import { startWorld, type World } from '../../support/world.ts';
import { startSenders } from './send.ts';

const config = join(import.meta.dirname, '..', '..', '..', '..', 'otel-collector.yaml');

const AWAY = [{ kind: 'cut' }, { kind: 'halfOpen' }, { kind: 'lostAnswer' }] as const;

/** Starts a Collector on the world's queue and kills it so long after its first words: while it opens its queue. */
async function killWhileStarting(world: World, afterMs: number): Promise<void> {
  const { clickhouse, clickhouseUrl, queueDir } = world;
  const env = {
    ...process.env,
    OTLP_HTTP_PORT: '0',
    OTLP_GRPC_PORT: '0',
    HEALTH_PORT: '0',
    COLLECTOR_METRICS_PORT: '0',
    QUEUE_DIR: queueDir,
    CLICKHOUSE_URL: clickhouseUrl,
    CLICKHOUSE_USER: clickhouse.user,
    CLICKHOUSE_PASSWORD: clickhouse.password,
    CLICKHOUSE_DATABASE: clickhouse.database,
  };
  const child = spawn(collector!.path, ['--config', config], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stderr!, 'data'), ended]);
  child.stderr!.resume();
  await sleep(afterMs);
  child.kill('SIGKILL');
  await ended;
}

const killed: Fault = {
  id: 'collector-killed',
  hop: 'collector',
  fault:
    'Collector ended by SIGTERM or SIGKILL at a random moment under load, ClickHouse there or away, and killed again while it starts',
  promises: ['collector-killed'],
  times: { short: 3, long: 30 },
  timeoutSeconds: 2400,
  collector: true,
  async run({ dir, times, random, log }) {
    const world = await startWorld({ dir, collector: true, proxies: true, log });
    // Single events make the most of what is dispatched at once; large requests the most of one write.
    const load = startSenders(() => world.otlpUrl, { senders: 12, perRequest: 1, pauseMs: 0 });
    // No more of those than ClickHouse takes beside them: half a million events would pile up over thirty kills.
    const large = startSenders(() => world.otlpUrl, { senders: 1, perRequest: 500, pauseMs: 500 });
    let again = 0;
    try {
      for (let i = 0; i < times; i++) {
        // Each third time much is in flight when it is killed, and it is killed again while it reads that from its queue.
        const deep = i % 3 === 0;
        const away = deep || random.next() < 0.6;
        const ways = deep ? ([{ kind: 'cut' }] as const) : AWAY;
        if (away) world.toClickHouse.set(random.pick(ways));
        const before = load.acknowledged.length;
        // Away, what waits piles up, and all of it is in flight when the end comes.
        const enough = before + (deep ? 1500 : away ? 150 : 20);
        const until = Date.now() + 20_000;
        while (load.acknowledged.length < enough && Date.now() < until) await sleep(5);
        await sleep(random.int(0, 1000));
        const how = deep ? 'kill' : random.pick(['kill', 'kill', 'stop'] as const);
        await world.stopCollector(how);
        const kills = deep ? 2 : random.int(0, 2);
        for (let n = 0; n < kills; n++, again++) await killWhileStarting(world, random.int(0, deep ? 1200 : 600));
        if (random.next() < 0.5) world.toClickHouse.set({ kind: 'pass' });
        await world.startCollector();
        world.toClickHouse.set({ kind: 'pass' });
        log(`${i + 1}: ${how}, ClickHouse ${away ? 'away' : 'there'}, ${load.acknowledged.length} acknowledged`);
      }
      await Promise.all([load.stop(), large.stop()]);
      const acknowledged = [...load.acknowledged, ...large.acknowledged];
      const { lost, doubled, wrong } = await compare(world, acknowledged, { seconds: 90 });
      return {
        tries: times,
        events: acknowledged.length,
        lost,
        doubled,
        wrong,
        remark: `${again} killed again while starting`,
      };
    } finally {
      await Promise.all([load.stop(), large.stop()]);
      await world.close();
    }
  },
};

const two: Fault = {
  id: 'collector-two',
  hop: 'collector',
  fault: 'two Collectors behind one address, answers lost, one of the two killed at a random moment',
  promises: ['collector-killed'],
  times: { short: 1, long: 6 },
  collector: true,
  async run({ dir, times, random, log }) {
    const world = await startWorld({ dir, collector: true, log });
    const { clickhouse } = world;
    const parts: { running: RunningCollector | undefined; gateway: Gateway; port: number; queueDir: string }[] = [];
    const start = (queueDir: string, port: number) =>
      startCollector({
        path: collector!.path,
        config,
        queueDir,
        clickhouse,
        otlpPort: port,
        otlpGrpcPort: 0,
        env: { BATCH_FLUSH_TIMEOUT: '50ms', RETRY_MAX_INTERVAL: '1s' },
        log,
      });
    let turn = 0;
    const load = startSenders(() => parts[turn++ % 2]?.gateway.url ?? 'http://127.0.0.1:9');
    try {
      for (const name of ['a', 'b']) {
        const queueDir = join(dir, `queue-${name}`);
        const running = await start(queueDir, 0);
        const port = Number(new URL(running.httpUrl).port);
        parts.push({ running, gateway: await startGateway(running.httpUrl), port, queueDir });
      }
      for (let i = 0; i < times; i++) {
        const part = random.pick(parts);
        part.gateway.set({ kind: 'pass' }, () => ({ kind: random.next() < 0.3 ? 'lostAnswer' : 'pass' }));
        await sleep(random.int(200, 800));
        const { running } = part;
        part.running = undefined;
        const pid = running!.pid();
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
        await running!.stop();
        await sleep(random.int(0, 300));
        part.running = await start(part.queueDir, part.port);
        part.gateway.set({ kind: 'pass' });
        log(`${i + 1}: ${load.acknowledged.length} acknowledged`);
      }
      await load.stop();
      const { lost, doubled, wrong } = await compare(world, load.acknowledged);
      const [{ n } = { n: 0 }] = await world.query<{ n: number }>(
        'SELECT count() - uniqExact(usage_id) AS n FROM usage_events',
      );
      return { tries: times, events: load.acknowledged.length, lost, doubled, wrong, remark: `${n} rows came twice` };
    } finally {
      await load.stop();
      for (const { running, gateway } of parts) {
        await running?.stop();
        await gateway.close();
      }
      await world.close();
    }
  },
};

export default [killed, two];
