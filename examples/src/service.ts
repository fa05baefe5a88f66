/**
 * A small lead-follow-up service for several clients, as a company would write it.
 *
 *   CLIENT_COST_CLIENT_HEADER=x-client-id node --require @client-cost/instrumentation/register dist/service.js
 *
 * Every call below is attributed to the client of the `x-client-id` header and priced without a line of code: OpenAI here, Twilio, Stripe,
 * Google Places and Cloudflare R2 in billed.ts. The two routes that show more say so: `/leads/:id/score` adds context, `/flows/:id/run` has no header and names its
 * client itself.
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { usageContext, withClient } from '@client-cost/instrumentation';
import express, { type NextFunction, type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import OpenAI from 'openai';
import { billed } from './billed.ts';

const openai = new OpenAI(); // OPENAI_API_KEY and OPENAI_BASE_URL
const model = process.env.SERVICE_MODEL ?? 'gpt-4o-mini';
const scoringModel = process.env.SERVICE_SCORING_MODEL ?? 'gpt-4o';
const maxTokens = 120;

const app = express();
app.disable('x-powered-by');
// Each call costs money: one address gets so many a minute. Behind a proxy set express's "trust proxy" to its address, and to nothing else.
const perMinute = Number(process.env.SERVICE_REQUESTS_PER_MINUTE ?? 6_000);
app.use(
  rateLimit({ windowMs: 60_000, limit: perMinute, legacyHeaders: false, message: { error: 'Busy, try again soon.' } }),
);
app.use(express.json({ limit: '256kb' }));

app.get('/healthz', (_request, response) => {
  response.json({ ok: true });
});

// Nothing of client-cost here: the header says who pays.
app.post('/leads/:id/reply', async (request, response) => {
  const { data, request_id } = await openai.chat.completions
    .create({
      model,
      max_completion_tokens: maxTokens,
      messages: [
        { role: 'system', content: 'You answer leads of a local business in two friendly sentences.' },
        { role: 'user', content: text(request, 'message') },
      ],
    })
    .withResponse();
  response.json({ reply: data.choices[0]?.message.content, requestId: request_id });
});

// Streaming: the words reach the caller as they come.
app.post('/summaries', async (request, response) => {
  const { data: stream, request_id } = await openai.chat.completions
    .create({
      model,
      max_completion_tokens: maxTokens,
      stream: true,
      messages: [{ role: 'user', content: `Summarise these call notes:\n${text(request, 'notes')}` }],
    })
    .withResponse();
  response.setHeader('x-openai-request-id', request_id ?? '');
  response.type('text/plain');
  for await (const chunk of stream) response.write(chunk.choices[0]?.delta.content ?? '');
  response.end();
});

app.post('/search', async (request, response) => {
  const documents: string[] = Array.isArray(request.body?.documents) ? request.body.documents.map(String) : [];
  const { data: answer, request_id } = await openai.embeddings
    .create({ model: 'text-embedding-3-small', input: [text(request, 'query'), ...documents] })
    .withResponse();
  const [query, ...vectors] = answer.data.map((item) => item.embedding);
  const hits = vectors
    .map((vector, index) => ({
      document: documents[index],
      score: vector.reduce((sum, x, i) => sum + x * query![i]!, 0),
    }))
    .sort((a, b) => b.score - a.score);
  response.json({ hits, requestId: request_id });
});

// More context for one route: its own operation name, the lead, and whatever the bill shall carry.
app.post('/leads/:id/score', async (request, response) => {
  const scope = { leadId: request.params.id, operation: 'lead_scoring', metadata: { source: 'web form' } };
  const { data, request_id } = await usageContext(scope, () =>
    openai.responses
      .create({
        model: scoringModel,
        max_output_tokens: maxTokens,
        input: `Score this lead from 0 to 100: ${text(request, 'message')}`,
      })
      .withResponse(),
  );
  response.json({ score: data.output_text, requestId: request_id });
});

// No header here (a scheduler calls it): the client is named in code.
app.post('/flows/:id/run', async (request, response) => {
  const scope = { flowExecutionId: request.params.id, messageId: text(request, 'messageId'), operation: 'follow_up' };
  const { data, request_id } = await withClient(text(request, 'clientId'), () =>
    usageContext(scope, () =>
      openai.chat.completions
        .create({
          model,
          max_completion_tokens: maxTokens,
          messages: [
            { role: 'user', content: 'Write a short follow-up to a lead that has not answered for two days.' },
          ],
        })
        .withResponse(),
    ),
  );
  response.json({ message: data.choices[0]?.message.content, requestId: request_id });
});

app.use(billed);

class BadRequest extends Error {}

/** A string field of the request's body; a clear 400 when it is missing. */
function text(request: Request, field: string): string {
  const value: unknown = request.body?.[field];
  if (typeof value !== 'string' || value === '')
    throw new BadRequest(`The field "${field}" must be a non-empty string.`);
  return value;
}

app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (response.headersSent) return next(error);
  if (error instanceof BadRequest) return void response.status(400).json({ error: error.message });
  if (error instanceof OpenAI.RateLimitError) return void response.status(429).json({ error: 'Busy, try again soon.' });
  if (error instanceof OpenAI.APIError) {
    return void response
      .status(502)
      .json({ error: `OpenAI: ${error.status ?? 'no answer'} ${error.code ?? ''}`.trim() });
  }
  const known = error as { status?: number; message?: string };
  response.status(known.status ?? 500).json({ error: known.status ? known.message : 'Internal error' });
});

const server: Server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', (error) => {
  if (error) throw error;
  const { address, port } = server.address() as AddressInfo;
  console.log(`Listening on http://${address}:${port}`);
  process.send?.({ port });
});

// Nobody needs longer to ask; who does holds a connection that others want.
server.headersTimeout = 10_000;
server.requestTimeout = 30_000;
server.maxConnections = 1_000;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // Answer what is under way, then let the process end by itself: the recorder flushes then.
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections();
    if (process.connected) process.disconnect();
  });
}
