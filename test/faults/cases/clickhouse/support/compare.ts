import {
  type Charge,
  changePercent,
  daysIn,
  dollars,
  figures,
  groups,
  type Model,
  monthAfter,
  units,
} from './model.ts';

/** Runs a query; decimals come as texts. */
export type Query = <T = Record<string, unknown>>(sql: string) => Promise<T[]>;

type Cell = string | bigint | undefined;
/** Rows as texts: the same rows give the same texts, whatever their order. */
type Rows = Cell[][];

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** What one report must say, and how to ask for it. */
interface Report {
  readonly name: string;
  readonly sql: string;
  readonly expected: Rows;
}

const SERVICES: Readonly<Record<string, string>> = {
  openai: 'openai_cost',
  twilio_sms: 'twilio_sms_cost',
  twilio_voice: 'twilio_voice_cost',
  twilio_phone: 'twilio_phone_cost',
  stripe: 'stripe_cost',
  google_places: 'google_places_cost',
  cloudflare_r2: 'storage_cost',
};
const COLUMNS = [...Object.values(SERVICES), 'other_cost'];

/** The columns that months and periods share, of one client. */
function summary(charges: readonly Charge[]): Cell[] {
  const of = (test: (charge: Charge) => boolean) => figures(charges.filter(test));
  const all = figures(charges);
  const byColumn = COLUMNS.map((column) => of(({ service }) => (SERVICES[service] ?? 'other_cost') === column).cost);
  return [
    ...byColumn,
    all.cost,
    all.requests,
    all.errors,
    all.inputTokens,
    all.outputTokens,
    of(({ service }) => service === 'twilio_sms').quantity,
    of(({ provider }) => provider !== '').requests,
    of(({ service }) => service === 'openai').requests,
    of(({ service }) => service === 'twilio_voice').quantity,
    all.unpriced,
    all.estimated,
  ];
}
const d = (column: string): string => `toString(toDecimal128(${column}, 12)) AS u_${column}`;
const SUMMARY = [
  ...COLUMNS.map(d),
  d('total_cost'),
  ...['requests', 'errors', 'input_tokens', 'output_tokens'],
  d('total_messages'),
  ...['total_ai_calls', 'openai_calls'],
  d('total_voice_minutes'),
  ...['unpriced_requests', 'estimated_requests'],
].join(', ');

function ledger(charges: readonly Charge[]): Report {
  return {
    name: 'usage_events_current',
    sql: `SELECT toString(usage_id) AS id, version, toString(toUnixTimestamp64Nano(time)) AS nanos, client_id, service, operation, provider, model, unit, sku,
        toString(quantity) AS u_quantity, if(cost IS NULL, '', toString(cost)) AS u_cost, currency, cost_source, outcome FROM usage_events_current`,
    expected: charges.map((c) => [
      ...[c.id, c.version, c.nanos, c.client, c.service, c.operation, c.provider, c.model, c.unit, c.sku],
      ...[c.quantity, c.cost, c.currency, c.source, c.outcome],
    ]),
  };
}

function daily(charges: readonly Charge[]): Report {
  const by = (c: Charge) => [c.day, c.client, c.service, c.operation, c.provider, c.model, c.unit];
  return {
    name: 'usage_daily_current',
    sql: `SELECT toString(day), client_id, service, operation, provider, model, unit, requests, errors, input_tokens, output_tokens,
        ${d('quantity')}, ${d('cost')}, unpriced_requests, estimated_requests FROM usage_daily_current`,
    expected: [...groups(charges, by)].map(([key, group]) => {
      const f = figures(group);
      const counts = [f.requests, f.errors, f.inputTokens, f.outputTokens];
      return [...(JSON.parse(key) as string[]), ...counts, f.quantity, f.cost, f.unpriced, f.estimated];
    }),
  };
}

