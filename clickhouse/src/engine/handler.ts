import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Answer } from './answer.ts';
import { credentials } from './auth.ts';
import { Body, UploadFile } from './body.ts';
import { negotiate } from './compression.ts';
import type { Connection } from './connection.ts';
import { ClickHouseError, ErrorCode, fromEngine } from './errors.ts';
import { Guesses } from './guesses.ts';
import { helloBlock, isHello } from './hello.ts';
import { analyzeInsert, type InsertHead } from './insert.ts';
import { formParams, type RequestParams, readForm, readParams } from './params.ts';
import type { Runtime } from './runtime.ts';
import { outline } from './sql.ts';
import { checkStatement, inNameOf, isRead, isStreamable } from './statement.ts';
import type { EngineUser } from './types.ts';

/** As much of a request as is read before it must be clear whether it is an INSERT: ClickHouse's max_query_size. */
const HEAD_BYTES = 256 * 1024;

/** Longest query that is not rows: 60 times what ClickHouse parses by default. */
const QUERY_BYTES = 16 * 1024 * 1024;

/** Seconds that a readonly user's query gets, and may ask for: as the reading user has it on a server. */
const READ_SECONDS = 60;
const MAX_READ_SECONDS = 300;

/** One engine per process. */
const guesses = new Guesses();

/** Answers one HTTP request of the ClickHouse interface; every failure becomes an answer. */
export async function handle(runtime: Runtime, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams: url } = new URL(request.url ?? '/', 'http://localhost');
  const queryId = url.get('query_id') || randomUUID();
  // A header cannot carry every query id a URL can.
  response.setHeader('X-ClickHouse-Query-Id', queryId.replace(/[^\x20-\x7e]/g, '?'));
  response.setHeader('X-ClickHouse-Server-Display-Name', runtime.displayName);
  response.setHeader('X-ClickHouse-Timezone', runtime.timezone);

  const plain = (status: number, text: string) =>
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8' }).end(text);
  if (pathname === '/ping' || pathname === '/replicas_status') return void plain(200, 'Ok.\n');
  if (pathname !== '/') {
    return void plain(404, `There is no handle ${pathname.slice(0, 200)}\n\nUse / or /ping.\n`);
  }
  if (request.method === 'OPTIONS') return void response.writeHead(204, { Allow: 'GET, HEAD, POST, OPTIONS' }).end();
  if (request.method !== 'GET' && request.method !== 'POST' && request.method !== 'HEAD') {
    return void plain(501, `Method ${request.method} is not supported; use GET or POST.\n`);
  }
  if (request.method !== 'POST' && url.get('query') === null) return void plain(200, 'Ok.\n');

  const answer = new Answer(response, {
    encoding:
      url.get('enable_http_compression') === '0'
        ? undefined
        : negotiate(String(request.headers['accept-encoding'] ?? '')),
    version: runtime.version,
    holdAll: url.get('wait_end_of_query') === '1',
  });
  let release: (() => void) | undefined;
  let user: EngineUser | undefined;
  try {
    user = logIn(runtime, request, url);
    const params = limitTime(readParams(url, request.headers, request.method), user);
    refuseBlockCompression(params);
    release = runtime.enter();
    await run(runtime, { request, response, answer, user, params });
  } catch (error) {
    const failure = fromEngine(error);
    const message = user === undefined ? failure.message : inNameOf(user, failure.message);
    answer.fail(new ClickHouseError(failure.code, message, failure.status));
  } finally {
    release?.();
  }
}

/** @throws ClickHouseError 516: wrong (401, 403), or guessed too often (429) */
function logIn(runtime: Runtime, request: IncomingMessage, url: URLSearchParams): EngineUser {
  const address = request.socket.remoteAddress ?? '';
  const { name, password } = credentials(request.headers, url);
  if (!guesses.mayTry(address, name, password)) {
    throw new ClickHouseError(
      ErrorCode.AUTHENTICATION_FAILED,
      'Too many failed logins from this address; try again in a minute',
      429,
    );
  }
  try {
    const user = runtime.accounts.authenticate(request.headers, url);
    guesses.succeeded(address, name, password);
    return user;
  } catch (error) {
    guesses.failed(address);
    throw error;
  }
}

/** A readonly user's queries end: after what the request asks for, at most {@link MAX_READ_SECONDS}. */
function limitTime(params: RequestParams, user: EngineUser): RequestParams {
  if (user.readonly !== true) return params;
  const asked = Number(params.settings.get('max_execution_time') ?? READ_SECONDS);
  // 0 is "without end"; what is no number the engine refuses itself.
  if (Number.isNaN(asked) || (asked > 0 && asked <= MAX_READ_SECONDS && params.settings.has('max_execution_time'))) {
    return params;
  }
  const seconds = asked > 0 ? Math.min(asked, MAX_READ_SECONDS) : MAX_READ_SECONDS;
  return { ...params, settings: new Map([...params.settings, ['max_execution_time', String(seconds)]]) };
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly answer: Answer;
  readonly user: EngineUser;
  readonly params: RequestParams;
}

