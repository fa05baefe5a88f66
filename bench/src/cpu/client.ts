/**
 * The measured process: `calls` chat completions one after another on the openai package that `require` gives, then its
 * own end. Prints one JSON line: CPU from the end of the warm-up until the process exits, telemetry's flush included.
 * `--profile file` writes a V8 CPU profile of the measured calls alone (its figures are then worthless).
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const OpenAI = require('openai') as typeof import('openai').default;

const { values } = parseArgs({
  options: {
    calls: { type: 'string' },
    warmup: { type: 'string' },
    stream: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});
const calls = Number(values.calls);
const warmup = Number(values.warmup);

const openai = new OpenAI({ maxRetries: 0 });
const script = JSON.stringify({
  usage: { input: 374, output: 44 },
  text: 'Thank you, we will call you back.',
  chunks: 8,
});
const options = { headers: { 'x-stand-in': script } };
const request = {
  model: 'gpt-4o-mini',
  messages: [
    { role: 'system' as const, content: 'You answer leads of a local business.' },
    { role: 'user' as const, content: 'How much is a full inspection, and do you work on Saturdays?' },
  ],
};

async function call(): Promise<void> {
  if (!values.stream) {
    await openai.chat.completions.create(request, options);
    return;
  }
  for await (const _ of await openai.chat.completions.create({ ...request, stream: true }, options));
}

for (let i = 0; i < warmup; i += 1) await call();
// What the warm-up left in the batches goes out now, not on the measured calls' bill.
await sleep(800);

const session = values.profile === undefined ? undefined : new Session();
if (session) {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
}
const before = process.cpuUsage();
const started = performance.now();
for (let i = 0; i < calls; i += 1) await call();
const wall = performance.now() - started;
if (session) writeFileSync(values.profile!, JSON.stringify((await session.post('Profiler.stop')).profile));

process.on('exit', () => {
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(
    `${JSON.stringify({ cpuMicros: (user + system) / calls, wallMicros: (wall * 1000) / calls })}\n`,
  );
});
