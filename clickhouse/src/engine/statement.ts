import { ClickHouseError, ErrorCode } from './errors.ts';
import type { RequestParams } from './params.ts';
import type { Statement } from './sql.ts';
import type { EngineUser } from './types.ts';

const SELECTS = new Set(['SELECT', 'WITH', '(']);
const READS = new Set([...SELECTS, 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS', 'CHECK']);
const VIEW_ADJECTIVES = new Set(['OR', 'REPLACE', 'MATERIALIZED', 'LIVE', 'WINDOW', 'TEMPORARY']);
const ACCESS_ENTITIES = new Set(['USER', 'ROLE', 'QUOTA', 'PROFILE', 'ROW', 'POLICY', 'SETTINGS', 'MASKING']);

/**
 * Formats whose answer may be joined from blocks formatted one by one, which is what the engine streams. In others each
 * block would bring its own header, footer or brackets: those are answered whole, from memory.
 */
const BLOCKWISE =
  /^(Native|RowBinary|JSONEachRow|JSONStringsEachRow|JSONCompactEachRow|JSONCompactStringsEachRow|JSONLines|NDJSON|CSV|TSV|TSVRaw|TabSeparated|TabSeparatedRaw|TSKV|LineAsString|MsgPack|Null)$/i;
const NOT_BLOCKWISE = /\bTOTALS\b|\bextremes\b|output_format_json_array_of_rows|output_format_write_statistics/i;

/** Whether the answer can be sent while it is computed. */
export function isStreamable(statement: Statement, format: string, sql: string, params: RequestParams): boolean {
  if (!SELECTS.has(statement.keyword) || !BLOCKWISE.test(format) || NOT_BLOCKWISE.test(sql)) return false;
  return ![...params.settings.keys()].some((name) => NOT_BLOCKWISE.test(name));
}

/** Whether the statement only reads, so that it may be cancelled when its client leaves. */
export function isRead(statement: Statement): boolean {
  return READS.has(statement.keyword);
}

/** Refuses what a server would refuse, or what this engine cannot do, with the reason. */
export function checkStatement(statement: Statement, user: EngineUser, hasRows: boolean): void {
  if (statement.several && !hasRows) {
    throw new ClickHouseError(ErrorCode.SYNTAX_ERROR, 'Syntax error (Multi-statements are not allowed)');
  }
  if (statement.file !== undefined) {
    throw new ClickHouseError(ErrorCode.INTO_OUTFILE_NOT_ALLOWED, `${statement.file} is not allowed over HTTP`);
  }
  const { keyword, second } = statement;
  const changesAccess =
    keyword === 'GRANT' ||
    keyword === 'REVOKE' ||
    ((keyword === 'CREATE' || keyword === 'ALTER' || keyword === 'DROP') && ACCESS_ENTITIES.has(second));
  if (changesAccess) {
    throw new ClickHouseError(
      ErrorCode.NOT_IMPLEMENTED,
      `${keyword}${keyword === 'GRANT' || keyword === 'REVOKE' ? '' : ` ${second}`}: the embedded engine has no SQL access control; ` +
        'its users are given at its start (startEngine({ users }), CLIENT_COST_ENGINE_USERS). It works on a ClickHouse server',
    );
  }
  // The engine knows one user that holds every role; what confines a user here is the role of its connection.
  if (user.readonly !== true && user.allowedDatabases === undefined && user.grants === undefined) return;
  const refused = beyondRole(statement);
  if (refused === undefined) return;
  throw new ClickHouseError(ErrorCode.ACCESS_DENIED, `${user.name}: Not enough privileges to ${refused}.`);
}

/** What would leave the role of a confined user's connection. */
function beyondRole({ keyword, second, parallel, start }: Statement): string | undefined {
  if (parallel) return 'use PARALLEL WITH';
  // Without a grant one may kill one's own user's queries, and all queries are that one user's.
  if (keyword === 'KILL') return 'stop queries';
  if (keyword === 'SET' && (second === 'ROLE' || second === 'DEFAULT')) return 'change roles';
  // A view may read with its definer's rights, and the definer would be the one user that has all roles.
  const kind = start.slice(1).find((word) => !VIEW_ADJECTIVES.has(word));
  return (keyword === 'CREATE' || keyword === 'ATTACH') && kind === 'VIEW' ? 'create views' : undefined;
}

/** To the engine everybody is `default`; its refusals are told in the caller's own name. */
export function inNameOf(user: EngineUser, message: string): string {
  return message.replace(
    /^(Code: 497\. DB::Exception: )?default: /,
    (_all, head: string | undefined) => `${head ?? ''}${user.name}: `,
  );
}