async function run(runtime: Runtime, given: Call): Promise<void> {
  const body = new Body(given.request, runtime.maxBodyBytes);
  const type = given.request.headers['content-type'] ?? '';
  const call = /^multipart\/form-data/i.test(type)
    ? { ...given, params: formParams(given.params, await readForm(await body.rest([], QUERY_BYTES), type)) }
    : given;
  const { params, answer, user } = call;
  let text: Buffer = params.query === '' ? Buffer.alloc(0) : Buffer.from(`${params.query}\n`);
  let complete = false;
  let insert = analyzeInsert(text, complete);
  while (insert.kind === 'incomplete') {
    const part = text.length > HEAD_BYTES ? undefined : await body.next();
    complete = part === undefined;
    if (part !== undefined) text = text.length === 0 ? part : Buffer.concat([text, part]);
    insert = analyzeInsert(text, complete);
  }
  if (insert.kind === 'rows') return insertRows(runtime, call, body, text, insert.head);
  if (insert.kind === 'input') {
    throw new ClickHouseError(
      ErrorCode.NOT_IMPLEMENTED,
      'INSERT … SELECT … FROM input(…) is not supported by the embedded engine; insert the rows as they are and transform them with a materialized view',
    );
  }
  text = await body.rest([text], QUERY_BYTES);
  if (text.toString('latin1').trim() === '')
    throw new ClickHouseError(ErrorCode.SYNTAX_ERROR, 'Syntax error: Empty query');

  const statement = outline(text);
  checkStatement(statement, user, false);
  const format = params.defaultFormat ?? 'TabSeparated';
  const sql = text.toString('utf8');
  if (params.protocolVersion > 0 && isHello(sql)) {
    answer.format = 'Native';
    const server = { name: runtime.displayName, version: runtime.version, timezone: runtime.timezone };
    await answer.write(helloBlock(server, params.protocolVersion));
    return answer.end();
  }
  const session = await runtime.open(user, params);
  // A write goes on without its client, as on a server; nobody waits for a read that nobody will see.
  const stopWatching = isRead(statement) ? watch(call, () => session.cancel()) : () => undefined;
  try {
    const connection = session.connection;
    const written = statement.format ?? format;
    answer.format = written;
    if (isStreamable(statement, written, sql, params)) await stream(connection, call, sql, format);
    else await single(connection, answer, sql, format);
  } finally {
    stopWatching();
    await session.close();
  }
  // Only now: who has the answer may send the next query of the session.
  await answer.end();
}

async function stream(connection: Connection, call: Call, sql: string, format: string): Promise<void> {
  for await (const chunk of connection.stream(sql, format)) {
    if (call.response.destroyed) return; // Leaving the loop cancels the query.
    call.answer.summary.resultRows += chunk.numRows;
    call.answer.summary.readRows += chunk.numRows;
    call.answer.summary.readBytes += chunk.bytes.length;
    await call.answer.write(chunk.bytes);
  }
}

async function single(connection: Connection, answer: Answer, sql: string, format: string): Promise<void> {
  const done = await connection.query(sql, format);
  answer.summary.readRows = done.readRows;
  answer.summary.readBytes = done.readBytes;
  await answer.write(done.bytes);
}

/** INSERT with rows in the request: the rows go to a file and the engine reads them from there, byte for byte. */
async function insertRows(runtime: Runtime, call: Call, body: Body, text: Buffer, head: InsertHead): Promise<void> {
  const before = text.subarray(0, head.source);
  const outlineOfHead = outline(before);
  checkStatement(outlineOfHead, call.user, true);
  const session = await runtime.open(call.user, call.params);
  const upload = new UploadFile(join(runtime.uploads, `${randomUUID()}.rows`));
  try {
    const first = text.subarray(head.data);
    // The engine stops reading VALUES at a semicolon; what follows must not be lost in silence.
    if (head.format.toLowerCase() === 'values' && first.length <= HEAD_BYTES && outline(first).several) {
      throw new ClickHouseError(
        ErrorCode.SYNTAX_ERROR,
        'Cannot read data after semicolon (Multi-statements are not allowed)',
      );
    }
    upload.write(first);
    for (let part = await body.next(); part !== undefined; part = await body.next()) upload.write(part);
    upload.finish();
    const settings = text.subarray(head.settings[0], head.settings[1]).toString('utf8');
    const path = upload.path.replace(/[\\']/g, '\\$&');
    const sql = `${before.toString('utf8')} FROM INFILE '${path}' COMPRESSION 'none' ${settings} FORMAT ${head.format}`;
    const done = await session.connection.insert(sql, Buffer.alloc(0));
    const { readRows, readBytes, writtenRows, writtenBytes } = done;
    Object.assign(call.answer.summary, { readRows, readBytes, writtenRows, writtenBytes });
  } catch (error) {
    const failure = fromEngine(error);
    throw new ClickHouseError(failure.code, failure.message.replaceAll(upload.path, 'request body'), failure.status);
  } finally {
    upload.remove();
    await session.close();
  }
  await call.answer.end();
}

function refuseBlockCompression(params: RequestParams): void {
  if (!params.compress && !params.decompress) return;
  throw new ClickHouseError(
    ErrorCode.NOT_IMPLEMENTED,
    'The embedded engine does not know ClickHouse block compression (compress=1, decompress=1). ' +
      'Set the client to no compression or to gzip (clickhouse-go and the Collector: compress=none or compress=gzip)',
  );
}

/** Calls `left` when the client goes away before it has its answer. */
function watch(call: Call, left: () => void): () => void {
  const onClose = () => {
    if (!call.response.writableFinished) left();
  };
  call.response.once('close', onClose);
  return () => call.response.removeListener('close', onClose);
}
