import { context, INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import fc from 'fast-check';
import { loadPriceBook } from '../../../instrumentation/dist/prices/index.js';
import { absurdity, costOf } from '../../../instrumentation/dist/recorder/cost.js';
import type { BillableCall, CallEnd, CallStart, Recorder } from '../../../instrumentation/dist/types.js';
import { damaged, damagedBytes, hostileObject, jsonText } from './fuzz-json.ts';

export const book = loadPriceBook({ userFile: '', providersFile: '' });
export const AT = new Date('2026-11-23T10:00:00Z');
export const json = (value: unknown): unknown => JSON.parse(jsonText(value));

/** What is recorded of an end has an exact, possible amount or none and a reason. */
export function judged(service: string, operation: string, end: CallEnd): string | undefined {
  const quantity = String(end.quantity ?? 1);
  const counts = /^\d{1,15}(\.\d{1,12})?$/.test(quantity) ? quantity : undefined;
  const cost = costOf(
    { service, operation, quantity: counts, unit: end.unit ?? 'request', at: AT },
    end,
    absurdity(end),
    () => book,
  );
  if (cost.amount === undefined) return cost.reason ? undefined : 'unpriced without a reason';
  if (!/^\d{1,6}(\.\d{1,12})?$/.test(cost.amount)) return `costs ${cost.amount}`;
  return undefined;
}

export const CHAT = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-4o-mini',
  service_tier: 'default',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello', refusal: null }, finish_reason: 'stop' }],
  usage: {
    prompt_tokens: 120,
    completion_tokens: 30,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 20, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  },
};
export const WORDS = [
  'usage',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'input_tokens',
  'output_tokens',
  'prompt_tokens_details',
  'cached_tokens',
  'completion_tokens_details',
  'reasoning_tokens',
  'audio_tokens',
  'choices',
  'message',
  'content',
  'model',
  'id',
  'x_groq',
  'output',
  'status',
  'error',
  'incomplete_details',
];
export const chats = fc.oneof(
  damaged([CHAT]),
  hostileObject(WORDS),
  fc.record({ model: fc.constant('gpt-4o-mini'), usage: hostileObject(WORDS.slice(1, 11), 1) }),
);

export const chunk = (delta: object, usage: unknown = null): object => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  model: 'gpt-4o-mini',
  choices: usage === null ? [{ index: 0, delta, finish_reason: null }] : [],
  usage,
});
export const STREAM = `${[chunk({ role: 'assistant', content: '' }), chunk({ content: 'Hé' }), chunk({}, CHAT.usage)].map((one) => `data: ${JSON.stringify(one)}\n\n`).join('')}data: [DONE]\n\n`;
export const streams = fc.oneof(
  damagedBytes([STREAM, STREAM.replaceAll('\n', '\r\n'), STREAM.replaceAll('\n\n', '\r\r')]),
  fc
    .array(
      damaged([CHAT, chunk({ content: 'x' })]).map((one) => `data: ${jsonText(one)}\n\n`),
      { maxLength: 5 },
    )
    .map((parts) => Buffer.from(parts.join(''))),
);

/** Keeps what it is told. */
export class Kept implements Recorder {
  readonly started: CallStart[] = [];
  readonly calls: { start: CallStart; end: CallEnd }[] = [];

  start(start: CallStart): BillableCall {
    this.started.push(start);
    const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    return { context: context.active(), span, end: (end) => void this.calls.push({ start, end }) };
  }

  clear(): void {
    this.started.length = 0;
    this.calls.length = 0;
  }
}
