import { afterEach, describe, expect, test } from 'vitest';
import {
  type ApiSettings,
  openaiClient,
  openaiPages,
  type Pages,
  ProviderApiError,
  ProviderSettingError,
  stripeClient,
  stripePages,
  twilioClient,
  twilioPages,
} from './index.ts';
import { type Answer, type TestServer, testServer } from './testing/server.ts';

const SECRET = 'a-very-secret-token';
const ACCOUNT = `AC${'1'.repeat(32)}`;
const ENV = {
  TWILIO_ACCOUNT_SID: ACCOUNT,
  TWILIO_AUTH_TOKEN: SECRET,
  STRIPE_API_KEY: `sk_test_${SECRET}`,
  OPENAI_API_KEY: `sk-${SECRET}`,
  OPENAI_ADMIN_KEY: `sk-admin-${SECRET}`,
};

let server: TestServer;
afterEach(() => server?.close());

async function serve(answer: (url: URL, nth: number) => Answer, more: Partial<ApiSettings> = {}): Promise<ApiSettings> {
  server = await testServer(answer);
  return { env: ENV, apiUrl: server.url, backoffMs: 5, perSecond: 1_000, ...more };
}

async function all(pages: Pages): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

describe('pages', () => {
  test('Twilio: next_page_uri to its end, with Basic auth', async () => {
    const settings = await serve((url, nth) => ({
      body: { messages: [{ sid: `SM${nth}` }], next_page_uri: nth < 3 ? `${url.pathname}?Page=${nth}` : null },
    }));
    const found = await all(
      twilioPages(twilioClient(settings), '/Messages.json', 'messages', { 'DateSent>': '2026-11-01' }),
    );
    expect(found).toEqual([{ sid: 'SM1' }, { sid: 'SM2' }, { sid: 'SM3' }]);
    expect(server.asked).toEqual([
      '/Messages.json?PageSize=1000&DateSent>=2026-11-01',
      '/Messages.json?Page=1',
      '/Messages.json?Page=2',
    ]);
    expect(server.headers[0]?.authorization).toBe(`Basic ${btoa(`${ACCOUNT}:${SECRET}`)}`);
  });

  test('Stripe: starting_after the last one while has_more, the version pinned', async () => {
    const settings = await serve((_, nth) => ({ body: { data: [{ id: `txn_${nth}` }], has_more: nth < 2 } }));
    expect(
      await all(stripePages(stripeClient(settings), '/v1/balance_transactions', { 'expand[]': 'data.source' })),
    ).toHaveLength(2);
    expect(server.asked[1]).toBe('/v1/balance_transactions?limit=100&expand[]=data.source&starting_after=txn_1');
    expect(server.headers[0]).toMatchObject({
      authorization: `Bearer sk_test_${SECRET}`,
      'stripe-version': '2024-06-20',
    });
  });

  test('OpenAI: next_page while has_more, with the admin key', async () => {
    const settings = await serve((_, nth) => ({ body: { data: [nth], has_more: nth < 2, next_page: `page_${nth}` } }));
    await all(openaiPages(openaiClient(settings, 'costs'), '/v1/organization/costs', { limit: 31 }));
    expect(server.asked).toEqual(['/v1/organization/costs?limit=31', '/v1/organization/costs?limit=31&page=page_1']);
    expect(server.headers[0]?.authorization).toBe(`Bearer sk-admin-${SECRET}`);
  });

  test('pages that lead to themselves end with an error; so does a next page elsewhere', async () => {
    const settings = await serve((url) => ({ body: { messages: [], next_page_uri: url.pathname } }));
    await expect(all(twilioPages(twilioClient(settings), '/M.json', 'messages'))).rejects.toThrow('repeats its pages');
    await server.close();
    const away = await serve(() => ({ body: { messages: [], next_page_uri: 'https://evil.example/M.json' } }));
    await expect(all(twilioPages(twilioClient(away), '/M.json', 'messages'))).rejects.toThrow(
      'another host (evil.example)',
    );
  });
});

