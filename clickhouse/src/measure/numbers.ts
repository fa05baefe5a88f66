import type { ClickHouseClient } from '@clickhouse/client';
import { derivedUsageId, type NumberKind, numberSku, type PriceBook } from '@client-cost/instrumentation/ledger';
import { chargesById, type LedgerRow, newCharge, nextVersion, writeCharges } from '../corrections/index.ts';
import { type ApiClient, ProviderApiError, twilioPages } from '../provider-api/index.ts';
import { select } from '../queries/run.ts';
import { periodsOf } from './periods.ts';
import { UNATTRIBUTED } from './storage.ts';

const SERVICE = 'twilio_phone';
const OPERATION = 'provision_number';
const UNIT = 'number_month';

/** A number that an account holds. */
export interface HeldNumber {
  readonly sid: string;
  readonly phoneNumber: string;
  readonly friendlyName: string;
  /** When it was bought. */
  readonly since: Date;
  readonly kind: NumberKind | undefined;
}

export interface NumberOptions {
  readonly accounts: readonly string[];
  readonly book: PriceBook;
  readonly now: Date;
  /** First day whose months are charged; default: the current month of each number and the one before. */
  readonly since?: string | undefined;
  /** SID, number or friendly name → client, for numbers whose client the ledger does not know. */
  readonly clients?: ReadonlyMap<string, string> | undefined;
  readonly dryRun?: boolean | undefined;
  readonly onPage?: ((numbers: number) => void) | undefined;
}

/** What became of one number. */
export interface NumberOutcome {
  readonly sid: string;
  readonly client: string;
  readonly sku: string;
  /** Beginnings of the months that were charged now. */
  readonly charged: readonly string[];
  /** Months that the ledger had already. */
  readonly known: number;
  /** Months of nobody that have a client now. */
  readonly attributed: number;
  /** USD of what was charged now; null where no price is known. */
  readonly prices: readonly (string | null)[];
}

/**
 * One charge for each month of each number still held. The id is that of the number and the month's first day, the same that a purchase
 * through the API recorded: nothing is charged twice, however often this runs.
 */
export async function heldNumbers(
  client: ClickHouseClient,
  api: ApiClient,
  options: NumberOptions,
): Promise<NumberOutcome[]> {
  const outcomes: NumberOutcome[] = [];
  for (const account of options.accounts) {
    const path = `/2010-04-01/Accounts/${account}/IncomingPhoneNumbers`;
    const kinds = await kindsOf(api, path);
    for await (const page of twilioPages(api, `${path}.json`, 'incoming_phone_numbers')) {
      const numbers = page.map((json) => numberOf(json, kinds)).filter((number) => number !== undefined);
      outcomes.push(...(await charge(client, numbers, options)));
      options.onPage?.(outcomes.length);
    }
  }
  return outcomes;
}

async function charge(
  client: ClickHouseClient,
  numbers: readonly HeldNumber[],
  options: NumberOptions,
): Promise<NumberOutcome[]> {
  if (numbers.length === 0) return [];
  const planned = numbers.map((number) => ({ number, periods: periodsOf(number.since, options.now, options.since) }));
  const days = planned.flatMap(({ periods }) => periods).sort();
  const sids = numbers.map(({ sid }) => sid);
  const owners = await earlierClients(client, sids);
  const known = days.length === 0 ? new Map<string, LedgerRow>() : await recorded(client, sids, days);
  const rows: LedgerRow[] = [];
  const outcomes = planned.map(({ number, periods }) => {
    const mapped =
      options.clients?.get(number.sid) ??
      options.clients?.get(number.phoneNumber) ??
      options.clients?.get(number.friendlyName);
    const owner = owners.get(number.sid) ?? mapped ?? UNATTRIBUTED;
    const charged: string[] = [];
    const prices: (string | null)[] = [];
    let attributed = 0;
    for (const period of periods) {
      const row = rowOf(number, period, owner, options.book);
      const before = known.get(row.usage_id);
      if (before === undefined) {
        rows.push(row);
        charged.push(period);
        prices.push(row.cost);
      } else if (before.is_deleted === 0 && before.client_id === UNATTRIBUTED && owner !== UNATTRIBUTED) {
        rows.push({ ...before, client_id: owner, version: nextVersion(before) });
        attributed += 1;
      }
    }
    const sku = numberSku(number.phoneNumber, number.kind) ?? '';
    return { sid: number.sid, client: owner, sku, charged, known: periods.length - charged.length, attributed, prices };
  });
  if (options.dryRun !== true) await writeCharges(client, rows, { stale: 'skip' });
  return outcomes;
}

