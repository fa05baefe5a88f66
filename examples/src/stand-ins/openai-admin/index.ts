import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What one line of the bill cost on one day (UTC). */
export interface CostItem {
  /** `2026-02-03` */
  readonly day: string;
  /** As OpenAI names it: `gpt-4o-mini-2024-07-18, input`. */
  readonly lineItem: string;
  readonly value: number | string;
  /** Default `usd`. */
  readonly currency?: string;
  readonly projectId?: string;
}

export interface OpenAIAdminExchange {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly status: number;
}

export interface OpenAIAdminStandInOptions {
  /** What the organisation was billed; may be added to later. */
  readonly costs?: readonly CostItem[];
  /** A failure for a request, by its number from 0. */
  readonly failures?: (
    index: number,
  ) => { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | undefined;
  /** Default 0, a free one. */
  readonly port?: number;
}

export interface OpenAIAdminStandIn {
  /** Without `/v1`. */
  readonly url: string;
  readonly port: number;
  readonly costs: CostItem[];
  /** Stored responses and chat completions as they are on the wire, by id. */
  readonly stored: Map<string, object>;
  readonly requests: OpenAIAdminExchange[];
  readonly count: number;
  close(): Promise<void>;
}

const DAY = 86_400;

/**
 * What OpenAI's API knows afterwards: the organisation's costs by day and line item (admin keys, `sk-admin-…`, only), and stored responses and chat
 * completions (ordinary keys).
 */
export async function createOpenAIAdminStandIn(options: OpenAIAdminStandInOptions = {}): Promise<OpenAIAdminStandIn> {
  const costs = [...(options.costs ?? [])];
  const stored = new Map<string, object>();
  const requests: OpenAIAdminExchange[] = [];
  let count = 0;
  const server = createServer((incoming, outgoing) => {
    const index = count++;
    incoming.resume();
    const send = (status: number, body: object, headers: Readonly<Record<string, string>> = {}) => {
      requests.push({ method: incoming.method ?? 'GET', path: incoming.url ?? '/', status });
      outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body, null, 2));
    };
    const failure = options.failures?.(index);
    if (failure) send(failure.status, errorBody(`Answer ${failure.status}.`, 'server_error'), failure.headers);
    else send(...answer(incoming, costs, stored));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    costs,
    stored,
    requests,
    get count() {
      return count;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

type Answer = readonly [status: number, body: object];

function answer(incoming: IncomingMessage, costs: readonly CostItem[], stored: ReadonlyMap<string, object>): Answer {
  const url = new URL(incoming.url ?? '/', 'http://stand-in');
  const key = incoming.headers.authorization?.replace(/^Bearer /, '') ?? '';
  if (key === '') return [401, errorBody("You didn't provide an API key.")];
  if (!key.startsWith('sk-') || key.startsWith('sk-wrong')) {
    const shown = `${key.slice(0, 8)}${'*'.repeat(8)}${key.slice(-4)}`;
    return [401, errorBody(`Incorrect API key provided: ${shown}.`, 'invalid_request_error', 'invalid_api_key')];
  }
  const admin = key.startsWith('sk-admin-');
  if (url.pathname === '/v1/organization/costs') {
    const message = 'You have insufficient permissions for this operation. Missing scopes: api.usage.read.';
    return admin ? costPage(url.searchParams, costs) : [403, errorBody(message)];
  }
  const id = /^\/v1\/(?:responses|chat\/completions)\/([^/]+)$/.exec(url.pathname)?.[1];
  if (id === undefined) return [404, errorBody(`Invalid URL (${incoming.method} ${url.pathname})`)];
  const found = stored.get(id);
  return found === undefined ? [404, errorBody(`Response with id '${id}' not found.`)] : [200, found];
}

/** GET /v1/organization/costs: a bucket per day, `limit` (1 to 180, default 7) of them a page. */
function costPage(query: URLSearchParams, costs: readonly CostItem[]): Answer {
  const start = Number(query.get('start_time') ?? Number.NaN);
  const limit = Number(query.get('limit') ?? 7);
  if (!Number.isInteger(start)) return [400, errorBody("Missing required parameter: 'start_time'.")];
  if (!Number.isInteger(limit) || limit < 1 || limit > 180) {
    return [400, errorBody("Invalid 'limit': must be between 1 and 180.")];
  }
  const grouped = query.getAll('group_by[]').includes('line_item') || query.getAll('group_by').includes('line_item');
  const end = Number(query.get('end_time') ?? Math.ceil(Date.now() / 1000));
  const from = Number(query.get('page')?.replace('page_', '') ?? start);
  const data: object[] = [];
  let at = from;
  for (; at < end && data.length < limit; at += DAY) {
    const day = new Date(at * 1000).toISOString().slice(0, 10);
    data.push({
      object: 'bucket',
      start_time: at,
      end_time: at + DAY,
      results: results(
        costs.filter((item) => item.day === day),
        grouped,
      ),
    });
  }
  const more = at < end;
  return [200, { object: 'page', data, has_more: more, next_page: more ? `page_${at}` : null }];
}

function results(items: readonly CostItem[], grouped: boolean): object[] {
  const result = (value: number | string, currency: string, lineItem: string | null) => ({
    object: 'organization.costs.result',
    amount: { value, currency },
    line_item: lineItem,
    project_id: null,
  });
  if (grouped) return items.map(({ value, currency = 'usd', lineItem }) => result(value, currency, lineItem));
  const sum = items.reduce((total, { value }) => total + Number(value), 0);
  return items.length === 0 ? [] : [result(sum, 'usd', null)];
}

function errorBody(message: string, type = 'invalid_request_error', code: string | null = null): object {
  return { error: { message, type, param: null, code } };
}
