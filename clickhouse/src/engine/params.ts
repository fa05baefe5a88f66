import type { IncomingHttpHeaders } from 'node:http';
import { ClickHouseError, ErrorCode } from './errors.ts';

/** The parts of a request's URL that are not a setting. */
const RESERVED = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'user',
  'password',
  'role',
  'quota_key',
  'stacktrace',
  'compress',
  'decompress',
  'buffer_size',
  'wait_end_of_query',
  'client_protocol_version',
  'close_session',
  // Decided by this HTTP layer, not by the engine.
  'enable_http_compression',
  'http_zlib_compression_level',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'add_http_cors_header',
  'cancel_http_readonly_queries_on_client_close',
]);

export interface RequestParams {
  readonly query: string;
  readonly database: string | undefined;
  readonly defaultFormat: string | undefined;
  readonly queryId: string | undefined;
  readonly sessionId: string | undefined;
  readonly sessionTimeout: number;
  readonly sessionCheck: boolean;
  readonly compress: boolean;
  readonly decompress: boolean;
  readonly httpCompression: boolean;
  readonly waitEndOfQuery: boolean;
  readonly protocolVersion: number;
  /** GET and HEAD may not change anything. */
  readonly readOnlyMethod: boolean;
  /** Settings of this query, name → value as text. */
  readonly settings: ReadonlyMap<string, string>;
  /** Server-side parameters, name → value as text. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a request's URL and headers. @throws ClickHouseError for a name that can be no setting. */
export function readParams(url: URLSearchParams, headers: IncomingHttpHeaders, method = 'POST'): RequestParams {
  if (url.get('role')) {
    throw new ClickHouseError(ErrorCode.NOT_IMPLEMENTED, 'The embedded engine lets no request choose a role (role=…)');
  }
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of url) {
    if (RESERVED.has(name)) continue;
    if (name.startsWith('param_')) {
      const parameter = name.slice('param_'.length);
      checkName(parameter, `Query parameter ${JSON.stringify(parameter.slice(0, 100))} is not a name`);
      parameters.set(parameter, value);
    } else {
      checkName(name, `Unknown setting ${JSON.stringify(name.slice(0, 100))}`);
      settings.set(name, value);
    }
  }
  return {
    query: url.get('query') ?? '',
    database: url.get('database') || header(headers, 'x-clickhouse-database') || undefined,
    defaultFormat: url.get('default_format') || header(headers, 'x-clickhouse-format') || undefined,
    queryId: url.get('query_id') || undefined,
    sessionId: url.get('session_id') || undefined,
    sessionTimeout: sessionTimeout(url.get('session_timeout')),
    sessionCheck: flag(url.get('session_check')),
    compress: flag(url.get('compress')),
    decompress: flag(url.get('decompress')),
    // The engine's default is on (26.x): an answer is compressed when the client accepts it.
    httpCompression: url.has('enable_http_compression') ? flag(url.get('enable_http_compression')) : true,
    waitEndOfQuery: flag(url.get('wait_end_of_query')),
    protocolVersion: Number(url.get('client_protocol_version') ?? 0) || 0,
    readOnlyMethod: method === 'GET' || method === 'HEAD',
    settings,
    parameters,
  };
}

function checkName(name: string, message: string): void {
  // Anything else could end the SET statement that carries it.
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new ClickHouseError(ErrorCode.UNKNOWN_SETTING, message);
}

function sessionTimeout(text: string | null): number {
  if (text === null || text === '') return 60;
  const seconds = Number(text);
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= 3600) return seconds;
  throw new ClickHouseError(
    ErrorCode.INVALID_SESSION_TIMEOUT,
    `Invalid session timeout: '${text.slice(0, 50)}' (1 to 3600 seconds)`,
    400,
  );
}

function flag(text: string | null): boolean {
  return text === '1' || text === 'true';
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Reads a multipart body, in which clients send long parameters. @throws ClickHouseError for a broken one. */
export async function readForm(body: Buffer, contentType: string): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(body), { headers: { 'Content-Type': contentType } }).formData();
  } catch (error) {
    throw new ClickHouseError(ErrorCode.INCORRECT_DATA, `Cannot read the multipart body: ${(error as Error).message}`);
  }
}

/** The request's parameters with those of its form: `query` and `param_*`. @throws ClickHouseError 48 for external tables. */
export function formParams(params: RequestParams, form: FormData): RequestParams {
  const parameters = new Map(params.parameters);
  let query = params.query;
  for (const [name, value] of form) {
    if (typeof value === 'string' && name === 'query') query = query === '' ? value : `${query}\n${value}`;
    else if (typeof value === 'string' && name.startsWith('param_')) {
      const parameter = name.slice('param_'.length);
      checkName(parameter, `Query parameter ${JSON.stringify(parameter.slice(0, 100))} is not a name`);
      parameters.set(parameter, value);
    } else {
      throw new ClickHouseError(
        ErrorCode.NOT_IMPLEMENTED,
        `External tables are not supported by the embedded engine (part ${JSON.stringify(name.slice(0, 100))} of the form)`,
      );
    }
  }
  return { ...params, query, parameters };
}
