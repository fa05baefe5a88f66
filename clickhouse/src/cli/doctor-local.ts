import { readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { shownUrl } from '../shown-url.ts';

/** What one check says; `says` names the way out when something is wrong. */
export interface Finding {
  readonly hop: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly says: string;
}

export type Check = () => Finding[] | Promise<Finding[]>;

export function checkNode(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const good = major > 22 || (major === 22 && minor >= 15);
  const says = good ? process.versions.node : `${process.versions.node}: services and this command need 22.15 or newer`;
  return [{ hop: 'Node.js', state: good ? 'ok' : 'fail', says }];
}

/** Minutes after which an undelivered event means that delivery is stuck. */
const STUCK_MINUTES = 10;

/** Looks for events that wait in spool directories of this machine. */
export function checkSpool(env: NodeJS.ProcessEnv): Finding[] {
  const hop = 'spool';
  const root = env.CLIENT_COST_SPOOL_DIR || defaultSpool(env);
  let files: { size: number; age: number }[];
  try {
    files = segments(root);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return [{ hop, state: 'fail', says: `${root}: ${message}` }];
    return [{ hop, state: 'ok', says: `${root}: nothing there (no service has run here)` }];
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const oldest = Math.max(0, ...files.map(({ age }) => age)) / 60_000;
  if (bytes === 0) return [{ hop, state: 'ok', says: `${root}: empty` }];
  const says = `${root}: ${bytes} bytes in ${files.length} files, the oldest unchanged for ${Math.round(oldest)} min`;
  if (oldest < STUCK_MINUTES) return [{ hop, state: 'ok', says }];
  return [
    {
      hop,
      state: 'warn',
      says: `${says}: delivery may be stuck, or its service is gone; it goes on when the service (or a neighbour) starts again and the Collector answers`,
    },
  ];
}

function defaultSpool(env: NodeJS.ProcessEnv): string {
  const state = env.XDG_STATE_HOME || (process.platform === 'win32' ? env.LOCALAPPDATA : undefined);
  return state
    ? join(state, 'client-cost', 'spool')
    : join(env.HOME || homedir(), '.local', 'state', 'client-cost', 'spool');
}

function segments(root: string): { size: number; age: number }[] {
  const found: { size: number; age: number }[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.seg')) continue;
    try {
      const { size, mtimeMs } = statSync(join(entry.parentPath, entry.name));
      found.push({ size, age: Date.now() - mtimeMs });
    } catch {
      // delivered and removed in between
    }
  }
  return found;
}

/** The Collector's health extension and its OTLP/HTTP receiver. */
export async function checkCollector(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  if (env.CLIENT_COST_EXPORTER === 'clickhouse') {
    return [{ hop: 'Collector', state: 'ok', says: 'none: CLIENT_COST_EXPORTER=clickhouse' }];
  }
  const endpoint = env.CLIENT_COST_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT || 'http://127.0.0.1:4318';
  const health = env.CLIENT_COST_COLLECTOR_HEALTH_URL || 'http://127.0.0.1:13133/';
  const [alive, otlp] = await Promise.all([checkHealth(health), checkOtlp(endpoint)]);
  // A Collector elsewhere seldom shows its health port; one that takes OTLP is alive.
  if (otlp.state === 'ok' && alive.state === 'fail' && !env.CLIENT_COST_COLLECTOR_HEALTH_URL) {
    return [{ ...alive, state: 'warn' }, otlp];
  }
  return [alive, otlp];
}

async function checkHealth(url: string): Promise<Finding> {
  const hop = 'Collector';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    if (response.ok) return { hop, state: 'ok', says: `healthy at ${shownUrl(url)}` };
    return { hop, state: 'fail', says: `${shownUrl(url)} answers ${response.status}: read the Collector's log` };
  } catch (error) {
    return {
      hop,
      state: 'fail',
      says: `no answer at ${shownUrl(url)} (${reason(error)}): start it, or set CLIENT_COST_COLLECTOR_HEALTH_URL; without a Collector use --no-collector`,
    };
  }
}

/** An empty export: accepted by every OTLP/HTTP receiver, and stores nothing. */
async function checkOtlp(endpoint: string): Promise<Finding> {
  const hop = 'OTLP endpoint';
  let url: string;
  try {
    url = new URL('v1/logs', endpoint.endsWith('/') ? endpoint : `${endpoint}/`).href;
  } catch {
    return {
      hop,
      state: 'fail',
      says: `${shownUrl(endpoint)} is no URL: OTEL_EXPORTER_OTLP_ENDPOINT looks like http://127.0.0.1:4318`,
    };
  }
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"resourceLogs":[]}',
      signal: AbortSignal.timeout(5_000),
    });
    if (response.ok) return { hop, state: 'ok', says: `${shownUrl(url)} accepts logs` };
    // Without the service's token a receiver that wants one answers so; it is there.
    if (response.status === 401 || response.status === 403) {
      return {
        hop,
        state: 'ok',
        says: `${shownUrl(url)} answers and wants a token (OTEL_EXPORTER_OTLP_HEADERS of the service)`,
      };
    }
    return {
      hop,
      state: 'fail',
      says: `${shownUrl(url)} answers ${response.status}: is this an OTLP/HTTP receiver (port 4318)?`,
    };
  } catch (error) {
    return {
      hop,
      state: 'fail',
      says: `no answer at ${shownUrl(url)} (${reason(error)}): start the Collector, or set OTEL_EXPORTER_OTLP_ENDPOINT`,
    };
  }
}

function reason(error: unknown): string {
  const cause = (error as { cause?: NodeJS.ErrnoException }).cause;
  // What fetch says of an address that it cannot use quotes it.
  return (
    cause?.code ?? (error instanceof TypeError ? error.name : error instanceof Error ? error.message : String(error))
  );
}
