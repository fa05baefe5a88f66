import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../support/stack.ts';
import { drainSpool, startCaller, waitingFolders } from '../../support/caller.ts';
import type { Fault, Random } from '../../support/fault.ts';
import type { CallKind } from '../../support/service-calls.ts';
import { startProviders } from '../../support/service-providers.ts';
import type { Measured } from '../../support/service-soak.ts';
import { compareCalls } from '../../support/service-truth.ts';
import { cpuOf, filesOf, mib, rssOf, Series } from '../../support/service-watch.ts';
import type { Acknowledged } from '../../support/truth.ts';
import { startWorld, type World } from '../../support/world.ts';

const CLIENTS = ['acme', 'bolt', 'crane', 'dune', 'elm', 'fern', 'gorse'];
const KINDS: readonly CallKind[] = [
  ...(['chat', 'chat', 'chat', 'stream', 'stream', 'response', 'embedding', 'chat', 'aborted', 'failing'] as const),
  ...(['chat', 'stream', 'response', 'sms', 'embedding', 'chat', 'chat', 'stream', 'payment', 'chat'] as const),
];
const RATE = 32;
/** Length in minutes; SOAK_MINUTES for a trial. */
const minutesFor = (form: 'short' | 'long') => Number(process.env.SOAK_MINUTES ?? (form === 'long' ? 60 : 0.3));

/** Small things that happen in an hour; each takes about ten seconds at most. */
const DISTURBANCES: Readonly<Record<string, (world: World, pause: number) => Promise<void>>> = {
  async 'network cut'(world, pause) {
    world.toCollector.set({ kind: 'cut' });
    await sleep(pause);
    world.toCollector.set({ kind: 'pass' });
  },
  async 'Collector restarted'(world, pause) {
    await world.stopCollector();
    await sleep(pause / 2);
    await world.startCollector();
  },
  async 'Collector killed'(world, pause) {
    await world.stopCollector('kill');
    await sleep(pause / 2);
    await world.startCollector();
  },
  async 'ClickHouse killed'(world, pause) {
    await world.stopEngine('kill');
    await sleep(pause / 2);
    await world.startEngine();
  },
  async 'ClickHouse restarted'(world, pause) {
    await world.stopEngine();
    await sleep(pause / 2);
    await world.startEngine();
  },
};

/** What may grow, and by how much from the second sixth of the time to the last: a factor, and something on top. */
const FLAT = {
  'service heap': [1.1, 3 * 1024 ** 2],
  'service memory': [1.2, 24 * 1024 ** 2],
  'Collector memory': [1.25, 32 * 1024 ** 2],
  // It holds an hour more of data at the end.
  'ClickHouse memory': [1.5, 128 * 1024 ** 2],
  'service files': [1, 6],
  'Collector files': [1, 12],
  'ClickHouse files': [1.5, 64],
} as const;
type Watched = keyof typeof FLAT;

const fault: Fault = {
  id: 'soak',
  hop: 'soak',
  fault: 'an hour of mixed calls with a restart or a cut every few minutes',
  promises: ['memory-bounded', 'delivery-outage', 'collector-killed', 'ledger-outage', 'counters-explained'],
  times: { short: 0, long: 1 },
  timeoutSeconds: 4200,
  collector: true,
  async run({ dir, form, random, log }) {
    const length = minutesFor(form) * 60_000;
    const spoolDir = `${dir}/spool`;
    mkdirSync(spoolDir);
    const world = await startWorld({ dir, collector: true, proxies: true, log });
    const providers = await startProviders({ twilio: true, stripe: true });
    const env = {
      ...world.serviceEnv(),
      ...providers.env([]),
      CLIENT_COST_CLIENT_HEADER: 'x-client-id',
      OTEL_METRIC_EXPORT_INTERVAL: '10000',
    };
    const service = await startCaller({
      ...{ dir, spoolDir, env, standInUrl: providers.openaiUrl, nodeArgs: ['--expose-gc'] },
      script: new URL('../../support/service-soak.ts', import.meta.url).pathname,
    });
    const series = Object.fromEntries(Object.keys(FLAT).map((name) => [name, new Series()])) as Record<Watched, Series>;
    const cpu = cpuMeter(() => [service.pid, world.pids().engine, world.pids().collector, process.pid]);
    try {
      const { port } = service.first as { port: number };
      const begun = Date.now();
      const end = begun + length;
      const driver = drive(port, end);
      const disturbed = disturb(world, random, end, length, log);
      while (Date.now() < end) {
        await sleep(Math.min(15_000, length / 40));
        const { engine, collector } = world.pids();
        const { rss, heap, files } = await measure(service.process);
        cpu.look();
        series['service memory'].add(rss);
        series['service heap'].add(heap);
        series['service files'].add(files);
        series['Collector memory'].add(rssOf(collector));
        series['Collector files'].add(filesOf(collector));
        series['ClickHouse memory'].add(rssOf(engine));
        series['ClickHouse files'].add(filesOf(engine));
      }
      const { acknowledged, failed } = await driver;
      const disturbances = await disturbed;
      const used = cpu.cores(begun);
      await eventually('the spool is empty', async () => (waitingFolders(spoolDir).length <= 1 ? true : undefined), 60);
      await service.stop();
      const left = waitingFolders(spoolDir);
      if (left.length > 0) await drainSpool(spoolDir, env);

      const { lost, doubled, wrong, charges, resent } = await compareCalls(world, acknowledged, providers.served());
      if (left.length > 0) wrong.push(`the spool is not empty at the end: ${left.join(' ')}`);
      if (failed.length > 0) wrong.push(`${failed.length} calls failed, the first: ${failed[0]}`);
      wrong.push(...(await counterDifferences(world)));
      const grown: string[] = [];
      for (const [name, [factor, more]] of Object.entries(FLAT) as [Watched, readonly [number, number]][]) {
        const early = series[name].median(begun + length / 6, begun + length / 3);
        const late = series[name].median(end - length / 6, end);
        const shown = name.endsWith('files') ? `${early} → ${late}` : `${mib(early)} → ${mib(late)} MiB`;
        grown.push(`${name} ${shown}`);
        // A start is not yet steady: a short run proves that it runs, not that it is flat.
        if (length >= 180_000 && !(late <= early * factor + more)) wrong.push(`not flat: ${name} ${shown}`);
      }
      const remark = `${(length / 60_000).toFixed(1)} min, ${disturbances} disturbances, ${charges} charges, ${resent} sent more than once; ${grown.join(', ')}; ${used}`;
      return { tries: 1, events: acknowledged.length, lost, doubled, wrong, remark };
    } finally {
      service.kill('SIGKILL');
      await world.close();
      await providers.close();
    }
  },
};
export default fault;