describe('failures', () => {
  test('429 and 503 are repeated, no sooner than Retry-After', async () => {
    const began = Date.now();
    const settings = await serve((_, nth) =>
      nth === 1 ? { status: 429, headers: { 'retry-after': '1' } } : nth === 2 ? { status: 503 } : { body: { ok: 1 } },
    );
    const client = stripeClient(settings);
    expect(await client.get('/v1/x')).toEqual({ ok: 1 });
    expect(client.requests).toBe(3);
    expect(Date.now() - began).toBeGreaterThanOrEqual(1_000);
  });

  test('a wait of one holds back the others', async () => {
    const times: number[] = [];
    const settings = await serve((url, nth) => {
      times.push(Date.now());
      return nth === 1 ? { status: 429, headers: { 'retry-after-ms': '400' } } : { body: { path: url.pathname } };
    });
    const client = openaiClient({ ...settings, concurrency: 1 }, 'calls');
    await Promise.all(['/a', '/b', '/c'].map((path) => client.get(path)));
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(390);
  });

  test('gives up after the retries, saying how many', async () => {
    const settings = await serve(() => ({ status: 500, body: { error: { message: 'sorry' } } }), { retries: 2 });
    await expect(stripeClient(settings).get('/v1/x')).rejects.toThrow(
      /Stripe at http.* answers 500: sorry; gave up after 3 attempts/,
    );
    expect(server.asked).toHaveLength(3);
  });

  test('the first failure for good ends all that waits', async () => {
    const settings = await serve((_, nth) =>
      nth === 1 ? { status: 403 } : { status: 429, headers: { 'retry-after': '60' } },
    );
    const client = stripeClient({ ...settings, concurrency: 2 });
    const began = Date.now();
    const all = await Promise.allSettled([1, 2, 3, 4, 5, 6].map((n) => client.get(`/${n}`)));
    expect(all.map((one) => one.status === 'rejected' && (one.reason as Error).message)).toEqual(
      Array(6).fill(expect.stringContaining('does not allow this (403)')),
    );
    await expect(client.get('/7')).rejects.toThrow('does not allow this (403)');
    expect(Date.now() - began).toBeLessThan(5_000);
    expect(server.asked.length).toBeLessThanOrEqual(2);
  });

  test('no answer in time, and nobody there, are said as such', async () => {
    const settings = await serve(() => ({ hang: true }), { retries: 1, timeoutMs: 100 });
    await expect(stripeClient(settings).get('/v1/x')).rejects.toThrow('gives no answer within 0.1 s');
    await server.close();
    await expect(stripeClient(settings).get('/v1/x')).rejects.toThrow('cannot be reached (ECONNREFUSED)');
  });

  test('a refused login is not repeated, names the variables and holds no key', async () => {
    const settings = await serve(() => ({
      status: 401,
      body: { error: { message: `Incorrect API key provided: sk-${SECRET}, sk-abcd****wxyz.` } },
    }));
    const error = await openaiClient(settings, 'calls')
      .get('/v1/x')
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ProviderApiError);
    expect(error).toMatchObject({ status: 401, message: expect.stringContaining('check OPENAI_API_KEY') });
    expect(String(error)).not.toMatch(new RegExp(`${SECRET}|wxyz`));
    expect(server.asked).toHaveLength(1);
  });

  test('404: find says undefined, get explains', async () => {
    const settings = await serve(() => ({ status: 404 }));
    const client = twilioClient(settings);
    expect(await client.find('/x')).toBeUndefined();
    await expect(client.get('/x')).rejects.toThrow('Twilio knows no /x (404)');
  });

  test.each([
    [{ status: 302, headers: { location: 'https://evil.example' } }, 'redirects (302)'],
    [{ body: '<html>' }, 'no JSON object'],
    [{ status: 403, body: { message: 'no' } }, 'does not allow this (403: no)'],
    [{ status: 400, body: { message: 'bad date' } }, 'refuses the request (400: bad date)'],
  ])('%o', async (answer, message) => {
    const settings = await serve(() => answer as Answer);
    await expect(twilioClient(settings).get('/x')).rejects.toThrow(message);
    expect(server.asked).toHaveLength(1);
  });
});

test('no more requests in a second than allowed, no more at once than allowed', async () => {
  const times: number[] = [];
  const settings = await serve(() => {
    times.push(Date.now());
    return {};
  });
  const client = stripeClient({ ...settings, perSecond: 3 });
  await Promise.all([1, 2, 3, 4, 5].map((n) => client.get(`/${n}`)));
  expect(times[3]! - times[0]!).toBeGreaterThanOrEqual(900);
});

describe('settings', () => {
  test.each([
    [() => twilioClient({ env: {} }), 'TWILIO_ACCOUNT_SID is not set'],
    [() => twilioClient({ env: { TWILIO_ACCOUNT_SID: SECRET } }), 'TWILIO_ACCOUNT_SID is no account SID'],
    [() => twilioClient({ env: { TWILIO_ACCOUNT_SID: ACCOUNT } }), 'TWILIO_AUTH_TOKEN is not set'],
    [() => stripeClient({ env: { STRIPE_API_KEY: ' ' } }), 'STRIPE_API_KEY is not set'],
    [() => openaiClient({ env: {} }, 'calls'), 'OPENAI_API_KEY is not set'],
    [() => openaiClient({ env: { OPENAI_API_KEY: 'x' } }, 'costs'), 'OPENAI_ADMIN_KEY is not set'],
    [() => stripeClient({ env: ENV, apiUrl: 'ftp://x' }), '--api-url: expected an address'],
    [() => stripeClient({ env: ENV, apiUrl: 'http://api.example.com' }), 'credentials go over https only'],
    [
      () => stripeClient({ env: { ...ENV, CLIENT_COST_STRIPE_API_URL: 'nonsense' } }),
      'CLIENT_COST_STRIPE_API_URL: expected',
    ],
  ])('%# %s', (make, message) => {
    let error: unknown;
    try {
      make();
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ProviderSettingError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain(SECRET);
  });

  test("an API key is used in place of the account's token", async () => {
    const settings = await serve(() => ({}));
    const env = { ...ENV, TWILIO_API_KEY: 'SKx', TWILIO_API_SECRET: 'y' };
    await twilioClient({ ...settings, env }).get('/x');
    expect(server.headers[0]?.authorization).toBe(`Basic ${btoa('SKx:y')}`);
  });
});
