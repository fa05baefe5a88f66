import type { StandInRequest, StandInScript, StandInToolCall, StandInUsage } from './script.ts';

/** What the answer to a chat completion or a response says, before it is put into either shape. */
export interface Answer {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly serviceTier: string;
  readonly text: string;
  readonly toolCalls: readonly StandInToolCall[];
  readonly usage: Required<StandInUsage>;
  readonly omitUsage: boolean;
}

// The snapshots that OpenAI answers with when an alias is asked for.
const SNAPSHOTS: Readonly<Record<string, string>> = {
  'gpt-4o-mini': 'gpt-4o-mini-2024-07-18',
  'gpt-4o': 'gpt-4o-2024-08-06',
  'gpt-4-turbo': 'gpt-4-turbo-2024-04-09',
  'o3-mini': 'o3-mini-2025-01-31',
  'o4-mini': 'o4-mini-2025-04-16',
};

let sequence = 0;

/** An id in OpenAI's manner, unique in this process. */
export function nextId(prefix: string): string {
  sequence += 1;
  return `${prefix}${process.pid.toString(36)}${Date.now().toString(36)}${sequence.toString(36).padStart(8, '0')}`;
}

/** The answer to a chat completion or a response; `given` wins over the script, the script over an approximation. */
export function answerOf(
  request: StandInRequest,
  script: StandInScript,
  given: StandInUsage | undefined,
  idPrefix: string,
): Answer {
  const { body } = request;
  const toolCalls = lastIsToolResult(body) ? [] : (script.toolCalls ?? requiredToolCalls(body));
  const text = toolCalls.length > 0 ? '' : (script.text ?? defaultText(body));
  const usage = given ?? script.usage;
  const tier = script.serviceTier ?? body.service_tier;
  return {
    id: nextId(idPrefix),
    created: Math.floor(Date.now() / 1000),
    model: script.responseModel ?? SNAPSHOTS[body.model] ?? body.model,
    serviceTier: tier === undefined || tier === 'auto' ? 'default' : tier,
    text,
    toolCalls,
    usage: {
      input: usage?.input ?? approximateTokens(body.messages ?? [body.instructions, body.input]),
      output: usage?.output ?? Math.max(1, approximateTokens(toolCalls.length > 0 ? toolCalls : text)),
      cached: usage?.cached ?? 0,
      reasoning: usage?.reasoning ?? 0,
      audioInput: usage?.audioInput ?? 0,
      audioOutput: usage?.audioOutput ?? 0,
    },
    omitUsage: script.omitUsage ?? false,
  };
}

/** About what a tokenizer would count: four characters a token and three tokens a message. */
export function approximateTokens(value: unknown): number {
  if (typeof value === 'string') return Math.ceil(value.length / 4);
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + approximateTokens(item), 0);
  if (value === null || typeof value !== 'object') return 0;
  const { content, text, arguments: args } = value as { content?: unknown; text?: unknown; arguments?: unknown };
  return 3 + approximateTokens(content ?? text ?? (args === undefined ? '' : JSON.stringify(args)));
}

export function chatUsage(usage: Required<StandInUsage>): object {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached, audio_tokens: usage.audioInput },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: usage.audioOutput,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

export function responsesUsage(usage: Required<StandInUsage>): object {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: usage.input + usage.output,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a request's body
export function chatCompletion(answer: Answer, body: any): object {
  const message: Record<string, unknown> = {
    role: 'assistant',
    content: answer.toolCalls.length > 0 ? null : answer.text,
    refusal: null,
    annotations: [],
  };
  if (answer.toolCalls.length > 0) message.tool_calls = answer.toolCalls.map(chatToolCall);
  const n = Number.isInteger(body.n) && body.n > 1 ? body.n : 1;
  return {
    id: answer.id,
    object: 'chat.completion',
    created: answer.created,
    model: answer.model,
    choices: Array.from({ length: n }, (_, index) => ({
      index,
      message,
      logprobs: null,
      finish_reason: answer.toolCalls.length > 0 ? 'tool_calls' : 'stop',
    })),
    ...(answer.omitUsage ? {} : { usage: chatUsage(answer.usage) }),
    service_tier: answer.serviceTier,
    system_fingerprint: 'fp_standin',
  };
}

export function chatToolCall(call: StandInToolCall): { id: string; type: string; function: object } {
  return {
    id: nextId('call_'),
    type: 'function',
    function: { name: call.name, arguments: toolArguments(call) },
  };
}

export function toolArguments(call: StandInToolCall): string {
  return typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments ?? {});
}

