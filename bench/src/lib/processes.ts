import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** Absolute path of a compiled file of this package, from its path under `dist/`. */
export function distFile(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** The file that `--require @client-cost/instrumentation/register` means. */
export const registerFile = (): string => require.resolve('@client-cost/instrumentation/register');

const standInFile = () => require.resolve('@client-cost/examples/stand-ins').replace(/index\.js$/, 'main.js');

export interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The environment of measured processes: nothing of the caller's telemetry or keys. */
export function cleanEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(OTEL_|CLIENT_COST_|OPENAI_|NODE_OPTIONS)/.test(name));
  return { ...(Object.fromEntries(kept) as Record<string, string>), ...extra };
}

/** Runs a script that prints one JSON line with its `url` when it listens. */
export async function serve(args: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env: cleanEnvironment() });
  const first = await firstLine(child);
  const { url } = JSON.parse(first) as { url: string };
  return { url, pid: child.pid!, stop: () => stop(child) };
}

export const serveStandIn = (): Promise<Server> => serve([standInFile()]);
export const serveSink = (): Promise<Server> => serve([distFile('cpu/sink.js')]);

async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => text as string),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`))),
  ]);
  child.stdout!.resume();
  return line;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

/** Runs a script to its end and reads the last JSON line of what it prints. Throws with its stderr when it fails. */
export async function runForJson<T>(args: readonly string[], env: Record<string, string>): Promise<T> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => {
    out += part;
  });
  child.stderr.on('data', (part) => {
    err += part;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const last = out.trim().split('\n').at(-1) ?? '';
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code ?? signal}\n${err || out}`);
  return JSON.parse(last) as T;
}

/** Resident memory of a process now and at its peak, in MiB (Linux only; else undefined). */
export function memoryOf(pid: number): { now: number; peak: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN);
    return { now: kib('VmRSS') / 1024, peak: kib('VmHWM') / 1024 };
  } catch {
    return undefined;
  }
}

/** CPU seconds that a process and its living descendants have used so far (Linux only; else undefined). */
export function cpuSecondsOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    const own = (Number(fields[11]) + Number(fields[12])) / 100; // utime, stime in ticks of 1/100 s
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    if (children === '') return own;
    return children.split(' ').reduce((sum, child) => sum + (cpuSecondsOf(Number(child)) ?? 0), own);
  } catch {
    return undefined;
  }
}
