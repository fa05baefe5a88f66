import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { OpenAIInstrumentation } from '../../../../instrumentation/dist/openai/index.js';
import { setRecorder } from '../../../../instrumentation/dist/recorder/index.js';
import type { Fault } from '../../support/fault.ts';
import { CHAT, chats, judged, Kept, streams } from '../../support/fuzz-answers.ts';
import { type AnyTarget, drive, outcomeOf, target } from '../../support/fuzz-drive.ts';
import { damagedBytes, jsonText } from '../../support/fuzz-json.ts';

const recorder = new Kept();
type Client = { chat: { completions: { create(body: object): Promise<unknown> } } };

/** A server that answers with what it is told. */
class Provider {
  answer: { status: number; type: string; body: Buffer; cut: boolean } = {
    status: 200,
    type: 'application/json',
    body: Buffer.alloc(0),
    cut: false,
  };
  server: Server | undefined;

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      request.resume();
      const { status, type, body, cut } = this.answer;
      response.writeHead(status, {
        ...(type === '' ? {} : { 'content-type': type }),
        ...(cut ? { 'content-length': body.length + 10 } : {}),
      });
      response.write(body, () => (cut ? response.destroy() : response.end()));
    });
    await new Promise<void>((resolve) => this.server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }
}

/** The same answer to the SDK alone and to the SDK as it is watched: the caller sees the same. */
function throughSdk(provider: Provider, client: Client, instrumentation: OpenAIInstrumentation): AnyTarget {
  const seen = async (stream: boolean): Promise<string> => {
    try {
      const result = await client.chat.completions.create({
        model: 'gpt-4o-mini',
        messages: [{ role: 'user', content: 'x' }],
        ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
      });
      if (!stream) return shown(result);
      const chunks: unknown[] = [];
      try {
        for await (const one of result as AsyncIterable<unknown>) chunks.push(one);
      } catch (error) {
        chunks.push(named(error));
      }
      return shown(chunks);
    } catch (error) {
      return named(error);
    }
  };
  return target({
    name: 'the openai SDK, watched and not',
    inputs: fc.record({
      status: fc.constantFrom(200, 200, 200, 200, 204, 400, 404, 422),
      type: fc.constantFrom(
        'application/json',
        'application/json',
        'text/event-stream',
        'text/plain',
        'application/json; charset=utf-16',
        '',
      ),
      body: fc.oneof(
        chats.map((value) => Buffer.from(jsonText(value))),
        damagedBytes([JSON.stringify(CHAT)]),
        streams,
      ),
      cut: fc.boolean().map((cut) => cut),
      stream: fc.boolean(),
    }),
    async check({ stream, ...answer }) {
      provider.answer = answer;
      instrumentation.disable();
      const bare = await seen(stream);
      instrumentation.enable();
      recorder.clear();
      setRecorder(recorder);
      const watched = await seen(stream);
      await new Promise((resolve) => setImmediate(resolve));
      setRecorder(undefined);
      if (bare !== watched) return `bare ${bare.slice(0, 300)} watched ${watched.slice(0, 300)}`;
      if (recorder.started.length !== 1) return `${recorder.started.length} calls were seen`;
      for (const { start, end } of recorder.calls) {
        const bad = judged(start.service, start.operation, end);
        if (bad !== undefined) return bad;
      }
      return undefined;
    },
  });
}

function shown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch (error) {
    return `shown as ${named(error)}`;
  }
}

const named = (error: unknown): string =>
  error instanceof Error ? `${error.constructor.name}: ${error.message}`.replace(/:\d{4,5}\b/g, '') : String(error);

const sdk: Fault = {
  id: 'fuzz-answers',
  hop: 'fuzz',
  fault: 'the same damaged answer to the openai SDK alone and watched: the caller sees the same',
  promises: ['host-unharmed'],
  // The instrumentation is loaded here, with settings of its own.
  alone: true,
  times: { short: 200, long: 4000 },
  timeoutSeconds: 300,
  async run(run) {
    const provider = new Provider();
    const baseURL = await provider.start();
    const instrumentation = new OpenAIInstrumentation({ providerHosts: { '127.0.0.1': 'openai' } });
    const load = createRequire(join(import.meta.dirname, '../../../../instrumentation/package.json'));
    const { OpenAI } = load('openai') as { OpenAI: new (options: object) => Client };
    const client = new OpenAI({ apiKey: 'sk-test', baseURL, maxRetries: 0, timeout: 5000 });
    try {
      return outcomeOf(await drive(run, [throughSdk(provider, client, instrumentation)]));
    } finally {
      instrumentation.disable();
      provider.server?.closeAllConnections();
      provider.server?.close();
    }
  },
};

export default sdk;
