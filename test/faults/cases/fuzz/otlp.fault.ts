import fc from 'fast-check';
import { eventually } from '../../../support/stack.ts';
import type { Fault, FaultRun } from '../../support/fault.ts';
import { equal, fraction, plus, readDecimal } from '../../support/fuzz-decimals.ts';
import { cut } from '../../support/fuzz-drive.ts';
import { damagedBytes } from '../../support/fuzz-json.ts';
import { type Expected, expectedOf, jsonRequest, protoRequest, type Rec, records } from '../../support/fuzz-otlp.ts';
import { startWorld, type World } from '../../support/world.ts';

const BATCH = 2000;
const TYPES = { json: 'application/json', proto: 'application/x-protobuf' } as const;

interface Row {
  readonly name: string;
  readonly client: string;
  readonly cost: string | null;
  readonly quantity: string;
}

async function post(url: string, body: Buffer, type: string): Promise<number> {
  const response = await fetch(`${url}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: new Uint8Array(body),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Each record is in one of the two tables, as the document says, with its exact figures. */
function judge(
  list: readonly Rec[],
  expected: readonly Expected[],
  charges: ReadonlyMap<string, Row[]>,
  rejected: ReadonlyMap<string, number>,
  begin: number,
): string[] {
  const wrong: string[] = [];
  list.forEach((record, i) => {
    const name = `fuzz-${begin + i}`;
    const rows = charges.get(name) ?? [];
    const refused = rejected.get(name) ?? 0;
    const { verdict, client, cost, quantity } = expected[i]!;
    const say = (what: string): void =>
      void wrong.push(
        `${what}: ${cut(
          JSON.stringify(record, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
          900,
        )}`,
      );
    const places = rows.length + refused;
    const [row] = rows;
    const said = row?.cost ? readDecimal(row.cost)! : null;
    if (verdict === 'none' ? places !== 0 : places !== 1) say(`${rows.length} charges and ${refused} rejected rows`);
    else if (verdict === 'charge' && refused > 0) say('was rejected');
    else if (verdict === 'rejected' && rows.length > 0) say('became a charge');
    else if (row !== undefined) {
      if (client !== undefined && row.client !== client) say(`is charged to ${JSON.stringify(row.client)}`);
      if (cost === null ? said !== null : cost !== undefined && (said === null || !equal(said, cost)))
        say(`costs ${row.cost}`);
      if (quantity !== undefined && !equal(readDecimal(row.quantity)!, quantity))
        say(`has the quantity ${row.quantity}`);
    }
  });
  return wrong;
}

async function byName(
  world: World,
  begin: number,
  end: number,
): Promise<{ charges: Map<string, Row[]>; rejected: Map<string, number> }> {
  const between = (name: string) =>
    `startsWith(${name}, 'fuzz-') AND toUInt64OrZero(substring(${name}, 6)) BETWEEN ${begin} AND ${end - 1}`;
  const rows = await world.query<Row>(
    `SELECT external_id AS name, client_id AS client, toString(cost) AS cost, toString(quantity) AS quantity FROM usage_events WHERE ${between('external_id')}`,
  );
  const refused = await world.query<{ name: string; count: number }>(
    `SELECT attributes['usage.external_id'] AS name, count() AS count FROM usage_events_rejected WHERE ${between("attributes['usage.external_id']")} GROUP BY name`,
  );
  const charges = new Map<string, Row[]>();
  for (const row of rows) charges.set(row.name, [...(charges.get(row.name) ?? []), row]);
  return { charges, rejected: new Map(refused.map(({ name, count }) => [name, count])) };
}

/** The smallest part of a batch that the Collector does not take. */
async function culprit(
  world: World,
  list: readonly Rec[],
  encode: (list: readonly Rec[]) => Buffer,
  type: string,
): Promise<string> {
  let part = list;
  while (part.length > 1) {
    const half = part.slice(0, part.length >> 1);
    part = (await post(world.otlpUrl, encode(half), type)) === 200 ? part.slice(part.length >> 1) : half;
  }
  return cut(
    JSON.stringify(part[0], (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
    900,
  );
}

async function fuzz(run: FaultRun, world: World): Promise<{ tries: number; wrong: string[]; remark: string }> {
  const wrong: string[] = [];
  let tries = 0;
  let sum = fraction(0n);
  let counted = 0;
  for (let batch = 0; tries < run.times && wrong.length < 5; batch++) {
    const size = Math.min(BATCH, run.times - tries);
    const begin = tries;
    const list = fc.sample(records, { seed: run.seed + batch, numRuns: size }).map((record, i) => ({
      ...record,
      attributes: [...record.attributes, ['usage.external_id', { string: `fuzz-${begin + i}` }] as const],
    }));
    tries += size;
    const [encode, type] =
      batch % 2 === 0 ? ([jsonRequest, TYPES.json] as const) : ([protoRequest, TYPES.proto] as const);
    const status = await post(world.otlpUrl, encode(list), type);
    if (status !== 200) {
      wrong.push(`the Collector answered ${status} to a valid ${type}: ${await culprit(world, list, encode, type)}`);
      continue;
    }
    const expected = list.map(expectedOf);
    const wanted = expected.filter(({ verdict }) => verdict !== 'none').length;
    let found = await byName(world, begin, begin + size);
    const there = () =>
      [...found.charges.values()].reduce((n, rows) => n + rows.length, 0) +
      [...found.rejected.values()].reduce((n, count) => n + count, 0);
    await eventually(
      'the batch is in the tables',
      async () => {
        found = await byName(world, begin, begin + size);
        return there() >= wanted ? true : undefined;
      },
      60,
    ).catch(() => {});
    wrong.push(...judge(list, expected, found.charges, found.rejected, begin));
    for (const rows of found.charges.values())
      for (const { cost } of rows) if (cost !== null) sum = plus(sum, readDecimal(cost)!);
    counted += [...found.charges.values()].reduce((n, rows) => n + rows.length, 0);
    run.log(`batch ${batch + 1}: ${size} records, ${there()} in the tables, ${wrong.length} wrong`);
  }
  // Newest versions of other records' ids aside, nothing is added that is not there.
  const [total] = await world.query<{ cost: string | null; n: number }>(
    "SELECT toString(sum(cost)) AS cost, count() AS n FROM usage_events WHERE startsWith(external_id, 'fuzz-')",
  );
  if (total!.n !== counted || !equal(readDecimal(total!.cost ?? '0')!, sum))
    wrong.push(`the sum over ${total!.n} charges is ${total!.cost}`);
  const mangled = await mangle(run, world, Math.ceil(run.times / 15));
  return { tries: tries + mangled.tries, wrong: [...wrong, ...mangled.wrong], remark: `${counted} charges` };
}

/** Damaged requests: taken or refused, and a sound one after them is charged. */
async function mangle(run: FaultRun, world: World, times: number): Promise<{ tries: number; wrong: string[] }> {
  const wrong: string[] = [];
  const statuses = new Map<number, number>();
  const sound = fc.sample(records, { seed: run.seed, numRuns: 20 });
  for (const [encode, type] of [
    [jsonRequest, TYPES.json],
    [protoRequest, TYPES.proto],
  ] as const) {
    const bodies = fc.sample(damagedBytes([encode(sound), encode(sound.slice(0, 2)), `${'['.repeat(100_000)}`, '']), {
      seed: run.seed,
      numRuns: Math.ceil(times / 2),
    });
    for (const body of bodies) {
      const begun = performance.now();
      const status = await post(world.otlpUrl, body, type).catch((error: Error) => {
        wrong.push(`a damaged ${type} was not answered: ${error.message}: ${cut(body.toString('base64'), 300)}`);
        return 0;
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // To JSON with characters beyond ASCII the Collector may say 500: its message quotes half of one and cannot be encoded. Senders
      // send such a batch in parts.
      const known =
        status === 200 ||
        status === 400 ||
        status === 0 ||
        (status === 500 && type === TYPES.json && /[^\0-\x7f]/.test(body.toString('latin1')));
      if (!known) wrong.push(`a damaged ${type} was answered with ${status}: ${cut(body.toString('base64'), 300)}`);
      if (performance.now() - begun > 10_000)
        wrong.push(`a damaged ${type} took ${Math.round(performance.now() - begun)} ms`);
      if (wrong.length > 4) break;
    }
  }
  const id = '01920000-0000-4000-8000-00000000f0f0';
  const attributes = Object.entries({
    'usage.id': id,
    'usage.service': 'openai',
    'client.id': 'after',
    'cost.amount': '1.5',
  }).map(([key, string]) => [key, { string }] as const);
  const now = BigInt(Date.now()) * 1_000_000n;
  const status = await post(
    world.otlpUrl,
    jsonRequest([{ eventName: 'client_cost.usage', timeUnixNano: now, observedTimeUnixNano: now, attributes }]),
    TYPES.json,
  );
  if (status !== 200) wrong.push(`a sound request after them was answered with ${status}`);
  const charged = async () =>
    (await world.query("SELECT 1 FROM usage_events WHERE client_id = 'after'")).length === 1 ? true : undefined;
  await eventually('the sound event is charged', charged, 60).catch((error: Error) => wrong.push(error.message));
  await world.settle().catch((error: Error) => wrong.push(error.message));
  run.log(`damaged requests: ${[...statuses].map(([code, count]) => `${count} × ${code}`).join(', ')}`);
  return { tries: times, wrong };
}

const fault: Fault = {
  id: 'fuzz-otlp',
  hop: 'fuzz',
  fault:
    'usage records with any value, type, time, id, version and amount, as JSON and as protobuf, and damaged requests, through the Collector into the ledger',
  promises: ['collector-poison', 'ledger-clocks', 'amounts-exact'],
  times: { short: 6000, long: 60_000 },
  timeoutSeconds: 600,
  collector: true,
  async run(run) {
    const world = await startWorld({ dir: run.dir, collector: true });
    try {
      const { tries, wrong, remark } = await fuzz(run, world);
      return { tries, events: tries, lost: 0, doubled: 0, wrong, remark };
    } finally {
      await world.close();
    }
  },
};

export default fault;
