import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { bearer, type CredentialFiles, type Credentials, readCredentials } from './credentials.ts';
import { log, messageOf } from './log.ts';
import type { Fsync } from './spool/disk.ts';

/** Everything the exporter reads from the environment; plain data, so that it can be handed to another process. */
export interface ExporterConfig {
  readonly exporter: 'otlp' | 'clickhouse' | 'none';
  readonly otlp: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly timeoutMs: number;
    readonly gzip: boolean;
    /** PEM texts. */
    readonly tls: Credentials['tls'];
    /** Where token and certificates come from, to be read again when they are refused. */
    readonly files: CredentialFiles;
  };
  readonly clickhouse: {
    readonly url: string;
    readonly user: string;
    readonly password: string;
    readonly database: string;
    readonly tls: Credentials['tls'];
    readonly files: CredentialFiles;
  };
  /** Set by the user; otherwise a folder per service under the user's state directory. */
  readonly spoolDir?: string;
  /** That may wait in the spool folder, all processes that use it together. */
  readonly spoolMaxBytes: number;
  /** How long, and how much of, what was acknowledged is kept for `client-cost-spool resend`; 0: nothing. */
  readonly keepMs: number;
  readonly keepBytes: number;
  readonly fsync: Fsync;
  readonly exitTimeoutMs: number;
  readonly flushIntervalMs: number;
  readonly batchSize: number;
}

const DEFAULT_OTLP = 'http://localhost:4318';
const DEFAULT_CLICKHOUSE = 'http://localhost:8123';

/**
 * The configuration in the environment. Never throws: a malformed value is named through `diag` and its default holds.
 * @param env as process.env; see exporter/README.md for the variables
 */
export function readExporterConfig(env: NodeJS.ProcessEnv = process.env): ExporterConfig {
  const spoolDir = text(env, 'CLIENT_COST_SPOOL_DIR');
  return {
    exporter: choice(env, 'CLIENT_COST_EXPORTER', ['otlp', 'clickhouse', 'none'], 'otlp'),
    otlp: {
      url: otlpUrl(env),
      timeoutMs: whole(env, either(env, 'TIMEOUT'), 10_000, 1, 3_600_000),
      gzip: choice(env, either(env, 'COMPRESSION'), ['none', 'gzip'], 'none') === 'gzip',
      ...otlpCredentials(env),
    },
    clickhouse: {
      url: url(env, 'CLIENT_COST_CLICKHOUSE_URL') ?? DEFAULT_CLICKHOUSE,
      user: text(env, 'CLIENT_COST_CLICKHOUSE_USER') ?? 'default',
      password: password(env),
      database: text(env, 'CLIENT_COST_CLICKHOUSE_DATABASE') ?? 'client_cost',
      ...clickhouseCredentials(env),
    },
    ...(spoolDir === undefined ? {} : { spoolDir: absolute(spoolDir) }),
    spoolMaxBytes: whole(env, 'CLIENT_COST_SPOOL_MAX_BYTES', 2 * 1024 ** 3, 1024 * 1024, Number.MAX_SAFE_INTEGER),
    keepMs: whole(env, 'CLIENT_COST_SPOOL_KEEP_HOURS', 24, 0, 24 * 366) * 3_600_000,
    keepBytes: whole(env, 'CLIENT_COST_SPOOL_KEEP_BYTES', 64 * 1024 * 1024, 0, Number.MAX_SAFE_INTEGER),
    fsync: choice(env, 'CLIENT_COST_SPOOL_FSYNC', ['never', 'interval', 'always'], 'never'),
    exitTimeoutMs: whole(env, 'CLIENT_COST_EXIT_TIMEOUT_MS', 5_000, 0, 600_000),
    flushIntervalMs: whole(env, 'CLIENT_COST_FLUSH_INTERVAL_MS', 1_000, 1, 3_600_000),
    batchSize: whole(env, 'CLIENT_COST_BATCH_SIZE', 1_000, 1, 100_000),
  };
}