function monthly(charges: readonly Charge[]): Report {
  const by = groups(charges, (c) => [c.day.slice(0, 7), c.client]);
  return {
    name: 'usage_monthly',
    sql: `SELECT month, client_id, ${SUMMARY}, if(previous_month_cost IS NULL, '', toString(previous_month_cost)) AS u_previous,
        if(cost_change_percent IS NULL, '', toString(toInt64(round(cost_change_percent)))) FROM usage_monthly`,
    expected: [...by].map(([key, group]) => {
      const [month, client] = JSON.parse(key) as [string, string];
      const before = by.get(JSON.stringify([monthAfter(month, -1), client]));
      const previous = before === undefined ? undefined : figures(before).cost;
      return [month, client, ...summary(group), previous, changePercent(figures(group).cost, previous)];
    }),
  };
}

function period(charges: readonly Charge[], from: string, to: string): Report {
  const within = charges.filter(({ day }) => day >= from && day <= to);
  return {
    name: `period_summary ${from} to ${to}`,
    sql: `SELECT client_id, ${SUMMARY} FROM period_summary(first_day = '${from}', last_day = '${to}')`,
    expected: [...groups(within, (c) => [c.client])].map(([key, group]) => [
      (JSON.parse(key) as string[])[0]!,
      ...summary(group),
    ]),
  };
}

function clientUsage(charges: readonly Charge[], client: string, from: string, to: string): Report {
  const within = charges.filter((c) => c.client === client && c.day >= from && c.day <= to);
  const rows = (section: string, by: (c: Charge) => string[]): Rows =>
    [...groups(within, by)].map(([key, group]) => {
      const f = figures(group);
      const counts = [f.requests, f.errors, f.inputTokens, f.outputTokens];
      return [section, ...(JSON.parse(key) as string[]), ...counts, f.cost, f.unpriced, f.estimated];
    });
  const none = '1970-01-01';
  const empty: Cell[] = ['total', '', none, '', '', '', 0n, 0n, 0n, 0n, 0n, 0n, 0n];
  return {
    name: `client_usage ${client} ${from} to ${to}`,
    sql: `SELECT section, service, toString(day), operation, provider, model, requests, errors, input_tokens, output_tokens, ${d('cost')},
        unpriced_requests, estimated_requests FROM client_usage(client_id = ${quote(client)}, first_day = '${from}', last_day = '${to}')`,
    expected: [
      ...(within.length === 0 ? [empty] : rows('total', () => ['', none, '', '', ''])),
      ...rows('service', (c) => [c.service, none, '', '', '']),
      ...rows('day', (c) => ['', c.day, '', '', '']),
      ...rows('operation', (c) => [c.service, none, c.operation, '', '']),
      ...rows('model', (c) => [c.service, none, '', c.provider, c.model]),
    ],
  };
}

/** Rounded to 10⁻¹², halves away from zero. */
const divided = (amount: bigint, by: bigint): bigint => (amount * 2n + by) / (by * 2n);

function currentMonth(charges: readonly Charge[], asOf: string): Report {
  const month = asOf.slice(0, 7);
  const within = charges.filter(({ day }) => day.startsWith(month) && day <= asOf);
  const [passed, all] = [BigInt(asOf.slice(8)), daysIn(month)];
  return {
    name: `current_month ${asOf}`,
    sql: `SELECT client_id, month, ${d('cost')}, day_of_month, days_in_month, days_remaining, ${d('daily_average')}, ${d('projected_cost')}, requests,
        unpriced_requests, estimated_requests FROM current_month(as_of = '${asOf}')`,
    expected: [...groups(within, (c) => [c.client])].map(([key, group]) => {
      const f = figures(group);
      const [client] = JSON.parse(key) as [string];
      const projected = [divided(f.cost, passed), divided(f.cost * all, passed)];
      return [client, month, f.cost, passed, all, all - passed, ...projected, f.requests, f.unpriced, f.estimated];
    }),
  };
}

