import type { State } from './state.ts';
import type { Resource } from './types.ts';
import { TwilioError } from './wire.ts';

interface Item {
  readonly category: string;
  readonly day: string;
  readonly count: number;
  readonly usage: number;
  /** Pico-USD. */
  readonly price: bigint;
}

const UNITS: Readonly<Record<string, [description: string, countUnit: string, usageUnit: string]>> = {
  'sms-outbound': ['Outbound SMS', 'messages', 'segments'],
  'sms-inbound': ['Inbound SMS', 'messages', 'segments'],
  'mms-outbound': ['Outbound MMS', 'messages', 'messages'],
  'mms-inbound': ['Inbound MMS', 'messages', 'messages'],
  'calls-outbound': ['Outbound Voice Minutes', 'calls', 'minutes'],
  'calls-inbound': ['Inbound Voice Minutes', 'calls', 'minutes'],
  recordings: ['Recordings', 'recordings', 'minutes'],
  phonenumbers: ['Phone Numbers', 'numbers', 'numbers'],
};
const PARENTS: Readonly<Record<string, readonly string[]>> = {
  sms: ['sms-outbound', 'sms-inbound'],
  mms: ['mms-outbound', 'mms-inbound'],
  calls: ['calls-outbound', 'calls-inbound'],
  totalprice: Object.keys(UNITS),
};

/** GET Usage/Records[/Daily|/Monthly|/AllTime].json: sums of what the account holds, by category and time. */
export function usageRecords(
  state: State,
  accountSid: string,
  by: string | undefined,
  query: URLSearchParams,
): object[] {
  const category = query.get('Category');
  if (category !== null && !(category in UNITS) && !(category in PARENTS)) {
    throw new TwilioError(400, 20001, `Invalid Category: ${category}`);
  }
  const start = query.get('StartDate') ?? '2000-01-01';
  const end = query.get('EndDate') ?? new Date().toISOString().slice(0, 10);
  for (const date of [start, end]) {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new TwilioError(400, 20001, `Invalid date: ${date}`);
  }
  const items = itemsOf(state, accountSid).filter((item) => item.day >= start && item.day <= end);
  const spans = spansOf(items, start, end, by);
  const wanted = category === null ? [...Object.keys(UNITS), ...Object.keys(PARENTS)] : [category];
  return spans.flatMap(([from, to]) =>
    wanted.map((name) =>
      record(
        accountSid,
        name,
        from,
        to,
        items.filter((item) => item.day >= from && item.day <= to),
      ),
    ),
  );
}

function spansOf(items: readonly Item[], start: string, end: string, by: string | undefined): [string, string][] {
  if (by === 'Daily') return [...new Set(items.map((item) => item.day))].sort().map((day) => [day, day]);
  if (by === 'Monthly') {
    const months = [...new Set(items.map((item) => item.day.slice(0, 7)))].sort();
    return months.map((month) => {
      const last = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 0)).toISOString().slice(0, 10);
      return [`${month}-01` < start ? start : `${month}-01`, last > end ? end : last];
    });
  }
  if (by === undefined || by === 'AllTime') return [[start, end]];
  throw new TwilioError(404, 20404);
}

function record(accountSid: string, category: string, from: string, to: string, all: readonly Item[]): object {
  const categories = PARENTS[category] ?? [category];
  const items = all.filter((item) => categories.includes(item.category));
  const [description, countUnit, usageUnit] =
    UNITS[categories.length === 1 ? categories[0]! : ''] ?? UNITS[categories[0]!]!;
  const price = items.reduce((sum, item) => sum + item.price, 0n);
  const digits = price.toString().padStart(13, '0');
  return {
    account_sid: accountSid,
    api_version: '2010-04-01',
    as_of: new Date().toISOString().replace(/\.\d+Z/, '+00:00'),
    category,
    count: String(items.reduce((sum, item) => sum + item.count, 0)),
    count_unit: countUnit,
    description: category === 'totalprice' ? 'Total Price' : description,
    start_date: from,
    end_date: to,
    price: `${digits.slice(0, -12)}.${digits.slice(-12).replace(/0+$/, '') || '0'}`,
    price_unit: 'usd',
    subresource_uris: {},
    uri: `/2010-04-01/Accounts/${accountSid}/Usage/Records.json?Category=${category}&StartDate=${from}&EndDate=${to}`,
    usage: String(items.reduce((sum, item) => sum + item.usage, 0)),
    usage_unit: category === 'totalprice' ? 'usd' : usageUnit,
  };
}

function itemsOf(state: State, accountSid: string): Item[] {
  const own = (map: ReadonlyMap<string, Resource>) =>
    [...map.values()].filter((item) => item.account_sid === accountSid);
  const way = (item: Resource) => (item.direction === 'inbound' ? 'inbound' : 'outbound');
  return [
    ...own(state.messages)
      .filter((item) => item.status !== 'canceled' && item.status !== 'scheduled')
      .map((item) => {
        const mms = Number(item.num_media) > 0;
        return itemOf(
          item,
          `${mms ? 'mms' : 'sms'}-${way(item)}`,
          mms ? 1 : Number(item.num_segments),
          item.date_sent ?? item.date_created,
        );
      }),
    ...own(state.calls)
      .filter((item) => item.end_time !== null)
      .map((item) => itemOf(item, `calls-${way(item)}`, Math.ceil(Number(item.duration) / 60), item.start_time)),
    ...own(state.recordings).map((item) =>
      itemOf(item, 'recordings', Math.ceil(Math.max(0, Number(item.duration)) / 60), item.date_created),
    ),
    ...own(state.numbers).map((item) =>
      itemOf(
        { ...item, price: /^\+18(?:00|33|44|55|66|77|88)/.test(String(item.phone_number)) ? '2.15' : '1.15' },
        'phonenumbers',
        1,
        item.date_created,
      ),
    ),
  ];
}

function itemOf(resource: Resource, category: string, usage: number, at: unknown): Item {
  const price = resource.price === null ? 0n : pico(String(resource.price).replace('-', ''));
  return { category, day: new Date(String(at)).toISOString().slice(0, 10), count: 1, usage, price };
}

function pico(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(12, '0').slice(0, 12));
}
