import { type CallEnd, callEnd, messageEnd, messagePhase, recordingEnd } from '@client-cost/instrumentation/ledger';
import type { LedgerRow } from '../corrections/index.ts';
import { type ApiClient, type Json, twilioPages } from '../provider-api/index.ts';
import type { Answer, Settler } from './types.ts';
import { around } from './window.ts';

/** One kind of thing that Twilio prices. */
interface Kind {
  /** Beginnings of its SIDs. */
  readonly prefixes: readonly string[];
  /** The list in paths and answers. */
  readonly path: string;
  readonly key: string;
  /** What a list is narrowed by. */
  readonly dateField: string;
  end(thing: Json, row: LedgerRow): CallEnd | undefined;
}

/** Below this many charges one request each is cheaper than reading lists. */
const LIST_FROM = 20;

const KINDS: readonly Kind[] = [
  {
    prefixes: ['SM', 'MM'],
    path: 'Messages',
    key: 'messages',
    dateField: 'DateSent',
    end: (thing, row) => {
      // By the unit: the application may have given the operation a name of its own.
      const about = { sku: row.sku, channel: row.unit === 'message' && row.sku !== 'failed' };
      const report = {
        status: thing.status,
        price: thing.price,
        priceUnit: thing.price_unit,
        numSegments: thing.num_segments,
        numMedia: thing.num_media,
        errorCode: thing.error_code,
      };
      // Segments without a price are not the end of it; a failed message's fee is in no price of its own.
      if (messagePhase(thing.status) === 'carried' && !hasPrice(thing)) return undefined;
      return messageEnd(report, about);
    },
  },
  {
    prefixes: ['CA'],
    path: 'Calls',
    key: 'calls',
    dateField: 'StartTime',
    end: (thing, row) => {
      if (thing.status === 'completed' && !hasPrice(thing)) return undefined;
      const report = {
        status: thing.status,
        seconds: thing.duration,
        price: thing.price,
        priceUnit: thing.price_unit,
      };
      return callEnd(report, { sku: row.sku });
    },
  },
  {
    prefixes: ['RE'],
    path: 'Recordings',
    key: 'recordings',
    dateField: 'DateCreated',
    end: (thing) => {
      if (thing.status === 'completed' && !hasPrice(thing)) return undefined;
      const report = {
        status: thing.status,
        seconds: thing.duration,
        price: thing.price,
        priceUnit: thing.price_unit,
      };
      return recordingEnd(report);
    },
  },
];

const hasPrice = (thing: Json): boolean => typeof thing.price === 'string' && /\d/.test(thing.price);

/**
 * Twilio's price of each message, call and recording (`price`, carrier fees included; null until it is known, up to 24 hours).
 *
 * @param accounts whose messages and calls to look among, one after the other: the login's own, or subaccounts of it
 */
export function twilioSettler(client: ApiClient, accounts: readonly string[]): Settler {
  return {
    services: ['twilio_sms', 'twilio_voice', 'twilio_phone'],
    costSources: ['price_book', 'estimated', 'unpriced', ''],
    canAsk: (row) => kindOf(row) !== undefined,
    async ask(rows) {
      const answers = new Map<string, Answer>();
      for (const kind of KINDS) {
        const mine = rows.filter((row) => kindOf(row) === kind);
        let open: ReadonlyMap<string, LedgerRow[]> = bySid(mine);
        for (const account of accounts) {
          if (open.size === 0) break;
          open = await askAccount(client, account, kind, open, answers);
        }
        for (const row of [...open.values()].flat()) answers.set(row.usage_id, { kind: 'missing' });
      }
      return answers;
    },
  };
}

function kindOf(row: LedgerRow): Kind | undefined {
  const sid = row.external_id;
  return /^[A-Z]{2}[0-9a-zA-Z]{32}$/.test(sid)
    ? KINDS.find(({ prefixes }) => prefixes.includes(sid.slice(0, 2)))
    : undefined;
}

/** Several charges of one SID would be a fault elsewhere; each gets the same answer. */
function bySid(rows: readonly LedgerRow[]): Map<string, LedgerRow[]> {
  const found = new Map<string, LedgerRow[]>();
  for (const row of rows) found.set(row.external_id, [...(found.get(row.external_id) ?? []), row]);
  return found;
}

/** Asks one account; what it does not know is returned. */
async function askAccount(
  client: ApiClient,
  account: string,
  kind: Kind,
  wanted: ReadonlyMap<string, LedgerRow[]>,
  answers: Map<string, Answer>,
): Promise<Map<string, LedgerRow[]>> {
  const open = new Map(wanted);
  const base = `/2010-04-01/Accounts/${account}/${kind.path}`;
  const take = (sid: string, thing: Json): void => {
    for (const row of open.get(sid) ?? []) {
      const end = kind.end(thing, row);
      answers.set(row.usage_id, end === undefined ? { kind: 'open' } : { kind: 'final', end });
    }
    open.delete(sid);
  };
  if (open.size >= LIST_FROM) {
    const { from, to } = around([...open.values()].flat());
    let pages = 0;
    const query = { [`${kind.dateField}>`]: from, [`${kind.dateField}<`]: to };
    for await (const page of twilioPages(client, `${base}.json`, kind.key, query)) {
      for (const thing of page) if (typeof thing.sid === 'string' && open.has(thing.sid)) take(thing.sid, thing);
      pages += 1;
      // In an account with much other traffic the rest is had for less by asking one by one.
      if (open.size <= pages) break;
    }
  }
  await Promise.all(
    [...open.keys()].map(async (sid) => {
      const thing = await client.find(`${base}/${sid}.json`);
      if (thing !== undefined) take(sid, thing);
    }),
  );
  return open;
}
