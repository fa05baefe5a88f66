import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the server saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown> | undefined;
  readonly headers: Record<string, unknown>;
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly seen: Seen[];
  /** Requests that the client hung up on before they were answered in full. */
  hungUp(): number;
  close(): Promise<void>;
}

type Body = Record<string, unknown>;

const USAGE = {
  prompt_tokens: 11,
  completion_tokens: 7,
  total_tokens: 18,
  prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 2, audio_tokens: 0 },
};
const RESPONSE_USAGE = {
  input_tokens: 21,
  output_tokens: 9,
  total_tokens: 30,
  input_tokens_details: { cached_tokens: 5 },
  output_tokens_details: { reasoning_tokens: 3 },
};

function json(res: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_test', ...headers });
  res.end(JSON.stringify(body));
}

function error(res: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  const type = `status_${status}`;
  json(res, status, { error: { message: `answer ${status}`, type, code: type, param: null } }, headers);
}

const head = (body: Body) => ({
  id: 'chatcmpl-1',
  created: 1_700_000_000,
  model: `${body.model}-2024-07-18`,
  service_tier: 'default',
});

function completion(body: Body): Body {
  const base = { ...head(body), object: 'chat.completion', usage: USAGE };
  const messages = (body.messages ?? []) as Body[];
  if (body.tools && !messages.some((message) => message.role === 'tool')) {
    const call = { id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1,"b":2}' } };
    const message = { role: 'assistant', content: null, refusal: null, tool_calls: [call] };
    return { ...base, choices: [{ index: 0, message, finish_reason: 'tool_calls', logprobs: null }] };
  }
  const content = body.response_format ? '{"answer":42}' : 'Hello there, friend.';
  const finish = body.model === 'too-long' ? 'length' : 'stop';
  const message = { role: 'assistant', content, refusal: null };
  return { ...base, choices: [{ index: 0, message, finish_reason: finish, logprobs: null }] };
}

function chatChunks(body: Body): Body[] {
  const asked = (body.stream_options as Body | undefined)?.include_usage === true;
  const base = { ...head(body), object: 'chat.completion.chunk', ...(asked ? { usage: null } : {}) };
  const chunk = (delta: Body, finish: string | null = null): Body => ({
    ...base,
    choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
  });
  const tools = body.tools && !((body.messages ?? []) as Body[]).some((message) => message.role === 'tool');
  const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1,' } };
  const deltas = tools
    ? [
        chunk({ role: 'assistant', content: null, tool_calls: [call] }),
        chunk({ tool_calls: [{ index: 0, function: { arguments: '"b":2}' } }] }),
        chunk({}, 'tool_calls'),
      ]
    : [
        chunk({ role: 'assistant', content: '' }),
        chunk({ content: 'Hello' }),
        chunk({ content: ' \u{1F30D} "usage":null there' }),
        chunk({ content: ', friend.' }),
        chunk({}, 'stop'),
      ];
  const first =
    body.model === 'azure-like' ? [{ ...base, choices: [], prompt_filter_results: [{ prompt_index: 0 }] }] : [];
  return [...first, ...deltas, ...(asked ? [{ ...base, choices: [], usage: USAGE }] : [])];
}

function response(body: Body, status = 'completed'): Body {
  const content = [{ type: 'output_text', text: body.text ? '{"answer":42}' : 'Hello there.', annotations: [] }];
  const message = { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content };
  const done = status === 'completed';
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_700_000_000,
    status,
    error: status === 'failed' ? { code: 'server_error', message: 'it failed' } : null,
    incomplete_details: null,
    model: `${body.model}-2024-07-18`,
    output: done ? [message] : [],
    parallel_tool_calls: true,
    tools: [],
    service_tier: 'default',
    usage: done ? RESPONSE_USAGE : null,
  };
}

