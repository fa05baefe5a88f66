import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';

/*
 * Spool files as the exporter's documents describe them, written and read by code of this suite's own: a line is a kind, the CRC-32 of the
 * payload seeded with the kind as 8 hex digits, the payload, a newline.
 */

export const lineOf = (kind: 'E' | 'H', payload: Buffer | string): Buffer => {
  const bytes = Buffer.from(payload);
  const sum = crc32(bytes, kind.charCodeAt(0)).toString(16).padStart(8, '0');
  return Buffer.concat([Buffer.from(`${kind}${sum}`), bytes, Buffer.from('\n')]);
};

/** Payloads of the event lines that are whole and have the right checksum, each with the offset of its line. */
export function intact(bytes: Buffer): { readonly at: number; readonly payload: string }[] {
  const found: { at: number; payload: string }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    if (end === -1) break;
    const sum = bytes.toString('latin1', at + 1, at + 9);
    const payload = bytes.subarray(at + 9, end);
    const right =
      end - at > 9 && bytes[at] === 69 && /^[0-9a-f]{8}$/.test(sum) && crc32(payload, 69) === Number.parseInt(sum, 16);
    if (right) found.push({ at, payload: payload.toString() });
    at = end + 1;
  }
  return found;
}

let made = 0;
/** An event's payload, unlike any other of this process. */
export const eventPayload = (pad = ''): string =>
  `{"timeUnixNano":"1763900000000000000","eventName":"client_cost.usage","attributes":[{"key":"usage.id","value":{"stringValue":"fuzz-${++made}${pad}"}}]}`;
export const HEADER_LINE =
  '{"resource":{"attributes":[]},"scope":{"name":"@client-cost/instrumentation","version":"1"}}';

/** Payloads with a right checksum that are no event all the same: what a writer with a bug, or an unlikely accident, would leave. */
const ODD_PAYLOADS = [
  'null',
  '1',
  '"text"',
  '[]',
  '{}',
  '{"attributes":null}',
  '{"attributes":7}',
  '{"attributes":[null]}',
  '{"timeUnixNano":"x"}',
  '{"attributes":[{"key":"usage.id"}]}',
  '{',
  '}',
  ']}',
  '\ufffd',
  'x',
  `${'['.repeat(20_000)}`,
  '{"timeUnixNano":"99999999999999999999999"}',
];
const ODD_HEADERS = [
  'null',
  '1',
  '{}',
  '[]',
  '"text"',
  '{',
  'x',
  '{"resource":null}',
  '{"resource":{"attributes":7},"scope":7}',
  '{"scope":{"name":{}}}',
];

type Piece = { readonly kind: string; readonly n: number };

const pieces: fc.Arbitrary<Piece> = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('event') },
    { weight: 2, arbitrary: fc.constant('header') },
    fc.constantFrom(
      'odd event',
      'odd header',
      'garbage',
      'long garbage',
      'long event',
      'no newline',
      'empty',
      'wrong sum',
      'upper',
      'twice',
      'zeros',
    ),
  ),
  n: fc.nat({ max: 1000 }),
});

function pieceBytes({ kind, n }: Piece): Buffer {
  switch (kind) {
    case 'event':
      return lineOf('E', eventPayload());
    case 'header':
      return lineOf('H', HEADER_LINE);
    case 'odd event':
      return lineOf('E', ODD_PAYLOADS[n % ODD_PAYLOADS.length]!);
    case 'odd header':
      return lineOf('H', ODD_HEADERS[n % ODD_HEADERS.length]!);
    case 'garbage':
      return Buffer.from(Array.from({ length: n % 40 }, (_, i) => (i * 7 + n) % 256));
    case 'long garbage':
      return Buffer.from(`${'x'.repeat(n * 200)}\n`);
    case 'long event':
      return lineOf('E', eventPayload('y'.repeat(n * 200)));
    case 'no newline':
      return lineOf('E', eventPayload()).subarray(0, -1);
    case 'empty':
      return Buffer.from('\n\n');
    case 'wrong sum':
      return Buffer.from(`E${'0'.repeat(8)}${eventPayload()}\n`);
    case 'upper':
      return Buffer.from(
        lineOf('E', eventPayload())
          .toString()
          .replace(/^E(.{8})/, (_, sum: string) => `E${sum.toUpperCase()}`),
      );
    case 'twice': {
      const line = lineOf('E', eventPayload());
      return Buffer.concat([line, line]);
    }
    default:
      return Buffer.alloc(n);
  }
}

const hits = fc.array(
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.constantFrom('flip', 'flip', 'cut', 'insert', 'truncate')),
  { maxLength: 3 },
);

export interface SpoolFile {
  readonly name: string;
  readonly pieces: readonly Piece[];
  readonly hits: readonly (readonly [number, number, string])[];
  /** `none`, or how its `.ack` is. */
  readonly ack: string;
  readonly as: string;
}

