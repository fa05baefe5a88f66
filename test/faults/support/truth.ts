import { eventually } from '../../support/stack.ts';
import type { World } from './world.ts';

/** A call as its caller knows it: the provider's own id of the answer, and for whom it was made. */
export interface Acknowledged {
  readonly id: string;
  readonly client: string;
}

export interface Compared {
  /** Acknowledged, and not in the ledger. */
  readonly lost: number;
  /** More charges than one of an id, and charges of answers that nobody gave. */
  readonly doubled: number;
  /** A line per client whose ledger, rollup and truth disagree otherwise. */
  readonly wrong: string[];
  /** Charges in the ledger. */
  readonly charges: number;
}

interface Charge {
  readonly external_id: string;
  readonly client_id: string;
  readonly charges: number;
}

/**
 * The ledger against what callers were told, charge by charge, and the rollup against the ledger. Waits until everything acknowledged has
 * arrived (at most `seconds`), then until the Collector has nothing left.
 * @param served ids that the provider's stand-in answered with: what the ledger may hold at most
 */
export async function compare(
  world: World,
  acknowledged: readonly Acknowledged[],
  options: { readonly served?: ReadonlySet<string>; readonly seconds?: number } = {},
): Promise<Compared> {
  const { served, seconds = 60 } = options;
  const clients = new Map(acknowledged.map(({ id, client }) => [id, client]));
  const missing = async () => {
    const there = new Set(
      (await world.query<{ id: string }>(`SELECT DISTINCT external_id AS id FROM usage_events`)).map(({ id }) => id),
    );
    return [...clients.keys()].filter((id) => !there.has(id));
  };
  let absent: string[] = [];
  const all = async () => {
    absent = await missing();
    return absent.length === 0 ? true : undefined;
  };
  await eventually('everything acknowledged is in the ledger', all, seconds).catch(() => {});
  await world.settle();
  absent = await missing();

  const charges = await world.query<Charge>(
    'SELECT external_id, any(client_id) AS client_id, count() AS charges FROM usage_events_current GROUP BY external_id',
  );
  let doubled = 0;
  const wrong: string[] = [];
  for (const { external_id, client_id, charges: count } of charges) {
    doubled += count - 1;
    if (served !== undefined && !served.has(external_id)) doubled += 1;
    const client = clients.get(external_id);
    if (client !== undefined && client !== client_id)
      wrong.push(`${external_id} was ${client}’s and is ${client_id}’s`);
  }
  // Decimal sums, compared as text.
  const differing = await world.query(`
    SELECT client_id, ledger, rollup FROM
      (SELECT client_id, toString(sum(if(currency = 'USD', ifNull(cost, 0), 0))) AS ledger, count() AS n FROM usage_events_current GROUP BY client_id) AS l
      FULL JOIN (SELECT client_id, toString(sum(cost)) AS rollup, sum(requests) AS m FROM usage_daily_current GROUP BY client_id HAVING m > 0) AS r USING client_id
    WHERE ledger != rollup OR n != m`);
  for (const row of differing) wrong.push(`rollup and ledger differ: ${JSON.stringify(row)}`);
  return { lost: absent.length, doubled, wrong, charges: charges.length };
}
