import type { ClickHouseClient } from '@clickhouse/client';
import { checkClientId, QueryInputError } from './dates.ts';
import { type Row, select, text, textOrNull } from './run.ts';

/** A client's name and thresholds. Amounts are decimal strings; null means the default threshold. */
export interface ClientRecord {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  /** USD a month. */
  readonly monthlyWarning: string | null;
  readonly monthlyCritical: string | null;
  /** Rise over the previous month in percent. */
  readonly spikePercent: string | null;
  /** Rise over the previous month that is critical, in percent. */
  readonly spikeCriticalPercent: string | null;
  /** Projection in percent of the critical threshold that is an anomaly. */
  readonly anomalyPercent: string | null;
  /** Added to what is billed, in percent; null: none. */
  readonly marginPercent: string | null;
  /** USD added to a month's bill; null: none. */
  readonly marginFixed: string | null;
}

export interface ClientChange {
  readonly id: string;
  readonly name?: string | undefined;
  readonly active?: boolean | undefined;
  /** Null goes back to the default threshold. */
  readonly monthlyWarning?: string | null | undefined;
  readonly monthlyCritical?: string | null | undefined;
  readonly spikePercent?: string | null | undefined;
  readonly spikeCriticalPercent?: string | null | undefined;
  readonly anomalyPercent?: string | null | undefined;
  /** Null takes the margin away. */
  readonly marginPercent?: string | null | undefined;
  readonly marginFixed?: string | null | undefined;
}

/** Clients that have a row, by id; with `usedSince` (a day) also those without one that used anything since. */
export async function listClients(
  client: ClickHouseClient,
  options: { readonly usedSince?: string | undefined } = {},
): Promise<ClientRecord[]> {
  const known = await select(client, 'SELECT * FROM clients_current ORDER BY id');
  const records = known.map(record);
  if (options.usedSince === undefined) return records;
  const used = await select(
    client,
    "SELECT DISTINCT client_id AS id FROM usage_daily_current WHERE day >= {since:Date} AND client_id != 'unattributed'",
    { since: options.usedSince },
  );
  const ids = new Set(records.map(({ id }) => id));
  const others = used.map((row) => text(row, 'id')).filter((id) => !ids.has(id));
  return [...records, ...others.map(unnamed)].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Sets what `change` names and keeps the rest; makes the client when there is none. Returns the client after it.
 *
 * @throws QueryInputError on a threshold or id that cannot be used
 */
export async function setClient(client: ClickHouseClient, change: ClientChange): Promise<ClientRecord> {
  const id = checkClientId(change.id);
  const found = await select(client, 'SELECT * FROM clients_current WHERE id = {id:String}', { id });
  const before = found[0] === undefined ? unnamed(id) : record(found[0]);
  const after: ClientRecord = {
    id,
    name: change.name ?? before.name,
    active: change.active ?? before.active,
    monthlyWarning: threshold('warning', change.monthlyWarning, before.monthlyWarning, 16),
    monthlyCritical: threshold('critical', change.monthlyCritical, before.monthlyCritical, 16),
    spikePercent: threshold('spike', change.spikePercent, before.spikePercent, 7),
    spikeCriticalPercent: threshold('critical spike', change.spikeCriticalPercent, before.spikeCriticalPercent, 7),
    anomalyPercent: threshold('anomaly', change.anomalyPercent, before.anomalyPercent, 7),
    marginPercent: threshold('margin percent', change.marginPercent, before.marginPercent, 5, 4),
    marginFixed: threshold('fixed margin', change.marginFixed, before.marginFixed, 16),
  };
  const { monthlyWarning, monthlyCritical } = after;
  if (monthlyWarning !== null && monthlyCritical !== null && Number(monthlyWarning) > Number(monthlyCritical)) {
    throw new QueryInputError(`warning ${monthlyWarning} is above critical ${monthlyCritical}`);
  }
  const { spikePercent, spikeCriticalPercent } = after;
  if (spikePercent !== null && spikeCriticalPercent !== null && Number(spikePercent) > Number(spikeCriticalPercent)) {
    throw new QueryInputError(`spike ${spikePercent} is above critical spike ${spikeCriticalPercent}`);
  }
  await client.command({
    query: `INSERT INTO clients (id, name, active, monthly_warning, monthly_critical, spike_percent, spike_critical_percent, anomaly_percent,
        margin_percent, margin_fixed)
      SELECT {id:String}, {name:String}, {active:Bool}, toDecimal64OrNull({warning:String}, 2),
        toDecimal64OrNull({critical:String}, 2), toDecimal32OrNull({spike:String}, 2),
        toDecimal32OrNull({spikeCritical:String}, 2), toDecimal32OrNull({anomaly:String}, 2),
        toDecimal32OrNull({marginPercent:String}, 4), toDecimal64OrNull({marginFixed:String}, 2)`,
    query_params: {
      id,
      name: after.name,
      active: after.active,
      warning: monthlyWarning ?? '',
      critical: monthlyCritical ?? '',
      spike: after.spikePercent ?? '',
      spikeCritical: after.spikeCriticalPercent ?? '',
      anomaly: after.anomalyPercent ?? '',
      marginPercent: after.marginPercent ?? '',
      marginFixed: after.marginFixed ?? '',
    },
  });
  return after;
}

function threshold(
  what: string,
  value: string | null | undefined,
  before: string | null,
  digits: number,
  decimals = 2,
): string | null {
  if (value === undefined) return before;
  if (value === null) return null;
  const [whole = '', fraction = ''] = value.split('.');
  if (!/^\d+(\.\d+)?$/.test(value) || whole.length > digits || fraction.length > decimals) {
    throw new QueryInputError(`${what} ${JSON.stringify(value)}: expected an amount like 50 or 99.50`);
  }
  return value;
}

function unnamed(id: string): ClientRecord {
  return {
    id,
    name: '',
    active: true,
    monthlyWarning: null,
    monthlyCritical: null,
    spikePercent: null,
    spikeCriticalPercent: null,
    anomalyPercent: null,
    marginPercent: null,
    marginFixed: null,
  };
}

function record(row: Row): ClientRecord {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    active: row.active === true || row.active === 1,
    monthlyWarning: textOrNull(row, 'monthly_warning'),
    monthlyCritical: textOrNull(row, 'monthly_critical'),
    spikePercent: textOrNull(row, 'spike_percent'),
    spikeCriticalPercent: textOrNull(row, 'spike_critical_percent'),
    anomalyPercent: textOrNull(row, 'anomaly_percent'),
    marginPercent: textOrNull(row, 'margin_percent'),
    marginFixed: textOrNull(row, 'margin_fixed'),
  };
}