/** One file of a spool folder: pieces, damage, its acknowledgement, what it is. */
export const spoolFiles: fc.Arbitrary<SpoolFile> = fc.record({
  name: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 20 }).map((n) => `${String(n).padStart(8, '0')}.seg`) },
    fc.constantFrom(
      '0.seg',
      '1.seg',
      '000000000000000000000001.seg',
      '99999999999999999999.seg',
      '1e3.seg',
      '-1.seg',
      '1.SEG',
      '1.seg.bak',
      '1.tmp',
      'é.seg',
      '\n.seg',
      '1.ack',
      'rejected.jsonl',
    ),
  ),
  pieces: fc.array(pieces, { maxLength: 12 }),
  hits: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, hits),
  ack: fc.constantFrom(
    'none',
    'none',
    'none',
    'garbage',
    'line',
    'inside',
    'beyond',
    'negative',
    'directory',
    'empty',
    'huge',
  ),
  as: fc.oneof(
    { weight: 20, arbitrary: fc.constant('file') },
    fc.constantFrom('directory', 'dangling', 'loop', 'link', 'unreadable'),
  ),
});

export function fileBytes({ pieces: parts, hits: damage }: SpoolFile): Buffer {
  let bytes = Buffer.concat(parts.map(pieceBytes));
  for (const [where, mask, how] of damage) {
    if (bytes.length === 0) break;
    const at = where % bytes.length;
    if (how === 'flip') bytes[at]! ^= mask;
    else if (how === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + mask)]);
    else if (how === 'insert')
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(mask, mask), bytes.subarray(at)]);
    else if (mask > 128) bytes = bytes.subarray(0, at);
  }
  return bytes;
}

/**
 * Lays the file down.
 * @returns events that must be sent, and all that may be: of what a right acknowledgement covers, nobody can know
 */
export function layDown(folder: string, file: SpoolFile): { readonly must: string[]; readonly may: string[] } {
  const path = join(folder, file.name);
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return { must: [], may: [] };
  const bytes = fileBytes(file);
  try {
    if (file.as === 'directory') mkdirSync(path);
    else if (file.as === 'dangling') symlinkSync(join(folder, 'nothing'), path);
    else if (file.as === 'loop') symlinkSync(path, path);
    else if (file.as === 'link') {
      writeFileSync(`${path}.target`, bytes);
      symlinkSync(`${path}.target`, path);
    } else writeFileSync(path, bytes, { mode: file.as === 'unreadable' ? 0 : 0o600 });
  } catch {
    return { must: [], may: [] };
  }
  const events = intact(bytes);
  const may = events.map(({ payload }) => payload);
  if (!/^\d+\.seg$/.test(file.name) || !['file', 'link'].includes(file.as)) return { must: [], may };
  const ack = path.replace('.seg', '.ack');
  const middle = events[events.length >> 1]?.at ?? 0;
  const offsets: Record<string, number> = {
    line: middle,
    inside: middle + 3,
    beyond: bytes.length + 100,
    negative: -5,
    huge: 2 ** 60,
  };
  let from = 0;
  if (file.ack === 'directory') mkdirSync(ack, { recursive: true });
  else if (file.ack === 'garbage') writeFileSync(ack, 'H00000000000000000000005\n');
  else if (file.ack === 'empty') writeFileSync(ack, '');
  else if (file.ack in offsets) {
    const offset = offsets[file.ack]!;
    writeFileSync(ack, lineOf('H', String(offset).padStart(15, '0')));
    // One that says something impossible, a place inside a line, says nothing.
    if (file.ack === 'line' || (file.ack === 'inside' && (offset === 0 || bytes[offset - 1] === 10))) from = offset;
  }
  // A link is not what a spool writes: it may be read or left.
  if (file.as === 'link') return { must: [], may };
  return { must: events.filter(({ at }) => at >= from).map(({ payload }) => payload), may };
}

/** A stand-in of the Collector's receiver: what it took, event by event, as it came. It answers 400 to what is no OTLP/JSON, as the real one does. */
export class Receiver {
  readonly taken = new Set<string>();
  /** Not what an exporter may send. */
  readonly odd: string[] = [];
  requests = 0;
  private server: Server | undefined;

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.requests++;
        const status = this.read(Buffer.concat(chunks).toString());
        response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => this.server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  private read(body: string): number {
    let records: unknown[];
    try {
      const { resourceLogs } = JSON.parse(body) as {
        resourceLogs: { resource: unknown; scopeLogs: { scope: unknown; logRecords: unknown[] }[] }[];
      };
      for (const { resource, scopeLogs } of resourceLogs)
        if (!plain(resource) || scopeLogs.some(({ scope }) => !plain(scope))) return 400;
      records = resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));
    } catch {
      return 400;
    }
    if (!records.every(isRecord)) return 400;
    for (const record of records) this.taken.add(JSON.stringify(record));
    return 200;
  }
}

const plain = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    listed(value as { attributes?: unknown }) &&
    typeof ((value as { name?: unknown }).name ?? '') === 'string');
const listed = ({ attributes }: { attributes?: unknown }): boolean =>
  attributes === undefined ||
  (Array.isArray(attributes) && attributes.every((one) => typeof one === 'object' && one !== null));
const isRecord = (record: unknown): boolean => {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return false;
  const { timeUnixNano } = record as { timeUnixNano?: unknown };
  return listed(record) && (timeUnixNano === undefined || /^\d{1,20}$/.test(String(timeUnixNano)));
};

/** Payloads that the exporter set aside because they were refused. */
export function setAside(root: string): string {
  const path = join(root, 'rejected.jsonl');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Names under a folder, the whole tree. */
export const tree = (root: string): string[] => readdirSync(root, { recursive: true }) as string[];
