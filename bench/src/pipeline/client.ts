/**
 * The measured process: `--rate` calls a second for `--seconds`, started on time whether or not earlier ones have ended, over
 * 100 clients. `--mode openai` calls the openai package, `record` calls recordUsage. Prints one JSON line, then ends by itself,
 * so that what is unsent goes out as it would in any service.
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { recordUsage, withClient } from '@client-cost/instrumentation';

const require = createRequire(import.meta.url);
const OpenAI = require('openai') as typeof import('openai').default;

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'openai' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '20' },
  },
});
const rate = Number(values.rate);
const total = rate * Number(values.seconds);

const openai = new OpenAI({ maxRetries: 0 });
const script = JSON.stringify({ usage: { input: 374, output: 44 }, text: 'Thank you.' });
const options = { headers: { 'x-stand-in': script } };
const request = { model: 'gpt-4o-mini', messages: [{ role: 'user' as const, content: 'How much is an inspection?' }] };

let failed = 0;
let finished = 0;
let inFlight = 0;
let mostInFlight = 0;

function call(n: number): Promise<unknown> {
  return withClient(`client-${n % 100}`, async () => {
    if (values.mode === 'openai') await openai.chat.completions.create(request, options);
    else recordUsage({ service: 'twilio_sms', operation: 'send_sms', quantity: '1', unit: 'segment' });
  });
}

// What a service does once, at its first calls, is no part of a rate.
const WARMUP = 50;
for (let n = 0; n < WARMUP; n += 1) await call(n);

const cpu = process.cpuUsage();
const begun = performance.now();
let started = 0;
await new Promise<void>((resolve) => {
  const settle = () => {
    inFlight -= 1;
    finished += 1;
    if (finished === total) resolve();
  };
  const tick = () => {
    const due = Math.min(total, Math.floor(((performance.now() - begun) / 1000) * rate));
    while (started < due && inFlight < 1000) {
      inFlight += 1;
      mostInFlight = Math.max(mostInFlight, inFlight);
      call(started).then(settle, () => {
        failed += 1;
        settle();
      });
      started += 1;
    }
    if (started < total) setTimeout(tick, 2);
  };
  tick();
});
const wallSeconds = (performance.now() - begun) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    calls: total,
    warmup: WARMUP,
    failed,
    wallSeconds,
    mostInFlight,
    cpuSeconds: (user + system) / 1e6,
  } satisfies PipelineRun),
);

export interface PipelineRun {
  readonly calls: number;
  /** Calls before the clock began; they are stored too. */
  readonly warmup: number;
  readonly failed: number;
  readonly wallSeconds: number;
  readonly mostInFlight: number;
  readonly cpuSeconds: number;
}
