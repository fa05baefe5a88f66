/**
 * A measured service under load: makes calls one after the other in several loops and notes each right after the awaited call returned, with
 * a synchronous write, so that a kill can cut only between the two.
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { withClient } from '@client-cost/instrumentation';
import OpenAI from 'openai';

const { CALLER_NOTES, CALLER_CLIENTS, CALLER_CONCURRENCY, CALLER_RATE, CALLER_LIMIT } = process.env as Record<
  string,
  string
>;
const notes = openSync(CALLER_NOTES!, 'a');
const clients = CALLER_CLIENTS!.split(',');
const openai = new OpenAI({ maxRetries: 0 });
const gap = (1000 * Number(CALLER_CONCURRENCY)) / Number(CALLER_RATE);
const messages = [{ role: 'user' as const, content: 'Say something short.' }];
let made = 0;
let stopping = false;
process.once('SIGTERM', () => {
  stopping = true;
});

async function chat(): Promise<string> {
  return (await openai.chat.completions.create({ model: 'gpt-4o-mini', messages })).id;
}

async function streamed(): Promise<string> {
  let id = '';
  const stream = await openai.chat.completions.create({
    model: 'gpt-4o-mini',
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) id = chunk.id;
  return id;
}

async function response(): Promise<string> {
  return (await openai.responses.create({ model: 'gpt-4o', input: 'Say something short.' })).id;
}

async function loop(): Promise<void> {
  while (!stopping && made < Number(CALLER_LIMIT)) {
    const turn = made++;
    const client = clients[turn % clients.length]!;
    const call = turn % 5 === 3 ? streamed : turn % 5 === 4 ? response : chat;
    const begun = performance.now();
    try {
      const id = await withClient(client, call);
      writeSync(notes, `${JSON.stringify({ id, client })}\n`);
    } catch (error) {
      writeSync(notes, `${JSON.stringify({ failed: String(error) })}\n`);
    }
    const rest = gap - (performance.now() - begun);
    if (rest > 0) await sleep(rest);
    // Load without a pause would starve the timers that send.
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

process.send?.({ ready: true });
await Promise.all(Array.from({ length: Number(CALLER_CONCURRENCY) }, loop));
process.disconnect?.();
