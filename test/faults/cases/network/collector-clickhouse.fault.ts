import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../../support/fault.ts';
import type { GatewayMode } from '../../support/gateway.ts';
import { compare } from '../../support/truth.ts';
import { startWorld } from '../../support/world.ts';
import { startSenders } from '../collector/send.ts';

const LOGIN = '<!doctype html><html><form action="/login">Please log in</form></html>';
const isInsert = ({ url = '' }: IncomingMessage) => /[?&]query=INSERT/.test(url);
const query = ({ url = '' }: IncomingMessage) => new URL(url, 'http://x').searchParams;

/** ClickHouse's own refusals, as its HTTP interface gives them. */
const REFUSALS: readonly (readonly [number, number, string])[] = [
  [500, 241, 'MEMORY_LIMIT_EXCEEDED'],
  [500, 242, 'TABLE_IS_READ_ONLY'],
  [500, 243, 'NOT_ENOUGH_SPACE'],
  [500, 252, 'TOO_MANY_PARTS'],
  [500, 159, 'TIMEOUT_EXCEEDED'],
  [500, 202, 'TOO_MANY_SIMULTANEOUS_QUERIES'],
  [500, 999, 'KEEPER_EXCEPTION'],
  [500, 395, 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
  [500, 349, 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN'],
  [500, 1002, 'UNKNOWN_EXCEPTION'],
  [404, 60, 'UNKNOWN_TABLE'],
  [404, 81, 'UNKNOWN_DATABASE'],
  [401, 516, 'AUTHENTICATION_FAILED'],
  [403, 497, 'ACCESS_DENIED'],
  [413, 0, ''],
  [429, 0, ''],
  [502, 0, LOGIN],
  [503, 0, 'no server is available'],
];
const answer = (status: number, code: number, text: string): GatewayMode => ({
  kind: 'answer',
  status,
  headers: code === 0 ? {} : { 'x-clickhouse-exception-code': String(code) },
  body: code === 0 ? text : `Code: ${code}. DB::Exception: ${text}. (${text})`,
});
const late = 'Code: 395. DB::Exception: a view threw after the headers were out';

interface Way {
  readonly name: string;
  /** What becomes of a request. */
  readonly choose: (request: IncomingMessage) => GatewayMode;
}

const WAYS: readonly Way[] = [
  ...(
    [
      ['cut', { kind: 'cut' }],
      ['slow', { kind: 'slow', bytesPerSecond: 20_000 }],
      ['half-open', { kind: 'halfOpen' }],
      ['answers lost', { kind: 'lostAnswer' }],
      ['a redirect to a login page', { kind: 'answer', status: 302, headers: { location: '/login' } }],
      ['204', { kind: 'answer', status: 204 }],
    ] as const
  ).map(([name, mode]) => ({ name, choose: () => mode })),
  {
    name: 'inserted, and answered 500',
    choose: (one) => (isInsert(one) ? { kind: 'passThenAnswer', status: 500 } : { kind: 'pass' }),
  },
  { name: 'only inserts lose their answers', choose: (one) => ({ kind: isInsert(one) ? 'lostAnswer' : 'pass' }) },
  { name: 'only inserts are reset', choose: (one) => ({ kind: isInsert(one) ? 'cut' : 'pass' }) },
  // Its page is no table description: no insert follows. (Between the two a page would be taken for success; TLS keeps it out.)
  {
    name: 'a login page with 200',
    choose: (one) => (isInsert(one) ? { kind: 'cut' } : { kind: 'answer', status: 200, body: LOGIN }),
  },
  {
    name: 'garbage with 200',
    choose: (one) =>
      isInsert(one) ? { kind: 'cut' } : { kind: 'answer', status: 200, body: new Uint8Array([1, 255, 0, 9]) },
  },
  // What a server does that is not asked to wait: status 200 first, the exception at the end of the body. One that is asked sends 500.
  {
    name: 'an exception after the headers',
    choose: (one) => {
      if (!isInsert(one)) return { kind: 'pass' };
      const asked =
        query(one).get('wait_end_of_query') === '1' && query(one).get('send_progress_in_http_headers') === '0';
      return asked ? answer(500, 395, late) : { kind: 'answer', status: 200, body: late };
    },
  },
  // A view that fails is left out where the profile says so, unless the insert itself asks otherwise.
  {
    name: 'a profile that ignores failing views and does not wait',
    choose: (one) => {
      if (!isInsert(one)) return { kind: 'pass' };
      const safe = query(one).get('materialized_views_ignore_errors') === '0' && query(one).get('async_insert') === '0';
      return safe ? answer(500, 395, late) : { kind: 'answer', status: 200 };
    },
  },
  ...REFUSALS.flatMap(([status, code, text]) => [
    {
      name: `inserts refused with ${status} ${text || 'and nothing'}`.slice(0, 60),
      choose: (one: IncomingMessage): GatewayMode => (isInsert(one) ? answer(status, code, text) : { kind: 'pass' }),
    },
    {
      name: `everything refused with ${status} ${text || 'and nothing'}`.slice(0, 60),
      choose: () => answer(status, code, text),
    },
  ]),
];

const fault: Fault = {
  id: 'network-clickhouse',
  hop: 'network',
  fault: `${WAYS.length} ways in which ClickHouse misbehaves towards the Collector: cut, slow, half-open, lost and late answers, each family of its errors`,
  promises: ['delivery-outage', 'delivery-answers'],
  times: { short: 3, long: WAYS.length },
  collector: true,
  async run({ dir, times, random, log }) {
    // Short, for half-open connections; longer than an insert takes on a machine that does other things too.
    const collectorEnv = { CLICKHOUSE_TIMEOUT: '8s' };
    const world = await startWorld({ dir, collector: true, proxies: true, collectorEnv });
    const load = startSenders(() => world.otlpUrl, { senders: 3, perRequest: 10, pauseMs: 150 });
    const { toClickHouse } = world;
    const wrong: string[] = [];
    const meets = async (what: string, requests: number) => {
      const goal = toClickHouse.requests + requests;
      const until = Date.now() + 20_000;
      while (toClickHouse.requests < goal && Date.now() < until) await sleep(10);
      if (toClickHouse.requests < goal) wrong.push(`no requests ${what}`);
    };
    try {
      const ways = random.shuffle(WAYS);
      for (let i = 0; i < times; i++) {
        const { name, choose } = ways[i % ways.length]!;
        toClickHouse.set({ kind: 'pass' }, choose);
        await meets(`met "${name}"`, random.int(2, 4));
        toClickHouse.set({ kind: 'pass' });
        await meets(`after "${name}"`, 2);
        log(`${name}: ${load.acknowledged.length} acknowledged`);
      }
      await load.stop();
      const { lost, doubled, wrong: differences } = await compare(world, load.acknowledged, { seconds: 120 });
      const [{ n } = { n: 0 }] = await world.query<{ n: number }>(
        "SELECT count() - uniqExact(LogAttributes['usage.id']) AS n FROM otel_logs WHERE EventName = 'client_cost.usage'",
      );
      for (const [refused, count] of load.refused) wrong.push(`a sender was told ${refused}, ${count} times`);
      return {
        tries: times,
        events: load.acknowledged.length,
        lost,
        doubled,
        wrong: [...wrong, ...differences],
        remark: `${n} inserted again`,
      };
    } finally {
      await load.stop();
      await world.close();
    }
  },
};
export default fault;
