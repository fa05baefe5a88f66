import type { Client, RequestOptions } from './internal-types.ts';
import { AZURE, azureTakesStreamOptions, type Endpoint } from './provider.ts';
import { bag, text } from './usage.ts';

export type Api = 'chat' | 'responses' | 'embeddings';

export interface Operation {
  readonly api: Api;
  /** `usage.operation`. */
  readonly name: 'chat_completion' | 'response' | 'embedding';
  /** `gen_ai.operation.name`, also the first word of the span's name. */
  readonly genAi: 'chat' | 'embeddings';
}

const CHAT: Operation = { api: 'chat', name: 'chat_completion', genAi: 'chat' };
const RESPONSES: Operation = { api: 'responses', name: 'response', genAi: 'chat' };
const EMBEDDINGS: Operation = { api: 'embeddings', name: 'embedding', genAi: 'embeddings' };

/**
 * The billable operation behind a path of a POST, or undefined: the request is none of our business.
 * The end of the path decides, so absolute URLs and `/deployments/x/chat/completions` are seen too.
 */
export function operationOf(path: unknown): Operation | undefined {
  if (typeof path !== 'string') return undefined;
  const query = path.indexOf('?');
  const plain = query < 0 ? path : path.slice(0, query);
  if (plain.endsWith('/chat/completions')) return CHAT;
  // Compacting a conversation is billed like a response; `/responses/input_tokens` and `/cancel` are free.
  if (plain.endsWith('/responses') || plain.endsWith('/responses/compact')) return RESPONSES;
  if (plain.endsWith('/embeddings')) return EMBEDDINGS;
  return undefined;
}

export function modelOf(body: unknown): string | undefined {
  return text(bag(body)?.model);
}

/** A copy, with usage asked for, where the caller did not and the provider takes it; else undefined. */
export function withStreamUsage(
  operation: Operation,
  endpoint: Endpoint,
  client: Client,
  options: RequestOptions,
): RequestOptions | undefined {
  // Without `stream` in the options the SDK hands the events out as one text: left as it is.
  if (operation.api !== 'chat' || options.stream !== true || !endpoint.provider.streamUsage) return undefined;
  const body = bag(options.body);
  if (body?.stream !== true || !isPlain(body)) return undefined;
  if (endpoint.provider === AZURE) {
    // "On your data" refuses stream_options.
    if (body.data_sources !== undefined || !azureTakesStreamOptions(client)) return undefined;
  }
  const asked = body.stream_options;
  if (asked !== undefined && asked !== null && !bag(asked)) return undefined;
  if (bag(asked)?.include_usage === true) return undefined;
  return { ...options, body: { ...body, stream_options: { ...bag(asked), include_usage: true } } };
}

/** A body that serialises itself, or an upload, is not ours to copy. */
function isPlain(body: object): boolean {
  if (typeof (body as { toJSON?: unknown }).toJSON === 'function') return false;
  const prototype = Object.getPrototypeOf(body);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