function text(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? undefined : value;
}

/** The folder meant at start: the service may change its working directory, and the drain process has another one. */
function absolute(path: string): string {
  try {
    return resolve(path);
  } catch {
    // The working directory was removed.
    return path;
  }
}

/** The logs variable of the OTLP specification when it is set, else the general one. */
function either(env: NodeJS.ProcessEnv, what: string): string {
  const logs = `OTEL_EXPORTER_OTLP_LOGS_${what}`;
  return text(env, logs) === undefined ? `OTEL_EXPORTER_OTLP_${what}` : logs;
}

function malformed(name: string, shown: string, expected: string, instead: string): void {
  log('error', `${name}=${shown} ${expected}; using ${instead}`);
}

function choice<T extends string>(env: NodeJS.ProcessEnv, name: string, allowed: readonly T[], fallback: T): T {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const found = allowed.find((candidate) => candidate === value.toLowerCase());
  if (found === undefined) malformed(name, JSON.stringify(value), `is none of ${allowed.join(', ')}`, fallback);
  return found ?? fallback;
}

function whole(env: NodeJS.ProcessEnv, name: string, fallback: number, min: number, max: number): number {
  const value = text(env, name);
  if (value === undefined) return fallback;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  malformed(name, JSON.stringify(value), `is not a whole number from ${min} to ${max}`, String(fallback));
  return fallback;
}

/** Without user and password, so that it can be shown. */
function shownUrl(value: string): string {
  return JSON.stringify(
    value.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/|)[^?#\s]*@/i, '$1***@').replace(/[?#].*$/s, '?***'),
  );
}

function url(env: NodeJS.ProcessEnv, name: string, instead = 'the default'): string | undefined {
  const value = text(env, name);
  if (value === undefined) return undefined;
  if (URL.canParse(value)) {
    const parsed = new URL(value);
    if ((parsed.protocol === 'http:' || parsed.protocol === 'https:') && parsed.hostname !== '') return value;
  }
  malformed(name, shownUrl(value), 'is not an http:// or https:// address', instead);
  return undefined;
}

function otlpUrl(env: NodeJS.ProcessEnv): string {
  const append = (base: string) => {
    const parsed = new URL(base);
    parsed.pathname = `${parsed.pathname.replace(/\/+$/, '')}/v1/logs`;
    return parsed.href;
  };
  const next = 'the next setting';
  const own = url(env, 'CLIENT_COST_OTLP_ENDPOINT', next);
  if (own !== undefined) return grpcHint('CLIENT_COST_OTLP_ENDPOINT', append(own));
  const logs = url(env, 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', next);
  if (logs !== undefined) return grpcHint('OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', new URL(logs).href);
  const general = url(env, 'OTEL_EXPORTER_OTLP_ENDPOINT', DEFAULT_OTLP);
  if (general !== undefined) return grpcHint('OTEL_EXPORTER_OTLP_ENDPOINT', append(general));
  return append(DEFAULT_OTLP);
}

function grpcHint(name: string, address: string): string {
  if (new URL(address).port === '4317')
    log(
      'warn',
      `${name} names port 4317, usually OTLP/gRPC; usage events go by OTLP/HTTP: set CLIENT_COST_OTLP_ENDPOINT (often port 4318)`,
    );
  return address;
}

/** `key=value,key2=value2`, percent-encoded. A value may be a secret and is never shown. */
function headers(env: NodeJS.ProcessEnv, name: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of (text(env, name) ?? '').split(',')) {
    if (pair.trim() === '') continue;
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim().toLowerCase();
    try {
      if (at < 1) throw new Error('has no "key="');
      const value = decodeURIComponent(pair.slice(at + 1).trim());
      if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key) || /[^\t\x20-\x7e\x80-\xff]/.test(value))
        throw new Error('is no HTTP header');
      found[key] = value;
    } catch (error) {
      malformed(
        name,
        `…${at > 0 && /^[a-z][a-z0-9-]{0,40}$/.test(key) ? JSON.stringify(key) : ''}…`,
        messageOf(error),
        'the other headers',
      );
    }
  }
  return found;
}

