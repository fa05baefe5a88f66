import { formatAmount, parseAmount } from '@client-cost/instrumentation/ledger';
import { type ApiClient, type Json, twilioPages } from '../provider-api/index.ts';
import type { Period } from '../queries/index.ts';
import { readAmount } from './amount.ts';
import type { Bill, BillLine } from './types.ts';

/** Twilio's categories overlap: `sms` is `sms-inbound` and `sms-outbound`. Only these tops are added up. */
const TOPS: Readonly<Record<string, string>> = {
  sms: 'twilio_sms',
  mms: 'twilio_sms',
  'failed-message-processing-fee': 'twilio_sms',
  calls: 'twilio_voice',
  recordings: 'twilio_voice',
  phonenumbers: 'twilio_phone',
};
/** What a top consists of, where Twilio says the parts and not the whole. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  sms: ['sms-inbound', 'sms-outbound'],
  mms: ['mms-inbound', 'mms-outbound'],
  calls: ['calls-inbound', 'calls-outbound', 'calls-client', 'calls-sip'],
};
/** In a message's own price, and a category beside (in older accounts within) its top. */
const CARRIER_FEES: Readonly<Record<string, string>> = {
  sms: 'sms-messages-carrierfees',
  mms: 'mms-messages-carrierfees',
};

/**
 * A month of Usage Records, as Twilio bills it. Its days are UTC (GMT).
 * @param accounts the login's own account (with its subaccounts), or those given, each by itself
 */
export async function twilioBill(
  client: ApiClient,
  period: Period,
  accounts: readonly string[] | undefined,
  own: string,
): Promise<Bill> {
  const records = new Map<string, { price: bigint; currency: string }>();
  for (const account of accounts ?? [own]) {
    const query = {
      StartDate: period.from,
      EndDate: period.to,
      // An account's figures hold those of its subaccounts: with several accounts they would count twice.
      IncludeSubaccounts: accounts === undefined,
    };
    for await (const page of twilioPages(
      client,
      `/2010-04-01/Accounts/${account}/Usage/Records.json`,
      'usage_records',
      query,
    )) {
      for (const record of page) add(records, record);
    }
  }
  return billOf(records);
}

function add(records: Map<string, { price: bigint; currency: string }>, record: Json): void {
  const { category, price, price_unit: unit } = record;
  const said = readAmount(price);
  if (typeof category !== 'string' || said === undefined) return;
  const known = records.get(category);
  records.set(category, {
    price: (known?.price ?? 0n) + said,
    currency: typeof unit === 'string' ? unit.toUpperCase() : 'USD',
  });
}

function billOf(records: ReadonlyMap<string, { price: bigint; currency: string }>): Bill {
  const price = (category: string): bigint => records.get(category)?.price ?? 0n;
  const sum = (categories: readonly string[]): bigint => categories.reduce((rest, one) => rest + price(one), 0n);
  const currency = [...records.values()][0]?.currency ?? 'USD';
  const lines: BillLine[] = [];
  const notes: string[] = [];
  const line = (service: string, item: string, amount: bigint): void => {
    if (amount !== 0n) lines.push({ service, item, amount: formatAmount(amount), currency });
  };
  for (const [top, service] of Object.entries(TOPS)) {
    const parts = PARTS[top] ?? [];
    line(service, top, records.has(top) ? price(top) : sum(parts));
    const fees = CARRIER_FEES[top];
    if (fees === undefined) continue;
    const within = price(fees) !== 0n && records.has(top) && price(top) === sum([...parts, fees]);
    if (!within) line(service, fees, price(fees));
  }
  if (records.has('totalprice')) {
    const mapped = lines.reduce((rest, { amount }) => rest + parseAmount(amount), 0n);
    const other = price('totalprice') - mapped;
    if (other >= 0n) line('twilio_other', 'everything else in totalprice', other);
    else notes.push(`Twilio's categories add up to ${formatAmount(-other)} ${currency} more than its totalprice`);
  }
  return { lines, notes };
}
