import type { ClickHouseClient } from '@clickhouse/client';
import { derivedUsageId, type PriceBook } from '@client-cost/instrumentation/ledger';
import { chargesById, type LedgerRow, newCharge, nextVersion, writeCharges } from '../corrections/index.ts';
import { gbMonths, type StoredGroup } from './storage.ts';
import type { StorageMap } from './storage-map.ts';

const SERVICE = 'cloudflare_r2';
const OPERATION = 'storage';
const UNIT = 'gb_month';

/** What becomes of one group's charge of the day. */
export interface StorageCharge {
  readonly group: StoredGroup;
  readonly quantity: string;
  /** USD; null where the price is not known. */
  readonly cost: string | null;
  /** `kept`: an earlier measurement of the day was higher, or the same. */
  readonly change: 'new' | 'higher' | 'corrected' | 'kept' | 'removed';
}

export interface ChargeOptions {
  readonly account: string;
  /** Buckets that were measured whole. */
  readonly buckets: readonly string[];
  readonly day: string;
  readonly map: StorageMap;
  readonly book: PriceBook;
  readonly dryRun?: boolean | undefined;
}

/**
 * Writes one charge for each group of a day. Its id is known by account, bucket, prefix, storage class and day, so a second measurement of the
 * day changes the first one's charge: R2 bills the day's peak, so the higher one stays. What was measured by other entries of the map is
 * no peak of the same thing: it is replaced, or taken back where it has no counterpart.
 */
export async function chargeStorage(
  client: ClickHouseClient,
  groups: readonly StoredGroup[],
  options: ChargeOptions,
): Promise<StorageCharge[]> {
  const { map } = options;
  const { day } = options;
  const about = { services: [SERVICE], operations: [OPERATION] };
  const before = await chargesById(client, { from: day, to: day, ...about, withTakenBack: true });
  const rows: LedgerRow[] = [];
  const charges: StorageCharge[] = [];
  for (const group of groups) {
    const row = rowOf(group, options);
    const known = before.get(row.usage_id);
    before.delete(row.usage_id);
    const past = known && metadataOf(known);
    const same = past?.map === map.fingerprint(group.bucket);
    const back = known?.is_deleted === 1;
    if (back && past?.replacedBy === undefined) {
      // Somebody took it back himself: it stays so.
      charges.push({ group, quantity: '0', cost: '0', change: 'kept' });
      continue;
    }
    if (known !== undefined && same && BigInt(past?.bytes ?? 0) >= group.bytes) {
      if (back) {
        const metadata = JSON.stringify({ ...past, replacedBy: undefined });
        rows.push({ ...known, version: nextVersion(known), is_deleted: 0, metadata });
      }
      charges.push({ group, quantity: known.quantity, cost: known.cost, change: back ? 'new' : 'kept' });
      continue;
    }
    rows.push(known === undefined ? row : { ...row, version: nextVersion(known) });
    const change = known === undefined || back ? 'new' : same ? 'higher' : 'corrected';
    charges.push({ group, quantity: row.quantity, cost: row.cost, change });
  }
  for (const known of before.values()) {
    if (known.is_deleted === 1) continue;
    const past = metadataOf(known);
    // Of another account, of a bucket that was not measured now, or a prefix that is empty by now: its peak stays.
    if (past === undefined || !options.buckets.includes(past.bucket) || past.account !== options.account) continue;
    const replacedBy = map.fingerprint(past.bucket);
    if (past.map === replacedBy) continue;
    const metadata = JSON.stringify({ ...past, replacedBy });
    rows.push({ ...known, version: nextVersion(known), is_deleted: 1, metadata });
    const { bucket, prefix, storageClass } = past;
    const group = { bucket, prefix, storageClass, client: known.client_id, objects: 0n, bytes: 0n };
    charges.push({ group, quantity: '0', cost: '0', change: 'removed' });
  }
  if (options.dryRun !== true) await writeCharges(client, rows, { stale: 'skip' });
  return charges.sort((a, b) => (a.group.client < b.group.client ? -1 : a.group.client > b.group.client ? 1 : 0));
}

interface Metadata {
  readonly account: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly storageClass: string;
  readonly bytes: string;
  readonly map: string;
  /** The map that took it back; with its own again it is charged again. */
  readonly replacedBy?: string;
}

function metadataOf(row: LedgerRow): Metadata | undefined {
  try {
    const value = JSON.parse(row.metadata) as Metadata;
    return typeof value.bucket === 'string' && /^\d+$/.test(value.bytes) ? value : undefined;
  } catch {
    return undefined;
  }
}

function rowOf(group: StoredGroup, { account, day, map, book }: ChargeOptions): LedgerRow {
  const { bucket, prefix, storageClass, client, bytes, objects } = group;
  const at = new Date(`${day}T00:00:00Z`);
  const sku = storageClass === 'STANDARD_IA' ? 'infrequent_access' : storageClass.toLowerCase();
  const quantity = gbMonths(bytes, day);
  // A class that R2 does not have must not get the standard price.
  const known = sku === 'standard' || sku === 'infrequent_access';
  const price = book.price({ service: SERVICE, operation: OPERATION, sku, unit: UNIT, quantity, at });
  const amount = known ? price.amount : undefined;
  const metadata = {
    account,
    bucket,
    prefix,
    storageClass,
    bytes: String(bytes),
    objects: String(objects),
    map: map.fingerprint(bucket),
  };
  return newCharge({
    usage_id: derivedUsageId(`${SERVICE}:storage:${account}/${bucket}/${prefix}:${storageClass}:${day}`, at),
    time: at.toISOString(),
    client_id: client,
    service: SERVICE,
    operation: OPERATION,
    sku,
    unit: UNIT,
    quantity,
    cost: amount ?? null,
    cost_source: amount === undefined ? 'unpriced' : 'price_book',
    unpriced_reason:
      amount !== undefined
        ? ''
        : known && price.amount === undefined
          ? price.reason
          : `R2 has no storage class ${storageClass}`,
    price_version: price.version,
    metadata: JSON.stringify(metadata),
  });
}