/** Calls at a steady rate until `end`; what was answered, and what was not. */
async function drive(port: number, end: number): Promise<{ acknowledged: Acknowledged[]; failed: string[] }> {
  const acknowledged: Acknowledged[] = [];
  const failed: string[] = [];
  const loops = 9;
  const agent = new Agent({ keepAlive: true, maxSockets: loops });
  let made = 0;
  const loop = async (index: number) => {
    let due = Date.now() + (index * 1000) / RATE;
    for (; Date.now() < end; due = Math.max(due + (loops * 1000) / RATE, Date.now())) {
      await sleep(Math.max(0, due - Date.now()));
      const turn = made++;
      const call = { id: `soak-${turn}`, client: CLIENTS[turn % CLIENTS.length]! };
      const status = await post(port, agent, KINDS[turn % KINDS.length]!, call).catch(String);
      if (status === 200) acknowledged.push(call);
      else failed.push(`${KINDS[turn % KINDS.length]}: ${status}`);
    }
  };
  await Promise.all(Array.from({ length: loops }, (_, i) => loop(i)));
  agent.destroy();
  return { acknowledged, failed };
}

function post(port: number, agent: Agent, kind: CallKind, { id, client }: Acknowledged): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-client-id': client, 'x-call': id };
    const outgoing = request(
      { host: '127.0.0.1', port, path: `/${kind}`, method: 'POST', agent, headers },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** One disturbance every four minutes (of an hour), the last one some minutes before the end. Resolves to their number. */
async function disturb(world: World, random: Random, end: number, length: number, log: (line: string) => void) {
  const every = Math.min(240_000, length / 4);
  let turn: string[] = [];
  let count = 0;
  for (let next = Date.now() + every / 2; next < end - every / 3; next += every) {
    await sleep(next - Date.now());
    if (turn.length === 0) turn = random.shuffle(Object.keys(DISTURBANCES));
    const name = turn.pop()!;
    log(`${new Date().toISOString()} ${name}`);
    await DISTURBANCES[name]!(world, Math.min(10_000, every / 4));
    count += 1;
  }
  return count;
}

async function measure(service: import('node:child_process').ChildProcess): Promise<Measured> {
  service.send({ measure: true });
  const [answer] = (await once(service, 'message')) as [Measured];
  return answer;
}

/** CPU of processes that may be replaced by others meanwhile. */
function cpuMeter(pids: () => (number | undefined)[]) {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  const look = () => {
    for (const pid of pids()) {
      const seconds = cpuOf(pid);
      if (pid === undefined || seconds === 0) continue;
      if (!first.has(pid)) first.set(pid, last.size < 4 ? seconds : 0);
      last.set(pid, seconds);
    }
  };
  look();
  return {
    look,
    cores(begun: number): string {
      look();
      const elapsed = (Date.now() - begun) / 1000;
      const used = [...last].map(([pid, seconds]) => (seconds - first.get(pid)!) / elapsed);
      const shown = used.filter((cores) => cores >= 0.005).map((cores) => cores.toFixed(2));
      return `${used.reduce((a, b) => a + b, 0).toFixed(2)} cores (${shown.join(' + ')})`;
    },
  };
}

/** Counters against the ledger over all days: exports of the last day may lie after midnight. */
async function counterDifferences(world: World): Promise<string[]> {
  const rows = await world.query(`
    SELECT client_id, sum(ledger_requests) AS ledger, sum(counter_requests) AS counters, sum(cost_difference) AS cost
    FROM usage_ledger_vs_counters GROUP BY client_id HAVING ledger != counters OR abs(cost) > 1e-6`);
  return rows.map((row) => `counters and ledger differ: ${JSON.stringify(row)}`);
}
