import { afterEach, expect, test } from 'vitest';
import { createOpenAIAdminStandIn, type OpenAIAdminStandIn } from './index.ts';

let standIn: OpenAIAdminStandIn;
afterEach(() => standIn?.close());

// biome-ignore lint/suspicious/noExplicitAny: an answer
type Body = Record<string, any>;

async function get(path: string, key = 'sk-admin-1'): Promise<{ status: number; body: Body }> {
  const response = await fetch(standIn.url + path, { headers: key === '' ? {} : { authorization: `Bearer ${key}` } });
  return { status: response.status, body: (await response.json()) as Body };
}

test('costs by day, in pages, grouped or not', async () => {
  const day = (n: number) => `2026-02-0${n}`;
  standIn = await createOpenAIAdminStandIn({
    costs: [1, 1, 2].map((n, index) => ({ day: day(n), lineItem: `item ${index}`, value: 0.5 })),
  });
  const start = Date.parse(day(1)) / 1000;
  const path = `/v1/organization/costs?start_time=${start}&end_time=${start + 3 * 86_400}&limit=2`;
  const first = (await get(path)).body;
  expect(first).toMatchObject({ object: 'page', has_more: true });
  expect(first.data.map((bucket: { results: unknown[] }) => bucket.results)).toEqual([
    [expect.objectContaining({ amount: { value: 1, currency: 'usd' }, line_item: null })],
    [expect.objectContaining({ amount: { value: 0.5, currency: 'usd' } })],
  ]);
  const second = (await get(`${path}&page=${first.next_page}`)).body;
  expect(second).toMatchObject({ has_more: false, next_page: null, data: [{ results: [] }] });
  const grouped = (await get(`${path}&group_by[]=line_item`)).body;
  expect(grouped.data[0].results.map(({ line_item }: { line_item: string }) => line_item)).toEqual([
    'item 0',
    'item 1',
  ]);
});

test('keys, stored answers, bad requests', async () => {
  standIn = await createOpenAIAdminStandIn();
  standIn.stored.set('resp_1', { id: 'resp_1', status: 'completed' });
  expect(await get('/v1/responses/resp_1', 'sk-1')).toEqual({
    status: 200,
    body: { id: 'resp_1', status: 'completed' },
  });
  expect((await get('/v1/chat/completions/chatcmpl-1')).status).toBe(404);
  expect((await get('/v1/organization/costs?start_time=1', 'sk-1')).status).toBe(403);
  expect((await get('/v1/organization/costs', '')).status).toBe(401);
  expect((await get('/v1/organization/costs', 'sk-wrong')).status).toBe(401);
  expect((await get('/v1/organization/costs')).status).toBe(400);
  expect((await get('/v1/organization/costs?start_time=1&limit=181')).status).toBe(400);
});
