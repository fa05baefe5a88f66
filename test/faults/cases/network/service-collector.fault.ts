import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../../support/stack.ts';
import { type Caller, drainSpool } from '../../support/caller.ts';
import type { Fault } from '../../support/fault.ts';
import { startProviders } from '../../support/service-providers.ts';
import { compareCalls } from '../../support/service-truth.ts';
import { startWorld } from '../../support/world.ts';
import { passOn, startFront, WAYS } from './hostile.ts';

/** Call ids of the events that the spool keeps aside with a reason, and what lacks one. */
function aside(spoolDir: string): { readonly ids: Set<string>; readonly unexplained: number } {
  const path = join(spoolDir, 'rejected.jsonl');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  const ids = new Set<string>();
  let unexplained = 0;
  for (const line of lines) {
    const { reason, record } = JSON.parse(line) as {
      reason?: string;
      record: { attributes: { key: string; value: { stringValue?: string } }[] };
    };
    if (!reason) unexplained++;
    const id = record.attributes.find(({ key }) => key === 'flow.execution.id')?.value.stringValue;
    if (id !== undefined) ids.add(id);
  }
  return { ids, unexplained };
}

const fault: Fault = {
  id: 'network-answers',
  hop: 'network',
  fault: `${WAYS.length} ways in which the address that a service sends to misbehaves: lost, half, slow, endless, foreign and refusing answers`,
  promises: ['delivery-answers'],
  times: { short: 5, long: WAYS.length },
  collector: true,
  async run({ dir, times, random, log }) {
    const world = await startWorld({ dir, collector: true, log });
    const front = await startFront(world.otlpUrl);
    const providers = await startProviders();
    const spoolDir = join(dir, 'spool');
    const env = {
      ...world.serviceEnv(),
      OTEL_EXPORTER_OTLP_ENDPOINT: front.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: '1500',
      CLIENT_COST_FLUSH_INTERVAL_MS: '50',
    };
    const callers: Caller[] = [];
    const start = async () => {
      const caller = await providers.start({ dir, spoolDir, env, ratePerSecond: 60, kinds: ['chat'] });
      callers.push(caller);
      return caller;
    };
    const wrong: string[] = [];
    try {
      let caller = await start();
      const ways = random.shuffle(WAYS);
      for (let i = 0; i < times; i++) {
        const { name, behaviour, patience, aside: refuses } = ways[i % ways.length]!;
        const before = aside(spoolDir).ids.size;
        const begun = Date.now();
        front.set(behaviour());
        const enough = patience ? 1 : 2;
        await eventually(`requests that meet "${name}"`, async () => (front.met >= enough ? true : undefined), 40);
        const kept = async () => (aside(spoolDir).ids.size > before ? true : undefined);
        if (refuses)
          await eventually(`the event of "${name}" is aside`, kept, 40).catch((error) => wrong.push(String(error)));
        front.set(passOn);
        if (patience) {
          caller.kill('SIGKILL');
          await caller.ended;
          caller = await start();
        }
        await eventually(`a request after "${name}"`, async () => (front.met > 0 ? true : undefined), 40).catch(
          (error) => wrong.push(String(error)),
        );
        log(`${name}: ${Date.now() - begun} ms`);
      }
      await caller.stop();
      await drainSpool(spoolDir, env);
      const kept = aside(spoolDir);
      if (kept.unexplained > 0) wrong.push(`${kept.unexplained} events are aside without a reason`);
      const acknowledged = callers.flatMap((one) => one.acknowledged);
      const told = acknowledged.filter(({ id }) => !kept.ids.has(id));
      const compared = await compareCalls(world, told, providers.served());
      const failed = callers.flatMap((one) => one.failed);
      return {
        tries: times,
        events: acknowledged.length,
        lost: compared.lost,
        doubled: compared.doubled,
        wrong: [...wrong, ...compared.wrong, ...failed.slice(0, 3).map((line) => `a caller saw ${line}`)],
        remark: `${kept.ids.size} aside with their reason, ${compared.resent} sent again`,
      };
    } finally {
      for (const caller of callers) caller.kill('SIGKILL');
      await front.close();
      await providers.close();
      await world.close();
    }
  },
};
export default fault;
