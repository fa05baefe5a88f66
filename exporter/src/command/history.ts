import fs from 'node:fs';
import { join } from 'node:path';
import { UNKNOWN_HEADER } from '../record.ts';
import type { Acknowledged } from '../spool/ack.ts';
import { readAcks } from '../spool/ack.ts';
import { parseFolderName } from '../spool/identity.ts';
import { ACK, decodeLine, EVENT, HEADER } from '../spool/line.ts';
import { namesIn } from '../spool/root.ts';
import { ackPathOf, Sent } from '../spool/sent.ts';
import type { BatchLimits } from '../types.ts';

/** Events that share a header. */
export interface Run {
  readonly header: string;
  readonly records: Uint8Array[];
}

/** Epoch milliseconds, both included. */
export interface Span {
  readonly since: number;
  readonly until: number;
}

/**
 * What was acknowledged within the time, as far as it is kept: in the folders of processes, living ones too, and in `sent`. Reads only. Where the
 * time of an acknowledgement is not known exactly it is rather given than left out. Folders come first: what a process moves away
 * meanwhile is then found in `sent`.
 */
export function* acknowledged(root: string, span: Span, limits: BatchLimits): Generator<Run> {
  for (const name of namesIn(root)) {
    if (parseFolderName(name) === undefined) continue;
    for (const file of namesIn(join(root, name)).filter((found) => found.endsWith('.seg'))) {
      const path = join(root, name, file);
      yield* runs(path, readAcks(ackPathOf(path), path), undefined, span, limits);
    }
  }
  for (const name of namesIn(root).filter((found) => found.endsWith('.damaged'))) {
    const path = join(root, name);
    yield* runs(path, [], { first: Number.NEGATIVE_INFINITY, last: changedAt(path) }, span, limits);
  }
  const sent = new Sent(root, { keepMs: 0, keepBytes: 0 });
  for (const { name, at, common } of sent.files()) {
    const path = join(sent.path, name);
    const rest = { first: at, last: at };
    yield* runs(path, common ? [] : sent.acks(name), common ? undefined : rest, span, limits);
  }
}

interface Times {
  readonly first: number;
  readonly last: number;
}

/** @param rest when what lies behind the last acknowledgement was acknowledged; undefined: it was not, unless the file says so itself */
function* runs(
  path: string,
  acks: readonly Acknowledged[],
  rest: Times | undefined,
  { since, until }: Span,
  { maxEvents, maxBytes }: BatchLimits,
): Generator<Run> {
  const bytes = readOrNothing(path);
  let header: string | undefined;
  let records: Uint8Array[] = [];
  let size = 0;
  let next = 0;
  let own: Times | undefined;
  for (let at = 0, line = decodeLine(bytes, 0); line !== undefined; at = line.end, line = decodeLine(bytes, at)) {
    if (line.kind === ACK) {
      const [first, last] = Buffer.from(line.payload).toString().split(' ').map(Number);
      own = { first: first ?? 0, last: last ?? Number.POSITIVE_INFINITY };
    }
    if (line.kind === HEADER) {
      if (records.length > 0) yield { header: header ?? UNKNOWN_HEADER, records };
      [records, size] = [[], 0];
      header = Buffer.from(line.payload).toString();
    }
    if (line.kind !== EVENT) continue;
    while (next < acks.length && acks[next]!.offset < line.end) next++;
    const ack = acks[next];
    const times = ack === undefined ? (own ?? rest) : { first: ack.at, last: ack.at };
    if (times === undefined || times.last < since || times.first > until) continue;
    if (records.length > 0 && (records.length >= maxEvents || size + line.payload.length > maxBytes)) {
      yield { header: header ?? UNKNOWN_HEADER, records };
      [records, size] = [[], 0];
    }
    records.push(line.payload);
    size += line.payload.length;
  }
  if (records.length > 0) yield { header: header ?? UNKNOWN_HEADER, records };
}

function readOrNothing(path: string): Buffer {
  try {
    return fs.readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function changedAt(path: string): number {
  try {
    return fs.statSync(path).ctimeMs;
  } catch {
    return 0;
  }
}