function rowOf(number: HeldNumber, period: string, client: string, book: PriceBook): LedgerRow {
  const at = new Date(`${period}T00:00:00Z`);
  const sku = numberSku(number.phoneNumber, number.kind);
  const price = book.price({ service: SERVICE, operation: OPERATION, sku, unit: UNIT, quantity: '1', at });
  return newCharge({
    usage_id: derivedUsageId(`${SERVICE}:${number.sid}:${period}`, at),
    time: at.toISOString(),
    client_id: client,
    service: SERVICE,
    operation: OPERATION,
    sku: sku ?? '',
    unit: UNIT,
    quantity: '1',
    cost: price.amount ?? null,
    cost_source: price.amount === undefined ? 'unpriced' : 'price_book',
    unpriced_reason: price.amount === undefined ? price.reason : '',
    price_version: price.version,
    external_id: number.sid,
  });
}

/** Who paid last for each number; numbers that only nobody paid for are not in it. */
async function earlierClients(client: ClickHouseClient, sids: readonly string[]): Promise<Map<string, string>> {
  const rows = await select(
    client,
    `SELECT external_id, argMax(client_id, time) AS owner FROM usage_events_current
     WHERE service = {service:String} AND external_id IN {sids:Array(String)} AND client_id != {nobody:String}
     GROUP BY external_id`,
    { service: SERVICE, sids, nobody: UNATTRIBUTED },
  );
  return new Map(rows.map((row) => [String(row.external_id), String(row.owner)]));
}

/** What was taken back included: it stays so. */
function recorded(
  client: ClickHouseClient,
  externalIds: readonly string[],
  days: readonly string[],
): Promise<Map<string, LedgerRow>> {
  const filter = { from: days[0]!, to: days.at(-1)!, services: [SERVICE], externalIds, withTakenBack: true };
  return chargesById(client, filter);
}

/** Twilio's answer names no kind: the lists by kind do. Asked only for what the number itself does not say. */
async function kindsOf(api: ApiClient, path: string): Promise<ReadonlyMap<string, NumberKind>> {
  const kinds = new Map<string, NumberKind>();
  for (const [name, kind] of [
    ['Mobile', 'mobile'],
    ['Local', 'local'],
    ['TollFree', 'toll_free'],
  ] as const) {
    try {
      for await (const page of twilioPages(api, `${path}/${name}.json`, 'incoming_phone_numbers')) {
        for (const { sid } of page) if (typeof sid === 'string') kinds.set(sid, kind);
      }
    } catch (error) {
      // A number's price class can mostly be told without.
      if (!(error instanceof ProviderApiError) || error.status !== 404) throw error;
    }
  }
  return kinds;
}

function numberOf(
  json: Readonly<Record<string, unknown>>,
  kinds: ReadonlyMap<string, NumberKind>,
): HeldNumber | undefined {
  const { sid, phone_number, friendly_name, date_created } = json;
  const since = typeof date_created === 'string' ? new Date(date_created) : new Date(Number.NaN);
  if (typeof sid !== 'string' || typeof phone_number !== 'string' || Number.isNaN(since.getTime())) return undefined;
  const friendlyName = typeof friendly_name === 'string' ? friendly_name : '';
  return { sid, phoneNumber: phone_number, friendlyName, since, kind: kinds.get(sid) };
}
