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
 * @param accounts whose messages and calls to look among: SIDs, of the login's own account or subaccounts of it, or `all` of them
 */
export function twilioSettler(client: ApiClient, accounts: readonly string[] | 'all'): Settler {
  let known: readonly string[] | undefined = accounts === 'all' ? undefined : accounts;
  return {
    services: ['twilio_sms', 'twilio_voice', 'twilio_phone'],
    costSources: ['price_book', 'estimated', 'unpriced', ''],
    canAsk: (row) => kindOf(row) !== undefined,
    async ask(rows) {
      known ??= await allAccounts(client);
      const answers = new Map<string, Answer>();
      for (const kind of KINDS) {
        const open = bySid(rows.filter((row) => kindOf(row) === kind));
        const take = (sid: string, thing: Json): void => {
          for (const row of open.get(sid) ?? []) {
            const end = kind.end(thing, row);
            answers.set(row.usage_id, end === undefined ? { kind: 'open' } : { kind: 'final', end });
          }
          open.delete(sid);
        };
        // Lists of all accounts first: one that is not in them would be asked for in each.
        if (open.size >= LIST_FROM) for (const account of known) await readLists(client, account, kind, open, take);
        for (const account of known) await askEach(client, account, kind, open, take);
        for (const row of [...open.values()].flat()) answers.set(row.usage_id, { kind: 'missing' });
      }
      return answers;
    },
  };
}

/** The login's own account and its subaccounts. */
async function allAccounts(client: ApiClient): Promise<string[]> {
  const found: string[] = [];
  for await (const page of twilioPages(client, '/2010-04-01/Accounts.json', 'accounts')) {
    for (const { sid } of page) if (typeof sid === 'string' && /^AC[0-9a-zA-Z]{32}$/.test(sid)) found.push(sid);
  }
  return found;
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

type Open = ReadonlyMap<string, readonly LedgerRow[]>;
type Take = (sid: string, thing: Json) => void;

/** Looks for charges in the account's lists of the time around them. */
async function readLists(client: ApiClient, account: string, kind: Kind, open: Open, take: Take): Promise<void> {
  if (open.size === 0) return;
  const { from, to } = around([...open.values()].flat());
  const path = `/2010-04-01/Accounts/${account}/${kind.path}.json`;
  let pages = 0;
  for await (const page of twilioPages(client, path, kind.key, {
    [`${kind.dateField}>`]: from,
    [`${kind.dateField}<`]: to,
  })) {
    for (const thing of page) if (typeof thing.sid === 'string' && open.has(thing.sid)) take(thing.sid, thing);
    pages += 1;
    // In an account with much other traffic the rest is had for less by asking one by one.
    if (open.size <= pages) return;
  }
}

/** Asks for each charge by itself. */
async function askEach(client: ApiClient, account: string, kind: Kind, open: Open, take: Take): Promise<void> {
  await Promise.all(
    [...open.keys()].map(async (sid) => {
      const thing = await client.find(`/2010-04-01/Accounts/${account}/${kind.path}/${sid}.json`);
      if (thing !== undefined) take(sid, thing);
    }),
  );
}
