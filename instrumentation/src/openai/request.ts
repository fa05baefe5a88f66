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

/** What is sent instead of the caller's options, and what to do when it has been. */
export interface Asked {
  readonly options: RequestOptions;
  /** Whether what was sent still asks in our words: a hook of the application's (`prepareOptions`) may have put its own. */
  readonly sent: () => boolean;
}

/** The same with usage asked for, where the caller did not and the provider takes it; else undefined. */
export function withStreamUsage(
  operation: Operation,
  endpoint: Endpoint,
  client: Client,
  options: RequestOptions,
): Asked | undefined {
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
  const usage = { ...bag(asked), include_usage: true };
  const own = isOfHelper(options) ? inPlace(options, body, usage) : undefined;
  if (own) return own;
  const copy = { ...options, body: { ...body, stream_options: usage } };
  return { options: copy, sent: () => isOurs(copy, usage, body.messages) };
}

/** A body of which all is new is a copy of ours (as JSON, for example); with the messages as they were, the usage alone was asked for anew. */
function isOurs({ body }: RequestOptions, usage: object, messages: unknown): boolean {
  const sent = bag(body);
  return sent?.stream_options === usage || sent?.messages !== messages;
}

/** The SDK's own `.stream()` and `runTools()` make the body themselves. */
function isOfHelper({ __metadata, headers }: RequestOptions): boolean {
  const method = bag(__metadata)?.helperMethod ?? bag(headers)?.['X-Stainless-Helper-Method'];
  return text(method) !== undefined;
}

/**
 * Their body is nobody else's, and since openai 7 they look on as that very object is written as JSON (`observeJSONRequestBody`): of a
 * copy they would not know which tools and schemas were sent. undefined: it cannot be changed.
 */
function inPlace(options: RequestOptions, body: Record<string, unknown>, usage: object): Asked | undefined {
  const before = Object.getOwnPropertyDescriptor(body, 'stream_options');
  if (!Object.isExtensible(body) || before?.configurable === false) return undefined;
  const put = (property: PropertyDescriptor) => Object.defineProperty(body, 'stream_options', property);
  put({ value: usage, enumerable: true, configurable: true, writable: true });
  const { messages } = body;
  const sent = () => {
    const ours = isOurs(options, usage, messages);
    if (body.stream_options !== usage) return ours;
    if (before === undefined) delete body.stream_options;
    else put(before);
    return ours;
  };
  return { options, sent };
}

/** A body that serialises itself, or an upload, is not ours to copy. */
function isPlain(body: object): boolean {
  if (typeof (body as { toJSON?: unknown }).toJSON === 'function') return false;
  const prototype = Object.getPrototypeOf(body);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
