import type { Connection } from './connection.ts';
import { ClickHouseError, ErrorCode } from './errors.ts';

interface Entry {
  readonly connection: Connection;
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Most sessions that may be open at once; each holds a connection. */
const MAX_SESSIONS = 1000;

/**
 * Connections that outlive their request, by user and `session_id`: temporary tables and `SET` live as long as the session.
 * A session takes one query at a time, as on a server.
 */
export class Sessions {
  readonly #entries = new Map<string, Entry>();

  /**
   * Takes the session for one query, or undefined when it does not exist.
   * @throws ClickHouseError 373 while another query has it, 372 when `mustExist` and it does not.
   */
  take(key: string, id: string, mustExist: boolean): Connection | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      if (mustExist) throw new ClickHouseError(ErrorCode.SESSION_NOT_FOUND, `Session ${id.slice(0, 100)} not found`);
      return undefined;
    }
    if (entry.busy) {
      throw new ClickHouseError(
        ErrorCode.SESSION_IS_LOCKED,
        `Session ${id.slice(0, 100)} is locked by a concurrent client`,
      );
    }
    entry.busy = true;
    clearTimeout(entry.timer);
    return entry.connection;
  }

  /** Registers a new session, taken. */
  add(key: string, connection: Connection): void {
    if (this.#entries.size >= MAX_SESSIONS) {
      throw new ClickHouseError(ErrorCode.TOO_MANY_SIMULTANEOUS_QUERIES, `Too many sessions. Maximum: ${MAX_SESSIONS}`);
    }
    this.#entries.set(key, { connection, busy: true, timer: undefined });
  }

  /** Gives the session back; it ends `seconds` after its last query. */
  give(key: string, seconds: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.busy = false;
    entry.timer = setTimeout(() => {
      this.#entries.delete(key);
      void entry.connection.close();
    }, seconds * 1000).unref();
  }

  /** Ends all sessions; none may be taken any more. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) {
      clearTimeout(entry.timer);
      await entry.connection.close();
    }
  }
}
