import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const repository = join(import.meta.dirname, '..', '..', '..', '..');
const EXPORTER = join(repository, 'exporter', 'dist', 'index.js');
export const COMMAND = join(repository, 'exporter', 'bin', 'client-cost-spool.cjs');

/** An OTLP/HTTP receiver that keeps what it accepted, by id. */
export interface Sink {
  readonly url: string;
  /** How often each id was accepted. */
  readonly ids: ReadonlyMap<string, number>;
  /** `service.name` of each id. */
  readonly services: ReadonlyMap<string, string>;
  /** False: answers 503. */
  open: boolean;
  close(): Promise<void>;
}

interface Payload {
  resourceLogs: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeLogs: { logRecords: { attributes: { key: string; value: { stringValue?: string } }[] }[] }[];
  }[];
}

export async function startSink(): Promise<Sink> {
  const ids = new Map<string, number>();
  const services = new Map<string, string>();
  const take = (text: string) => {
    const find = (list: { key: string; value: { stringValue?: string } }[], key: string) =>
      list.find((attribute) => attribute.key === key)?.value.stringValue ?? '';
    for (const { resource, scopeLogs } of (JSON.parse(text) as Payload).resourceLogs) {
      for (const { attributes } of scopeLogs.flatMap(({ logRecords }) => logRecords)) {
        const id = find(attributes, 'usage.id');
        ids.set(id, (ids.get(id) ?? 0) + 1);
        services.set(id, find(resource.attributes, 'service.name'));
      }
    }
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      try {
        if (sink.open) take(Buffer.concat(chunks).toString());
        response.writeHead(sink.open ? 200 : 503).end('{}');
      } catch (error) {
        response.writeHead(400).end(String(error));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sink: Sink = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ids,
    services,
    open: true,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return sink;
}

/** A process that emits: what it prints as `+id` it had emitted, as `?id` it was about to. */
export interface Service {
  readonly pid: number;
  /** Ids whose `emit` returned. */
  readonly acknowledged: string[];
  /** Ids whose `emit` was called. */
  readonly begun: string[];
  /** Every other line. */
  readonly lines: string[];
  readonly errors: () => string;
  /** Waits until the condition holds. Throws after `seconds` or when the process ended without it. */
  until(condition: () => boolean | Promise<boolean>, what: string, seconds?: number): Promise<void>;
  kill(signal?: NodeJS.Signals): void;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const PRELUDE = `
const { writeSync } = require('node:fs');
const { createUsageExporter } = require(process.env.EXPORTER);
const { diag } = require(require.resolve('@opentelemetry/api', { paths: [process.env.EXPORTER] }));
const say = (...words) => process.stderr.write(words.join(' ') + '\\n');
diag.setLogger({ error: say, warn: say, info: say, debug() {}, verbose() {} });
const exporter = createUsageExporter({ resource: { attributes: { 'service.name': process.env.SERVICE ?? 'spool' } }, scopeVersion: '1' });
const PAD = 'x'.repeat(Number(process.env.PAD ?? 200));
function emit(id) {
  writeSync(1, '?' + id + '\\n');
  exporter.emit({ id, timeUnixNano: BigInt(Date.now()) * 1000000n, attributes: { 'usage.id': id, 'client.id': 'acme', pad: PAD } });
  writeSync(1, '+' + id + '\\n');
}
function tell() { writeSync(1, JSON.stringify({ ...exporter.stats(), ...exporter.spool() }) + '\\n'); }
`;

let scripts = 0;

/**
 * Starts a CommonJS script with `exporter`, `emit(id)` and `tell()` (its state as a line of JSON) in scope.
 * @param dir for the script
 */
export function startService(
  dir: string,
  spool: string,
  sink: Sink,
  body: string,
  env: Record<string, string> = {},
  preload = '',
): Service {
  const script = join(dir, `service-${process.pid}-${scripts++}.cjs`);
  writeFileSync(script, preload + PRELUDE + body);
  const child: ChildProcess = spawn(process.execPath, [script], {
    cwd: dir,
    env: {
      PATH: process.env.PATH,
      HOME: dir,
      EXPORTER,
      CLIENT_COST_OTLP_ENDPOINT: sink.url,
      CLIENT_COST_SPOOL_DIR: spool,
      CLIENT_COST_FLUSH_INTERVAL_MS: '50',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const acknowledged: string[] = [];
  const begun: string[] = [];
  const lines: string[] = [];
  let rest = '';
  let errors = '';
  let over = false;
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    const whole = (rest + chunk).split('\n');
    rest = whole.pop()!;
    for (const line of whole) {
      if (line.startsWith('+')) acknowledged.push(line.slice(1));
      else if (line.startsWith('?')) begun.push(line.slice(1));
      else lines.push(line);
    }
  });
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    over = true;
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  return {
    pid: child.pid!,
    acknowledged,
    begun,
    lines,
    errors: () => errors,
    ended,
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    async until(condition, what, seconds = 60) {
      for (const end = performance.now() + seconds * 1000; !(await condition()); await sleep(20)) {
        const why = over ? 'the process ended' : performance.now() > end ? `not within ${seconds} s` : undefined;
        if (why === undefined) continue;
        child.kill('SIGKILL');
        throw new Error(`${what}: ${why}\n${lines.slice(-3).join('\n')}\n${errors.slice(-2000)}`);
      }
    },
  };
}

/** The last state a service told. */
export function told(service: Service): Record<string, number> {
  const line = service.lines.findLast((text) => text.startsWith('{'));
  return line === undefined ? {} : (JSON.parse(line) as Record<string, number>);
}

/** Sends what dead processes left, as an operator would, until nothing waits. */
export async function drained(spool: string, sink: Sink): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const child = spawn(process.execPath, [COMMAND, 'send', '--dir', spool, '--timeout', '20'], {
      env: { PATH: process.env.PATH, CLIENT_COST_OTLP_ENDPOINT: sink.url },
      stdio: 'ignore',
    });
    const [code] = await once(child, 'close');
    if (code === 0 && waiting(spool) === 0) return;
  }
}

interface Status {
  folders: { owner: string; events: number; bytes: number; name: string }[];
  sent: { bytes: number };
  damaged: { files: number };
}

export function statusOf(spool: string): Status {
  const text = execFileSync(process.execPath, [COMMAND, 'status', '--json', '--dir', spool], { encoding: 'utf8' });
  return (JSON.parse(text) as Status[])[0]!;
}

/** Events that wait in the spool. */
export function waiting(spool: string): number {
  try {
    return statusOf(spool).folders.reduce((sum, { events }) => sum + events, 0);
  } catch {
    return -1;
  }
}

/** What became of the events: lost, and arrived without having been emitted. */
export function compare(sink: Sink, acknowledged: readonly string[], begun: readonly string[]) {
  const possible = new Set(begun);
  return {
    events: acknowledged.length,
    lost: acknowledged.filter((id) => !sink.ids.has(id)).length,
    doubled: [...sink.ids.keys()].filter((id) => !possible.has(id)).length,
  };
}

/** Events that the sink got more than once: the ledger counts each once. */
export const resent = (sink: Sink): number => [...sink.ids.values()].filter((times) => times > 1).length;