function bill(charges: readonly Charge[], client: string, month: string): Report {
  const within = charges.filter((c) => c.client === client && c.day.startsWith(month));
  const cents = (amount: bigint): bigint => ((amount + 5_000_000_000n) / 10_000_000_000n) * 10_000_000_000n;
  const row = (section: string, key: string[], group: readonly Charge[], total: bigint | undefined): Cell[] => {
    const f = figures(group);
    return [section, ...key, f.requests, f.quantity, f.inputTokens, f.outputTokens, f.cost, f.cost, f.unpriced, total];
  };
  const lines = groups(within, (c) => [c.service, c.operation, c.sku || c.model, c.unit]);
  return {
    name: `client_bill ${client} ${month}`,
    sql: `SELECT section, service, operation, item, unit, requests, ${d('quantity')}, input_tokens, output_tokens, ${d('list_cost')}, ${d('billed_cost')},
        unpriced_requests, if(total IS NULL, '', toString(total)) AS u_total FROM client_bill(client_id = ${quote(client)}, month = '${month}')`,
    expected: [
      row('total', ['', '', '', ''], within, cents(within.reduce((sum, c) => sum + dollars(c), 0n))),
      ...[...lines].map(([key, group]) => row('line', JSON.parse(key) as string[], group, undefined)),
    ],
  };
}

export interface Asked {
  readonly clients: readonly string[];
  readonly months: readonly string[];
  readonly periods: readonly (readonly [from: string, to: string])[];
  readonly asOf: readonly string[];
  /** Default true. */
  readonly monthly?: boolean;
  /** A batch that was refused may have left its rejected events all the same, and leaves them again. */
  readonly rejectedAtLeast?: boolean;
}

/** Every report that must say what the model says; `asked`: for the ones with parameters. */
export function reports(model: Model, asked: Asked): Report[] {
  const charges = model.charges();
  return [
    ledger(charges),
    daily(charges),
    ...(asked.monthly === false ? [] : [monthly(charges)]),
    ...asked.periods.map(([from, to]) => period(charges, from, to)),
    ...asked.asOf.map((day) => currentMonth(charges, day)),
    ...asked.clients.flatMap((client) => [
      ...asked.periods.map(([from, to]) => clientUsage(charges, client, from, to)),
      ...asked.months.map((month) => bill(charges, client, month)),
    ]),
  ];
}

/** No report but the ledger and its days, of which all others are made. */
export const FEW: Asked = { monthly: false, clients: [], months: [], periods: [], asOf: [] };

/** Where a report does not say what the model says, in words; at most three rows of each. */
export async function differences(query: Query, model: Model, asked: Asked): Promise<string[]> {
  const words: string[] = [];
  for (const { name, sql, expected } of reports(model, asked)) {
    const cells = (row: Cell[]) => JSON.stringify(row.map((cell) => (cell === undefined ? '' : String(cell))));
    const want = expected.map(cells).sort();
    // Amounts are compared as whole numbers of 10⁻¹², whatever zeros they are printed with.
    const got = (await query(sql))
      .map((row) =>
        cells(
          Object.entries(row).map(([key, value]) =>
            /^u_|\.u_/.test(key) && value !== '' ? units(String(value), 30) : String(value),
          ),
        ),
      )
      .sort();
    const more = minus(got, want);
    const less = minus(want, got);
    if (more.length + less.length === 0) continue;
    words.push(
      `${name}: ${less.length} of ${want.length} rows missing, ${more.length} too many: ` +
        [...less.slice(0, 3).map((row) => `- ${row}`), ...more.slice(0, 3).map((row) => `+ ${row}`)].join(' '),
    );
  }
  const [row] = await query<{ n: number }>('SELECT count() AS n FROM usage_events_rejected');
  const fewer = row!.n < model.rejected;
  if (fewer || (row!.n > model.rejected && asked.rejectedAtLeast !== true)) {
    words.push(`usage_events_rejected: ${row!.n} rows, ${model.rejected} were sent`);
  }
  return words;
}

/** Of two sorted lists: what the second lacks, as often as it lacks it. */
function minus(from: readonly string[], these: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const item of these) left.set(item, (left.get(item) ?? 0) + 1);
  return from.filter((item) => {
    const count = left.get(item) ?? 0;
    left.set(item, count - 1);
    return count <= 0;
  });
}
