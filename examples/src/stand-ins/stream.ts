import { type Answer, chatToolCall, chatUsage, nextId, outputItems, response } from './bodies.ts';

/** Cuts a text into `count` pieces (default: one a word) whose concatenation is the text. */
export function pieces(text: string, count: number | undefined): string[] {
  if (text === '') return [];
  if (count === undefined) return text.match(/\S+\s*|\s+/g) ?? [text];
  const size = Math.max(1, Math.ceil(text.length / Math.max(1, count)));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
}

/**
 * The frames of a streamed chat completion as OpenAI sends them: a role chunk, content or tool-call chunks, the finish
 * reason, with `stream_options.include_usage` one more chunk without choices that carries the usage (`usage` is null
 * on all the others; without the option no chunk has the field), and `[DONE]`.
 */
// biome-ignore lint/suspicious/noExplicitAny: a request's body
export function chatFrames(answer: Answer, body: any, chunks: number | undefined): string[] {
  const withUsage = body.stream_options?.include_usage === true && !answer.omitUsage;
  const head = {
    id: answer.id,
    object: 'chat.completion.chunk',
    created: answer.created,
    model: answer.model,
    service_tier: answer.serviceTier,
    system_fingerprint: 'fp_standin',
  };
  const tail = withUsage ? { usage: null } : {};
  const frame = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      ...tail,
    })}\n\n`;

  const frames: string[] = [];
  if (answer.toolCalls.length > 0) {
    answer.toolCalls.forEach((call, index) => {
      const whole = chatToolCall(call);
      const { name, arguments: args } = whole.function as { name: string; arguments: string };
      const opening = { index, id: whole.id, type: 'function', function: { name, arguments: '' } };
      frames.push(
        frame(
          index === 0 ? { role: 'assistant', content: null, tool_calls: [opening] } : { tool_calls: [opening] },
          null,
        ),
      );
      for (const piece of pieces(args, 2)) {
        frames.push(frame({ tool_calls: [{ index, function: { arguments: piece } }] }, null));
      }
    });
    frames.push(frame({}, 'tool_calls'));
  } else {
    frames.push(frame({ role: 'assistant', content: '', refusal: null }, null));
    for (const piece of pieces(answer.text, chunks)) frames.push(frame({ content: piece }, null));
    frames.push(frame({}, 'stop'));
  }
  if (withUsage) frames.push(`data: ${JSON.stringify({ ...head, choices: [], usage: chatUsage(answer.usage) })}\n\n`);
  frames.push('data: [DONE]\n\n');
  return frames;
}

/** The events of a streamed response, `response.created` to `response.completed`; usage comes with the last. */
// biome-ignore lint/suspicious/noExplicitAny: a request's body
export function responseFrames(answer: Answer, body: any, chunks: number | undefined): string[] {
  const frames: string[] = [];
  const event = (type: string, data: object) => {
    frames.push(`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: frames.length, ...data })}\n\n`);
  };
  event('response.created', { response: response(answer, body, 'in_progress', []) });
  event('response.in_progress', { response: response(answer, body, 'in_progress', []) });
  const items = outputItems(answer, 'completed');
  items.forEach((item, output_index) => {
    const at = { item_id: item.id, output_index };
    if (item.type === 'function_call') {
      event('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', arguments: '' } });
      for (const delta of pieces(item.arguments as string, 2)) {
        event('response.function_call_arguments.delta', { ...at, delta, obfuscation: nextId('') });
      }
      event('response.function_call_arguments.done', { ...at, name: item.name, arguments: item.arguments });
    } else {
      const inPart = { ...at, content_index: 0 };
      const part = { type: 'output_text', annotations: [], logprobs: [] };
      event('response.output_item.added', { output_index, item: { ...item, status: 'in_progress', content: [] } });
      event('response.content_part.added', { ...inPart, part: { ...part, text: '' } });
      for (const delta of pieces(answer.text, chunks)) {
        event('response.output_text.delta', { ...inPart, delta, logprobs: [] });
      }
      event('response.output_text.done', { ...inPart, text: answer.text, logprobs: [] });
      event('response.content_part.done', { ...inPart, part: { ...part, text: answer.text } });
    }
    event('response.output_item.done', { output_index, item });
  });
  event('response.completed', { response: response(answer, body, 'completed', items) });
  return frames;
}
