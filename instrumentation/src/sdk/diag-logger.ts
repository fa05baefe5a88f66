import { DiagConsoleLogger, type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { environment } from '../environment.ts';
import { isRegistered } from './globals.ts';

const REPEAT_AFTER_MS = 10 * 60_000;
const MAX_CAUSES = 1_000;
const LEVELS = ['NONE', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'VERBOSE', 'ALL'] as const;

/**
 * Warnings and errors to stderr, each cause at most once in ten minutes: an unreachable Collector is one line, not one
 * per export. Numbers and addresses of ports do not make a cause another one.
 */
export class QuietLogger implements DiagLogger {
  readonly #said = new Map<string, number>();
  readonly #write: (line: string) => void;
  readonly #now: () => number;

  constructor(write: (line: string) => void = (line) => process.stderr.write(`${line}\n`), now = Date.now) {
    this.#write = write;
    this.#now = now;
  }

  error(...args: unknown[]): void {
    this.#say(args);
  }

  warn(...args: unknown[]): void {
    this.#say(args);
  }

  info(): void {}
  debug(): void {}
  verbose(): void {}

  #say(args: readonly unknown[]): void {
    const line = args.map((arg) => (typeof arg === 'string' ? oneLine(arg) : String(arg))).join(' ');
    // Said by the API to the logger that an application's own one replaces: nothing is wrong.
    if (line.startsWith('Current logger will be overwritten')) return;
    const cause = line.replace(/\d+/g, '0').slice(0, 300);
    const now = this.#now();
    const last = this.#said.get(cause);
    if (last !== undefined && now - last < REPEAT_AFTER_MS) return;
    if (this.#said.size >= MAX_CAUSES) this.#said.clear();
    this.#said.set(cause, now);
    this.#write(
      line.startsWith('client-cost') ? line.replace(/^client-cost /, 'client-cost: ') : `client-cost: ${line}`,
    );
  }
}

/** The SDK's error handler hands errors over as JSON with a stack: the message is enough. */
function oneLine(text: string): string {
  if (!text.startsWith('{')) return text.split('\n    at ', 1)[0] ?? text;
  try {
    const { name, message, code } = JSON.parse(text) as { name?: string; message?: string; code?: string };
    if (message === undefined) return text;
    return `${name ?? 'Error'}: ${message === '' ? (code ?? 'no message') : message}`;
  } catch {
    return text;
  }
}

/** Variables that hold what a service shows to the Collector. */
const SECRET = /^OTEL_EXPORTER_OTLP_(?:\w+_)?HEADERS$|^CLIENT_COST_OTLP_TOKEN$/;

/** The SDK says what a receiver answered, and a receiver may quote the token that it does not know. */
function withoutSecrets(logger: DiagLogger): DiagLogger {
  const said = Object.entries(environment()).flatMap(([name, value]) => (SECRET.test(name) ? [value ?? ''] : []));
  const words = said.flatMap((value) => value.split(/[\s,;=]+|%20/i)).filter((word) => word.length >= 8);
  const clean = (arg: unknown) =>
    typeof arg === 'string' ? words.reduce((text, word) => text.replaceAll(word, '[secret]'), arg) : arg;
  const cleaned =
    (level: 'error' | 'warn' | 'info' | 'debug' | 'verbose') =>
    (message: string, ...args: unknown[]) =>
      logger[level](String(clean(message)), ...args.map(clean));
  return {
    error: cleaned('error'),
    warn: cleaned('warn'),
    info: cleaned('info'),
    debug: cleaned('debug'),
    verbose: cleaned('verbose'),
  };
}

/**
 * Gives OpenTelemetry's `diag` somewhere to speak, when the application has not: warnings to stderr by default, or
 * everything that `OTEL_LOG_LEVEL` asks for. An application that sets its own logger later has it.
 */
export function ensureDiagLogger(level: string | undefined): void {
  if (isRegistered('diag')) return;
  const wanted = level?.trim().toUpperCase();
  if (wanted === undefined || wanted === '') {
    diag.setLogger(new QuietLogger(), DiagLogLevel.WARN);
    return;
  }
  const name = LEVELS.find((known) => known === wanted);
  diag.setLogger(withoutSecrets(new DiagConsoleLogger()), name === undefined ? DiagLogLevel.INFO : DiagLogLevel[name]);
}
