/** One account of the embedded engine. */
export interface EngineUser {
  readonly name: string;
  /** Clear text; compared in constant time and never logged. Empty is allowed on loopback only. */
  readonly password: string;
  /** A readonly user may only read, with `readonly = 1`; `max_execution_time` stays changeable. Default false. */
  readonly readonly?: boolean;
  /** Databases the user may touch (`system` tables stay visible, filtered). Absent: all of them. */
  readonly allowedDatabases?: readonly string[];
  /**
   * The user's rights and no others, each as it stands after `GRANT` on a server: ``INSERT ON `client_cost`.`otel_logs` ``. The engine's own
   * access control enforces them, on `system` too. Excludes `allowedDatabases`.
   */
  readonly grants?: readonly string[];
}

/** Where the engine says what it does. `console` fits. */
export interface EngineLogger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface EngineOptions {
  /** Directory of everything the engine keeps. Created when absent; one owner process at a time. */
  readonly dataDir: string;
  /** Address to bind. Default 127.0.0.1. Anything but loopback needs a password on every user. */
  readonly host?: string;
  /** 0 (default) takes a free port. */
  readonly port?: number;
  /** Default: one user `default` with an empty password, good on loopback only. */
  readonly users?: readonly EngineUser[];
  /** The engine's memory limit in bytes (`max_server_memory_usage`). Default 1.5 GiB, at most 70 % of the machine. */
  readonly maxMemoryBytes?: number;
  /** Largest request body in bytes after decompression. Default 1 GiB. */
  readonly maxBodyBytes?: number;
  /** Requests that may run or wait at once; more get 503 and code 202. Default 100, ClickHouse's own. */
  readonly maxConcurrentQueries?: number;
  readonly logger?: EngineLogger;
}

export interface Engine {
  /** `http://127.0.0.1:8123`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Stops accepting, waits for running queries (10 s, then cancels them), closes the engine, frees the directory. */
  close(): Promise<void>;
}
