import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { type Encoding, encoder } from './compression.ts';
import { ClickHouseError, ErrorCode, errorText } from './errors.ts';

const CONTENT_TYPES: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^JSON(Strings|Compact|CompactStrings|ColumnsWithMetadata|Columns|CompactColumns)?$/i,
    'application/json; charset=UTF-8',
  ],
  [/^(JSON.*EachRow.*|JSONLines|NDJSON)$/i, 'application/x-ndjson; charset=UTF-8'],
  [/^CSV/i, 'text/csv; charset=UTF-8; header=absent'],
  [/^(TabSeparated|TSV)/i, 'text/tab-separated-values; charset=UTF-8'],
  [/^(Native|RowBinary|Arrow|Parquet|ORC|MsgPack|Avro|BSON|Protobuf|CapnProto|Npy)/i, 'application/octet-stream'],
  [/^XML$/i, 'application/xml; charset=UTF-8'],
];

/** Media type of an output format, as ClickHouse names it. */
export function contentType(format: string): string {
  const type = CONTENT_TYPES.find(([pattern]) => pattern.test(format))?.[1] ?? 'text/plain; charset=UTF-8';
  return /WithNames/i.test(format) ? type.replace('header=absent', 'header=present') : type;
}

/** Figures of one query for the X-ClickHouse-Summary header. */
export interface Summary {
  readRows: number;
  readBytes: number;
  writtenRows: number;
  writtenBytes: number;
  resultRows: number;
  resultBytes: number;
}

export function emptySummary(): Summary {
  return { readRows: 0, readBytes: 0, writtenRows: 0, writtenBytes: 0, resultRows: 0, resultBytes: 0 };
}

/** Bytes held back before the headers go out, so that an early failure still gets its own status. */
const HOLD = 1024 * 1024;

/** An answer that is held back whole (`wait_end_of_query=1`) is in memory. */
const HOLD_ALL = 256 * 1024 * 1024;

/** A client that takes nothing of its answer for so long is gone, as far as anybody can tell, and its query's place is another's. */
const UNREAD_MS = 300_000;

const UNREAD = new Set([401, 403, 408, 413, 429]);

/** One HTTP answer: held back until it is sure, then streamed with back-pressure. */
export class Answer {
  readonly summary = emptySummary();
  readonly #response: ServerResponse;
  readonly #encoding: Encoding | undefined;
  readonly #version: string;
  readonly #holdAll: boolean;
  readonly #started = process.hrtime.bigint();
  readonly #tag = randomBytes(8).toString('hex');
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #sink: Writable | undefined;

  constructor(
    response: ServerResponse,
    options: { encoding: Encoding | undefined; version: string; holdAll: boolean },
  ) {
    this.#response = response;
    this.#encoding = options.encoding;
    this.#version = options.version;
    this.#holdAll = options.holdAll;
  }

  set format(name: string) {
    this.#response.setHeader('X-ClickHouse-Format', name);
    this.#response.setHeader('Content-Type', contentType(name));
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    this.summary.resultBytes += chunk.length;
    if (this.#sink === undefined) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > HOLD_ALL) {
        throw new ClickHouseError(
          ErrorCode.TOO_MANY_ROWS_OR_BYTES,
          `With wait_end_of_query=1 an answer may have ${HOLD_ALL} bytes; take it as it comes`,
        );
      }
      if (this.#heldBytes < HOLD || this.#holdAll) return;
      await this.#open(false);
    } else {
      await this.#push(chunk);
    }
  }

  async end(): Promise<void> {
    if (this.#sink === undefined) await this.#open(true);
    this.#sink!.end();
  }

  /** Tells the client of a failure: by status where the headers are not out, else inside the body as ClickHouse does. */
  fail(error: ClickHouseError): void {
    const text = errorText(error, this.#version);
    const response = this.#response;
    if (this.#sink === undefined) {
      if (response.headersSent || response.destroyed) return;
      response.removeHeader('X-ClickHouse-Format');
      response.setHeader('X-ClickHouse-Exception-Code', String(error.code));
      response.setHeader('X-ClickHouse-Summary', this.#summaryText());
      if (error.status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="ClickHouse server HTTP API"');
      // What is left of such a body is not worth reading.
      if (UNREAD.has(error.status)) response.setHeader('Connection', 'close');
      if (error.status === 429) response.setHeader('Retry-After', '60');
      response.writeHead(error.status, { 'Content-Type': 'text/plain; charset=UTF-8' });
      response.end(text);
      return;
    }
    const size = Buffer.byteLength(text);
    const block = `\r\n__exception__\r\n${this.#tag}\r\n${text}${size} ${this.#tag}\r\n__exception__\r\n`;
    this.#sink.end(error.code === ErrorCode.ABORTED ? undefined : block);
  }

  async #open(complete: boolean): Promise<void> {
    const response = this.#response;
    response.setHeader('X-ClickHouse-Summary', this.#summaryText());
    if (!complete) response.setHeader('X-ClickHouse-Exception-Tag', this.#tag);
    const encoding = this.#heldBytes > 0 ? this.#encoding : undefined;
    if (encoding !== undefined) {
      response.setHeader('Content-Encoding', encoding);
      const encode = encoder(encoding);
      encode.pipe(response);
      this.#sink = encode;
    } else {
      if (complete) response.setHeader('Content-Length', this.#heldBytes);
      this.#sink = response;
    }
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) await this.#push(chunk);
  }

  async #push(chunk: Uint8Array): Promise<void> {
    const sink = this.#sink!;
    if (sink.write(chunk) || this.#response.destroyed) return;
    const gone = new AbortController();
    const onClose = () => gone.abort();
    this.#response.once('close', onClose);
    const timer = setTimeout(() => this.#response.destroy(), UNREAD_MS);
    try {
      await once(sink, 'drain', { signal: gone.signal });
    } catch {
      // The client left; whoever produces the chunks sees it on the response.
    } finally {
      clearTimeout(timer);
      this.#response.removeListener('close', onClose);
    }
  }

  #summaryText(): string {
    const s = this.summary;
    return JSON.stringify({
      read_rows: String(s.readRows),
      read_bytes: String(s.readBytes),
      written_rows: String(s.writtenRows),
      written_bytes: String(s.writtenBytes),
      total_rows_to_read: String(s.readRows),
      result_rows: String(s.resultRows),
      result_bytes: String(s.resultBytes),
      elapsed_ns: String(process.hrtime.bigint() - this.#started),
    });
  }
}
