import type { ApiClient, Json, Query } from './client.ts';
import { ProviderApiError } from './errors.ts';

/** The objects of a list, one page after the other. */
export type Pages = AsyncGenerator<readonly Json[], void, undefined>;

/** Twilio: `next_page_uri` until it is null. `key` names the list in the answer: `messages`. */
export async function* twilioPages(client: ApiClient, path: string, key: string, query: Query = {}): Pages {
  let answer = await client.get(path, { PageSize: 1_000, ...query });
  const seen = new Set<string>();
  for (;;) {
    yield list(client, answer, key);
    const next = answer.next_page_uri;
    if (typeof next !== 'string' || next === '') return;
    notTwice(client, seen, next);
    answer = await client.get(next);
  }
}

/** Stripe: `starting_after` the last object while `has_more`. */
export async function* stripePages(client: ApiClient, path: string, query: Query = {}): Pages {
  const seen = new Set<string>();
  let after: string | undefined;
  for (;;) {
    const answer = await client.get(path, { limit: 100, ...query, starting_after: after });
    const page = list(client, answer, 'data');
    yield page;
    const last = page.at(-1)?.id;
    if (answer.has_more !== true || typeof last !== 'string') return;
    notTwice(client, seen, last);
    after = last;
  }
}

/** OpenAI: `next_page` while `has_more`. */
export async function* openaiPages(client: ApiClient, path: string, query: Query = {}): Pages {
  const seen = new Set<string>();
  let page: string | undefined;
  for (;;) {
    const answer = await client.get(path, { ...query, page });
    yield list(client, answer, 'data');
    const next = answer.next_page;
    if (answer.has_more !== true || typeof next !== 'string' || next === '') return;
    notTwice(client, seen, next);
    page = next;
  }
}

function list(client: ApiClient, answer: Json, key: string): readonly Json[] {
  const value = answer[key];
  if (Array.isArray(value)) return value.filter((one): one is Json => typeof one === 'object' && one !== null);
  throw new ProviderApiError(client.provider, `${client.provider} answered without "${key}": check --api-url`);
}

/** A page that leads to itself would never end. */
function notTwice(client: ApiClient, seen: Set<string>, next: string): void {
  if (seen.has(next)) throw new ProviderApiError(client.provider, `${client.provider} repeats its pages: stopped`);
  seen.add(next);
}