/** Names of the variables that name credential files. */
type FileNames = { readonly [K in keyof CredentialFiles]: string };

function credentials(env: NodeJS.ProcessEnv, names: FileNames): Credentials & { files: CredentialFiles } {
  const files: Record<string, string> = {};
  for (const [kind, name] of Object.entries(names)) {
    const path = text(env, name);
    if (path !== undefined) files[kind] = path;
  }
  const read = readCredentials(files, (kind, why) => malformed(names[kind]!, JSON.stringify(files[kind]), why, 'none'));
  return { ...read, files };
}

/** Headers, token and certificates for the Collector. A token of its own variable goes before one among the headers. */
function otlpCredentials(env: NodeJS.ProcessEnv): Pick<ExporterConfig['otlp'], 'headers' | 'tls' | 'files'> {
  const given = { ...headers(env, 'OTEL_EXPORTER_OTLP_HEADERS'), ...headers(env, 'OTEL_EXPORTER_OTLP_LOGS_HEADERS') };
  const {
    tls,
    authorization: fromFile,
    files,
  } = credentials(env, {
    ca: either(env, 'CERTIFICATE'),
    key: either(env, 'CLIENT_KEY'),
    cert: either(env, 'CLIENT_CERTIFICATE'),
    ...(text(env, 'CLIENT_COST_OTLP_TOKEN') === undefined ? { token: 'CLIENT_COST_OTLP_TOKEN_FILE' } : {}),
  });
  const authorization = token(env) ?? fromFile;
  return { headers: authorization === undefined ? given : { ...given, authorization }, tls, files };
}

function token(env: NodeJS.ProcessEnv): string | undefined {
  const name = 'CLIENT_COST_OTLP_TOKEN';
  const value = text(env, name);
  if (value === undefined) return undefined;
  const authorization = bearer(value);
  if (authorization === undefined) malformed(name, '…', 'is no token: one line of visible characters', 'none');
  return authorization;
}

function clickhouseCredentials(env: NodeJS.ProcessEnv): Pick<ExporterConfig['clickhouse'], 'tls' | 'files'> {
  const { tls, files } = credentials(env, { ca: 'CLIENT_COST_CLICKHOUSE_CERTIFICATE' });
  return { tls, files };
}

/** Who the service shows itself as to its Collector, and to whom. */
export interface OtlpToken {
  /** Value of the header `authorization`. */
  readonly authorization: string;
  /** Address that usage events go to: the token is for that host and no other. */
  readonly url: string;
}

/** The bearer token of CLIENT_COST_OTLP_TOKEN or …_FILE, for the SDK's own exporters; undefined without one. */
export function otlpToken(env: NodeJS.ProcessEnv = process.env): OtlpToken | undefined {
  if (text(env, 'CLIENT_COST_OTLP_TOKEN') === undefined && text(env, 'CLIENT_COST_OTLP_TOKEN_FILE') === undefined)
    return undefined;
  const { authorization } = otlpCredentials({
    ...env,
    OTEL_EXPORTER_OTLP_HEADERS: '',
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: '',
  }).headers;
  return authorization === undefined ? undefined : { authorization, url: otlpUrl(env) };
}

function password(env: NodeJS.ProcessEnv): string {
  const given = env.CLIENT_COST_CLICKHOUSE_PASSWORD;
  if (given !== undefined && given !== '') return given;
  const name = 'CLIENT_COST_CLICKHOUSE_PASSWORD_FILE';
  const path = text(env, name);
  if (path === undefined) return '';
  try {
    const found = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (found !== '' && !/[\r\n]/.test(found)) return found;
    malformed(
      name,
      JSON.stringify(path),
      found === '' ? 'is empty' : 'has several lines: expected the password alone',
      'no password',
    );
  } catch (error) {
    malformed(name, JSON.stringify(path), `cannot be read (${messageOf(error)})`, 'no password');
  }
  return '';
}