function responseEvents(body: Body): Body[] {
  const item = { item_id: 'msg_1', output_index: 0, content_index: 0 };
  const whole = response(body);
  const message = (whole.output as Body[])[0] as Body;
  const part = (message.content as Body[])[0] as Body;
  const text = String(part.text);
  const half = Math.ceil(text.length / 2);
  const events: Body[] = [
    { type: 'response.created', response: response(body, 'in_progress') },
    { type: 'response.in_progress', response: response(body, 'in_progress') },
    { type: 'response.output_item.added', output_index: 0, item: { ...message, status: 'in_progress', content: [] } },
    { type: 'response.content_part.added', ...item, part: { ...part, text: '' } },
    { type: 'response.output_text.delta', ...item, delta: text.slice(0, half), logprobs: [] },
    { type: 'response.output_text.delta', ...item, delta: text.slice(half), logprobs: [] },
    { type: 'response.output_text.done', ...item, text, logprobs: [] },
    { type: 'response.content_part.done', ...item, part },
    { type: 'response.output_item.done', output_index: 0, item: message },
    { type: 'response.completed', response: whole },
  ];
  return events.map((event, sequence_number) => ({ ...event, sequence_number }));
}

async function stream(res: ServerResponse, events: Body[], model: unknown, named: boolean): Promise<void> {
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'req_test' });
  for (const [index, event] of events.entries()) {
    if (model === 'breaks' && index === 3) return void res.destroy();
    if (model === 'error-event' && index === 3) {
      res.end('data: {"error":{"message":"overloaded","type":"server_error","code":"overloaded"}}\n\n');
      return;
    }
    if (model === 'stalls' && index === 3) return;
    res.write(`${named ? `event: ${event.type}\n` : ''}data: ${JSON.stringify(event)}\n\n`);
    // Each event in a packet of its own, so that leaving early happens before the end has come.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  res.end(named ? undefined : 'data: [DONE]\n\n');
}

function embeddings(body: Body): Body {
  const vector = [0.5, -0.25, 0.125];
  const embedding =
    body.encoding_format === 'base64' ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector;
  const usage = { prompt_tokens: 6, total_tokens: 6 };
  return { object: 'list', model: body.model, data: [{ object: 'embedding', index: 0, embedding }], usage };
}

/** What the model's name asks for instead of an answer; true: dealt with. */
function misbehave(req: IncomingMessage, res: ServerResponse, body: Body): boolean {
  const model = String(body.model);
  const status = /^status-(\d{3})$/.exec(model);
  const retries = Number(req.headers['x-stainless-retry-count'] ?? 0);
  if (status) error(res, Number(status[1]), { 'retry-after-ms': '1' });
  else if (model === 'fails-twice' && !counted(model, 3)) error(res, 500, { 'retry-after-ms': '1' });
  else if (model === 'hangs-up') req.socket.destroy();
  else if (model === 'silent') return true;
  else if (model === 'bad-json') res.writeHead(200, { 'content-type': 'application/json' }).end('{"id":');
  else if (model === 'plain') res.writeHead(200, { 'content-type': 'text/plain' }).end(`plain ${retries >= 0}`);
  else return false;
  return true;
}

const counts = new Map<string, number>();
/** True at each `every`th time. */
function counted(key: string, every: number): boolean {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count % every === 0;
}

function answer(req: IncomingMessage, res: ServerResponse, path: string, body: Body): void {
  if (misbehave(req, res, body)) return;
  const streamed = body.stream === true;
  if (path.endsWith('/chat/completions')) {
    if (streamed) void stream(res, chatChunks(body), body.model, false);
    else json(res, 200, completion(body));
  } else if (path.endsWith('/responses')) {
    if (streamed) void stream(res, responseEvents(body), body.model, true);
    else json(res, 200, response(body, body.background ? 'queued' : body.model === 'fails' ? 'failed' : 'completed'));
  } else if (path.endsWith('/embeddings')) json(res, 200, embeddings(body));
  else if (path.endsWith('/models')) json(res, 200, { object: 'list', data: [{ id: 'm', object: 'model' }] });
  else if (path.endsWith('/moderations')) json(res, 200, { id: 'modr-1', model: 'm', results: [] });
  else error(res, 404);
}

/** A small server in the manner of OpenAI's; the request's model decides what goes wrong. */
export async function startTestServer(): Promise<TestServer> {
  const seen: Seen[] = [];
  let hungUp = 0;
  const server: Server = createServer(async (req, res) => {
    res.sendDate = false;
    res.on('close', () => {
      if (!res.writableFinished) hungUp += 1;
    });
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const body = (text === '' ? undefined : JSON.parse(text)) as Body | undefined;
    const path = String(req.url);
    seen.push({ method: String(req.method), path, body, headers: req.headers });
    answer(req, res, path.split('?')[0] as string, body ?? {});
  });
  server.keepAliveTimeout = 1;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    seen,
    hungUp: () => hungUp,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
