/**
 * ClickHouse errors and their HTTP statuses. Codes: src/Common/ErrorCodes.cpp; statuses: exceptionCodeToHTTPStatus
 * in src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse 26.
 */
export const ErrorCode = {
  BAD_ARGUMENTS: 36,
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_SETTING: 115,
  INCORRECT_DATA: 117,
  READONLY: 164,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  INTO_OUTFILE_NOT_ALLOWED: 358,
  SESSION_NOT_FOUND: 372,
  SESSION_IS_LOCKED: 373,
  INVALID_SESSION_TIMEOUT: 374,
  CANNOT_DECOMPRESS: 271,
  QUERY_WAS_CANCELLED: 394,
  HTTP_LENGTH_REQUIRED: 381,
  SOCKET_TIMEOUT: 209,
  TOO_MANY_ROWS_OR_BYTES: 396,
  QUERY_IS_TOO_LARGE: 223,
  ACCESS_DENIED: 497,
  AUTHENTICATION_FAILED: 516,
  ABORTED: 236,
  UNKNOWN_EXCEPTION: 1002,
} as const;

const BAD_REQUEST = new Set([
  6, 10, 17, 18, 25, 26, 27, 36, 38, 41, 42, 43, 49, 53, 62, 69, 70, 72, 117, 122, 168, 177, 178, 179, 190, 223, 321,
  367, 374, 376, 427, 441, 467,
]);
const NOT_FOUND = new Set([46, 47, 50, 56, 60, 63, 73, 75, 80, 81, 115, 141, 372, 511]);
const FORBIDDEN = new Set([192, 193, 516, 512]);

/** HTTP status for a ClickHouse error code. */
export function httpStatus(code: number): number {
  if (FORBIDDEN.has(code)) return 403;
  if (NOT_FOUND.has(code)) return 404;
  switch (code) {
    case ErrorCode.QUERY_IS_TOO_LARGE:
      return 413;
    case ErrorCode.NOT_IMPLEMENTED:
      return 501;
    case ErrorCode.HTTP_LENGTH_REQUIRED:
      return 411;
    case ErrorCode.TOO_MANY_SIMULTANEOUS_QUERIES:
    case ErrorCode.SOCKET_TIMEOUT:
    case 76: // CANNOT_OPEN_FILE
    case 439: // CANNOT_SCHEDULE_TASK
      return 503;
    case 159: // TIMEOUT_EXCEEDED
      return 408;
    case 194: // REQUIRED_PASSWORD
      return 401;
  }
  return BAD_REQUEST.has(code) ? 400 : 500;
}

/** An error that ClickHouse itself would give: code, name and text. */
export class ClickHouseError extends Error {
  readonly code: number;
  readonly status: number;
  constructor(code: number, message: string, status = httpStatus(code)) {
    super(message);
    this.name = 'ClickHouseError';
    this.code = code;
    this.status = status;
  }
}

const NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

/** The error as the body of an HTTP answer: `Code: 62. DB::Exception: … (SYNTAX_ERROR) (version 26.7.2.1)`. */
export function errorText(error: ClickHouseError, version: string): string {
  const text = error.message;
  const head = /^Code: \d+\. DB::Exception: /.test(text) ? text : `Code: ${error.code}. DB::Exception: ${text}`;
  const name = NAMES.get(error.code);
  const named = name === undefined || /\([A-Z_0-9]+\)\s*$/.test(head) ? head : `${head} (${name})`;
  return `${named.trimEnd()} (version ${version})\n`;
}

/** Reads the code out of what the engine threw; the outermost one, as the server reports it. */
export function fromEngine(thrown: unknown): ClickHouseError {
  if (thrown instanceof ClickHouseError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const code = /^Code: (\d+)\. DB::(?:\w+)?Exception: /.exec(text)?.[1];
  if (code === undefined) return new ClickHouseError(ErrorCode.UNKNOWN_EXCEPTION, text);
  return new ClickHouseError(Number(code), unwrap(text));
}

/** The engine's client part wraps some errors in a second, equal head: `Code: 27. DB::Exception: Code: 27. DB::Exception: …`. */
function unwrap(text: string): string {
  const twice = /^(Code: (\d+)\. DB::(?:\w+)?Exception: )Code: \2\. DB::(?:\w+)?Exception: /.exec(text);
  if (twice === null) return text;
  return (twice[1] + text.slice(twice[0].length)).replace(/ \(version [\d.]+\)\. \(\w+\)\s*$/, '');
}