/** The output items of a response: function calls, or one message. */
export function outputItems(answer: Answer, status: 'completed' | 'in_progress'): Record<string, unknown>[] {
  if (answer.toolCalls.length > 0) {
    return answer.toolCalls.map((call) => ({
      id: nextId('fc_'),
      type: 'function_call',
      status,
      arguments: toolArguments(call),
      call_id: nextId('call_'),
      name: call.name,
    }));
  }
  return [
    {
      id: nextId('msg_'),
      type: 'message',
      status,
      content: [{ type: 'output_text', annotations: [], logprobs: [], text: answer.text }],
      role: 'assistant',
    },
  ];
}

export function response(
  answer: Answer,
  // biome-ignore lint/suspicious/noExplicitAny: a request's body
  body: any,
  status: 'in_progress' | 'completed',
  output: readonly object[],
): object {
  return {
    id: answer.id,
    object: 'response',
    created_at: answer.created,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: answer.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: null },
    service_tier: status === 'completed' ? answer.serviceTier : 'auto',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: body.text ?? { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    truncation: 'disabled',
    usage: status === 'completed' && !answer.omitUsage ? responsesUsage(answer.usage) : null,
    user: null,
    metadata: body.metadata ?? {},
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a request's body
export function embeddings(body: any, script: StandInScript, given: StandInUsage | undefined) {
  const single = typeof body.input === 'string' || typeof body.input?.[0] === 'number';
  const inputs: unknown[] = single ? [body.input] : body.input;
  const dimensions = body.dimensions ?? (body.model === 'text-embedding-3-large' ? 3072 : 1536);
  const tokens =
    (given ?? script.usage)?.input ??
    inputs.reduce<number>((sum, input) => sum + (Array.isArray(input) ? input.length : approximateTokens(input)), 0);
  return {
    usage: { input: tokens, output: 0 },
    body: {
      object: 'list',
      data: inputs.map((input, index) => {
        const vector = unitVector(JSON.stringify(input), dimensions);
        const base64 = body.encoding_format === 'base64';
        return {
          object: 'embedding',
          index,
          embedding: base64 ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector),
        };
      }),
      model: script.responseModel ?? body.model,
      ...(script.omitUsage ? {} : { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
    },
  };
}

/** A vector of length 1 that depends on the text alone. */
function unitVector(text: string, dimensions: number): Float32Array {
  let state = 2166136261;
  for (let i = 0; i < text.length; i += 1) state = Math.imul(state ^ text.charCodeAt(i), 16777619) >>> 0;
  const vector = new Float32Array(dimensions);
  let squares = 0;
  for (let i = 0; i < dimensions; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = state / 2147483648 - 1;
    vector[i] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares) || 1;
  for (let i = 0; i < dimensions; i += 1) vector[i] = vector[i]! / length;
  return vector;
}

// biome-ignore lint/suspicious/noExplicitAny: a request's body
function lastIsToolResult(body: any): boolean {
  const last = Array.isArray(body.messages) ? body.messages.at(-1) : Array.isArray(body.input) && body.input.at(-1);
  return last?.role === 'tool' || last?.type === 'function_call_output';
}

// biome-ignore lint/suspicious/noExplicitAny: a request's body
function requiredToolCalls(body: any): StandInToolCall[] {
  const choice = body.tool_choice;
  if (choice === undefined || choice === 'auto' || choice === 'none') return [];
  const first = body.tools?.[0];
  const name = choice?.function?.name ?? choice?.name ?? first?.function?.name ?? first?.name;
  return name === undefined ? [] : [{ name, arguments: {} }];
}

// biome-ignore lint/suspicious/noExplicitAny: a request's body
function defaultText(body: any): string {
  const format = body.response_format ?? body.text?.format;
  if (format?.type === 'json_schema') return JSON.stringify(sampleOf(format.json_schema?.schema ?? format.schema));
  if (format?.type === 'json_object') return '{"ok":true}';
  return 'Hello! Thank you for your message. How can I help you today?';
}

/** The smallest value that a JSON schema accepts, for structured outputs. */
// biome-ignore lint/suspicious/noExplicitAny: a JSON schema
function sampleOf(schema: any): unknown {
  if (schema?.enum) return schema.enum[0];
  switch (schema?.type) {
    case 'object':
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([key, value]) => [key, sampleOf(value)]));
    case 'array':
      return [];
    case 'number':
    case 'integer':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    default:
      return 'text';
  }
}
