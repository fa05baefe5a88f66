import { type TestServer, testServer } from '../../provider-api/testing/server.ts';
import { usage, uuidv7 } from '../../queries/testing/ledger.ts';
import { ACCOUNT } from './bench.ts';

export interface Twilio extends TestServer {
  /** By SID; a change is seen by the next request. */
  readonly things: Map<string, Record<string, unknown>>;
  /** Answers to the coming requests, before anything else. */
  readonly failures: { status: number; headers?: Record<string, string> }[];
}

export const sid = (prefix: string, n: number): string => prefix + String(n).padStart(32, '0');

/** Messages, calls and recordings of one account, in pages of five. */
export async function twilio(): Promise<Twilio> {
  const things: Twilio['things'] = new Map();
  const failures: Twilio['failures'] = [];
  const lists: Record<string, RegExp> = { Messages: /^(SM|MM)/, Calls: /^CA/, Recordings: /^RE/ };
  const server = await testServer(({ pathname, searchParams }) => {
    const failure = failures.shift();
    if (failure) return failure;
    const [, account, kind = '', one] =
      /^\/2010-04-01\/Accounts\/(\w+)\/(\w+?)(?:\/(\w+))?\.json$/.exec(pathname) ?? [];
    if (account !== ACCOUNT) return { status: 404 };
    if (one !== undefined) return things.has(one) ? { body: things.get(one) } : { status: 404 };
    const all = [...things.values()].filter((thing) => lists[kind]?.test(String(thing.sid)));
    const page = Number(searchParams.get('Page') ?? 0);
    const next = all.length > (page + 1) * 5 ? `${pathname}?Page=${page + 1}` : null;
    return { body: { [kind.toLowerCase()]: all.slice(page * 5, page * 5 + 5), next_page_uri: next } };
  });
  return Object.assign(server, { things, failures });
}

/** The event of a message, on one of five days of February 2026; `over` replaces attributes. */
export function sms(n: number, over: Record<string, string> = {}) {
  const time = `2026-02-0${1 + (n % 5)}T10:00:00Z`;
  return {
    time,
    attributes: usage({
      'usage.id': uuidv7(time),
      'usage.service': 'twilio_sms',
      'usage.operation': 'send_sms',
      'usage.unit': 'segment',
      'usage.sku': 'us_ca',
      'usage.external_id': sid('SM', n),
      'cost.amount': '0.0079',
      'gen_ai.provider.name': '',
      'gen_ai.request.model': '',
      'gen_ai.response.model': '',
      'gen_ai.usage.input_tokens': '',
      'gen_ai.usage.output_tokens': '',
      ...over,
    }),
  };
}
/** What Twilio says of it in the end. */
export const delivered = (n: number, over: object = {}) => ({
  sid: sid('SM', n),
  status: 'delivered',
  price: '-0.01080',
  price_unit: 'USD',
  num_segments: '1',
  num_media: '0',
  error_code: null,
  ...over,
});
