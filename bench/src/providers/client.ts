/**
 * The measured process: `calls` calls of one provider, one after another, then its own end. Prints one JSON line: CPU from the end of the
 * warm-up until the process exits, telemetry's flush included. `--profile file` writes a V8 CPU profile (its figures are then worthless).
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PROVIDER_CALLS } from './calls.ts';

const { values } = parseArgs({
  options: {
    provider: { type: 'string' },
    url: { type: 'string' },
    calls: { type: 'string' },
    warmup: { type: 'string' },
    profile: { type: 'string' },
  },
});
const calls = Number(values.calls);
const call = PROVIDER_CALLS[values.provider!]!.prepare({ url: values.url! });

for (let i = 0; i < Number(values.warmup); i += 1) await call();
// What the warm-up left in the batches goes out now, not on the measured calls' bill.
await sleep(800);

const session = values.profile === undefined ? undefined : new Session();
if (session) {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
}
const before = process.cpuUsage();
for (let i = 0; i < calls; i += 1) await call();
if (session) writeFileSync(values.profile!, JSON.stringify((await session.post('Profiler.stop')).profile));

process.on('exit', () => {
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${JSON.stringify({ cpuMicros: (user + system) / calls })}\n`);
});
