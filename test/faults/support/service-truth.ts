import { setTimeout as sleep } from 'node:timers/promises';
import type { Served } from './service-providers.ts';
import type { Acknowledged } from './truth.ts';
import type { World } from './world.ts';

export interface CallsCompared {
  /** Acknowledged, and not in the ledger. */
  readonly lost: number;
  /** Charged more than once, or charged without an answer. */
  readonly doubled: number;
  /** Another client, another cost, a rollup that differs. */
  readonly wrong: string[];
  /** Charges in the ledger. */
  readonly charges: number;
  /** Copies in `otel_logs` beyond the first: what was sent more than once. */
  readonly resent: number;
}

interface Row {
  readonly id: string;
  readonly client: string;
  readonly cost: string | null;
  readonly outcome: string;
}

/**
 * Ledger against acknowledgements and answers, call by call (by `flow.execution.id`), cost by cost; rollup against ledger. Waits until all
 * that was acknowledged is there, at most `seconds`.
 * @param served answers by call id; undefined where there is no stand-in
 */
export async function compareCalls(
  world: World,
  acknowledged: readonly Acknowledged[],
  served: ReadonlyMap<string, Served> | undefined,
  seconds = 60,
): Promise<CallsCompared> {
  const told = new Map(acknowledged.map(({ id, client }) => [id, client]));
  const deadline = Date.now() + seconds * 1000;
  let rows: Row[] = [];
  let lost: string[] = [];
  const look = async () => {
    rows = await world.query<Row>(
      'SELECT flow_execution_id AS id, client_id AS client, cost, outcome FROM usage_events_current ORDER BY id',
    );
    const there = new Set(rows.map(({ id }) => id));
    lost = [...told.keys()].filter((id) => !there.has(id));
  };
  for (await look(); lost.length > 0 && Date.now() < deadline; await look()) await sleep(300);
  await world.settle();
  await look();

  const wrong: string[] = [];
  let doubled = 0;
  let before: string | undefined;
  const ledger = new Map<string, bigint>();
  const truth = new Map<string, bigint>();
  for (const { id, client, cost, outcome } of rows) {
    if (id === before) doubled += 1;
    before = id;
    const charged = cost === null ? 0n : picos(cost);
    const answer = served?.get(id);
    // Under way when the process ended: it is in the ledger as aborted, without a cost.
    const cutOff = outcome === 'aborted' && charged === 0n && !told.has(id);
    if (served !== undefined && answer === undefined && !cutOff) doubled += 1;
    const owner = told.get(id) ?? answer?.client ?? client;
    if (client !== owner) wrong.push(`${id} was ${owner}’s and is ${client}’s`);
    if (answer?.cost === undefined || cutOff) continue;
    ledger.set(client, (ledger.get(client) ?? 0n) + charged);
    truth.set(owner, (truth.get(owner) ?? 0n) + answer.cost);
    if (charged !== answer.cost) wrong.push(`${answer.kind} ${id} cost ${answer.cost}e-12 and is charged ${cost}`);
  }
  for (const [client, sum] of truth) {
    if (ledger.get(client) !== sum) wrong.push(`${client} owes ${sum}e-12 and is charged ${ledger.get(client)}e-12`);
  }
  const sums = await world.query(`
    SELECT client_id, ledger, rollup FROM
      (SELECT client_id, toString(sum(if(currency = 'USD', ifNull(cost, 0), 0))) AS ledger, count() AS n FROM usage_events_current GROUP BY client_id) AS l
      FULL JOIN (SELECT client_id, toString(sum(cost)) AS rollup, sum(requests) AS m FROM usage_daily_current GROUP BY client_id HAVING m > 0) AS r USING client_id
    WHERE ledger != rollup OR n != m`);
  for (const row of sums) wrong.push(`rollup and ledger differ: ${JSON.stringify(row)}`);
  const [logs] = await world.query<{ n: number }>(
    `SELECT count() - uniqExact(LogAttributes['usage.id']) AS n FROM otel_logs WHERE EventName = 'client_cost.usage'`,
  );
  return { lost: lost.length, doubled, wrong: wrong.slice(0, 20), charges: rows.length, resent: logs?.n ?? 0 };
}

/** A decimal with up to 12 places, in 1e-12. */
export function picos(decimal: string): bigint {
  const [whole = '0', rest = ''] = decimal.replace('-', '').split('.');
  const value = BigInt(whole) * 10n ** 12n + BigInt(rest.padEnd(12, '0').slice(0, 12));
  return decimal.startsWith('-') ? -value : value;
}
