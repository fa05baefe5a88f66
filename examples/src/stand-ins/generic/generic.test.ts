import { afterEach, expect, it } from 'vitest';
import { createOcrStandIn, type OcrStandIn, type OcrStandInOptions } from './index.ts';

let standIn: OcrStandIn | undefined;
afterEach(async () => {
  await standIn?.close();
  standIn = undefined;
});

async function ask(body: unknown, { key = 'key', ...options }: OcrStandInOptions & { key?: string } = {}) {
  standIn ??= await createOcrStandIn(options);
  const response = await fetch(`${standIn.url}/v1/ocr`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
  return { status: response.status, headers: response.headers, answer: (await response.json()) as any };
}

const document = { type: 'document_url', document_url: 'https://example.com/report-12.pdf' };

it('counts the pages that it read, under the model that an alias stands for', async () => {
  const { status, answer, headers } = await ask({ model: 'mistral-ocr-latest', document });
  expect(status).toBe(200);
  expect(answer).toMatchObject({ model: 'mistral-ocr-2512', usage_info: { pages_processed: 12 } });
  expect(answer.pages).toHaveLength(12);
  expect(headers.get('mistral-correlation-id')).toBe(standIn?.requests[0]?.id);
  expect(headers.get('content-encoding')).toBe('gzip');
});

it.each([
  [[0, 3], 2],
  ['0,2-4', 4],
])('reads only the pages %j', async (pages, count) => {
  const { answer } = await ask({ model: 'mistral-ocr-2505', document, pages });
  expect(answer.usage_info.pages_processed).toBe(count);
});

it('refuses a wrong key, no document, an unknown model', async () => {
  expect((await ask({}, { key: 'wrong' })).status).toBe(401);
  const { status, answer } = await ask({ model: 'mistral-ocr-latest' });
  expect([status, answer.detail[0].loc]).toEqual([422, ['body', 'document']]);
  expect((await ask({ model: 'gpt', document })).answer).toMatchObject({ object: 'error', type: 'invalid_model' });
});

it('fails when told to', async () => {
  const failure = (n: number) => (n === 1 ? 429 : undefined);
  expect((await ask({ model: 'mistral-ocr-latest', document }, { failure })).answer.type).toBe('rate_limited');
  expect((await ask({ model: 'mistral-ocr-latest', document })).status).toBe(200);
  expect(standIn?.requests.map(({ status, pages }) => [status, pages])).toEqual([
    [429, 0],
    [200, 12],
  ]);
});
