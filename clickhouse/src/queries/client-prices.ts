import type { ClickHouseClient } from '@clickhouse/client';
import { checkClientId, checkDay, QueryInputError } from './dates.ts';
import { type Row, select, text, textOrNull } from './run.ts';

/** A price of one client's own, for bills only. Empty texts mean any. Prices are decimal text in USD, at most 12 decimals. */
export interface ClientPrice {
  readonly clientId: string;
  readonly service: string;
  readonly operation: string;
  readonly unit: string;
  readonly sku: string;
  readonly model: string;
  /** First day (UTC); null: since ever. */
  readonly from: string | null;
  /** The day it no longer holds; null: until further notice. */
  readonly to: string | null;
  /** For `usage.quantity` units. */
  readonly usdPerUnit: string | null;
  /** For all input tokens, cached ones too. */
  readonly usdPerMillionInput: string | null;
  readonly usdPerMillionOutput: string | null;
}

export type ClientPriceKey = Pick<ClientPrice, 'clientId' | 'service'> &
  Partial<Pick<ClientPrice, 'operation' | 'unit' | 'sku' | 'model' | 'from'>>;

const EVER = '1970-01-01';
const NEVER = '2149-06-06';

/**
 * Sets a price; one of the same client, service, operation, unit, SKU, model and first day is replaced.
 *
 * @throws QueryInputError on a value that cannot be used
 */
export async function setClientPrice(
  client: ClickHouseClient,
  price: ClientPriceKey & Partial<ClientPrice>,
): Promise<ClientPrice> {
  const key = keyOf(price);
  const to = price.to == null ? NEVER : checkDay('to', price.to);
  if (key.from >= to)
    throw new QueryInputError(`from ${key.from} is not before to ${to}: the last day is the one before "to"`);
  const perUnit = amount('per unit', price.usdPerUnit);
  const input = amount('per million input tokens', price.usdPerMillionInput);
  const output = amount('per million output tokens', price.usdPerMillionOutput);
  if (perUnit === '' && input === '' && output === '') {
    throw new QueryInputError('a price is needed: per unit, or per million input and output tokens');
  }
  if (perUnit !== '' && (input !== '' || output !== '')) {
    throw new QueryInputError('a price per unit and one per token exclude each other');
  }
  if (perUnit === '' && (input === '' || output === '')) {
    throw new QueryInputError(
      'prices per token come in two: per million input and per million output tokens (0 where one is free)',
    );
  }
  await write(client, { ...key, to, perUnit, input, output, deleted: 0 });
  return {
    ...key,
    from: key.from === EVER ? null : key.from,
    to: to === NEVER ? null : to,
    usdPerUnit: perUnit || null,
    usdPerMillionInput: input || null,
    usdPerMillionOutput: output || null,
  };
}

/** Takes a price back; resolves with whether there was one. Bills of past months change with it: end it with `to` to keep them. */
export async function removeClientPrice(client: ClickHouseClient, which: ClientPriceKey): Promise<boolean> {
  const key = keyOf(which);
  const before = await listClientPrices(client, key.clientId);
  const found = before.some(
    (price) =>
      price.service === key.service &&
      price.operation === key.operation &&
      price.unit === key.unit &&
      price.sku === key.sku &&
      price.model === key.model &&
      (price.from ?? EVER) === key.from,
  );
  if (found) await write(client, { ...key, to: NEVER, perUnit: '', input: '', output: '', deleted: 1 });
  return found;
}

/** The prices of one client, or of all. */
export async function listClientPrices(client: ClickHouseClient, clientId?: string): Promise<ClientPrice[]> {
  const rows = await select(
    client,
    `SELECT client_id, service, operation, unit, sku, model, toString(valid_from) AS valid_from, toString(valid_to) AS valid_to,
       usd_per_unit, usd_per_million_input, usd_per_million_output
     FROM client_prices FINAL WHERE is_deleted = 0 ${clientId === undefined ? '' : 'AND client_id = {clientId:String}'}
     ORDER BY client_id, service, operation, unit, sku, model, valid_from`,
    clientId === undefined ? {} : { clientId: checkClientId(clientId) },
  );
  return rows.map(clientPrice);
}

interface Key {
  readonly clientId: string;
  readonly service: string;
  readonly operation: string;
  readonly unit: string;
  readonly sku: string;
  readonly model: string;
  readonly from: string;
}

function keyOf(price: ClientPriceKey): Key {
  if (price.service.trim() === '') throw new QueryInputError('service: expected a name such as twilio_sms');
  const name = (value: string | undefined): string => (value ?? '').trim();
  if (name(price.sku) !== '' && name(price.model) !== '') throw new QueryInputError('sku and model exclude each other');
  return {
    clientId: checkClientId(price.clientId),
    service: price.service.trim(),
    operation: name(price.operation),
    unit: name(price.unit),
    sku: name(price.sku),
    model: name(price.model),
    from: price.from == null ? EVER : checkDay('from', price.from),
  };
}

function amount(what: string, value: string | null | undefined): string {
  if (value == null) return '';
  if (/^\d{1,9}(\.\d{1,12})?$/.test(value)) return value;
  throw new QueryInputError(
    `price ${what} ${JSON.stringify(value)}: expected an amount like 0.0085, with at most 12 decimals`,
  );
}

async function write(
  client: ClickHouseClient,
  row: Key & { to: string; perUnit: string; input: string; output: string; deleted: number },
): Promise<void> {
  await client.command({
    query: `INSERT INTO client_prices (client_id, service, operation, unit, sku, model, valid_from, valid_to, usd_per_unit,
        usd_per_million_input, usd_per_million_output, is_deleted)
      SELECT {clientId:String}, {service:String}, {operation:String}, {unit:String}, {sku:String}, {model:String}, {from:Date}, {to:Date},
        toDecimal128OrNull({perUnit:String}, 12), toDecimal128OrNull({input:String}, 12), toDecimal128OrNull({output:String}, 12),
        {deleted:UInt8}`,
    query_params: { ...row },
  });
}

function clientPrice(row: Row): ClientPrice {
  const [from, to] = [text(row, 'valid_from'), text(row, 'valid_to')];
  return {
    clientId: text(row, 'client_id'),
    service: text(row, 'service'),
    operation: text(row, 'operation'),
    unit: text(row, 'unit'),
    sku: text(row, 'sku'),
    model: text(row, 'model'),
    from: from === EVER ? null : from,
    to: to === NEVER ? null : to,
    usdPerUnit: textOrNull(row, 'usd_per_unit'),
    usdPerMillionInput: textOrNull(row, 'usd_per_million_input'),
    usdPerMillionOutput: textOrNull(row, 'usd_per_million_output'),
  };
}
