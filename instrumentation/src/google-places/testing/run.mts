import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const REGISTER = fileURLToPath(new URL('../../../dist/register.js', import.meta.url));
const CHILD = fileURLToPath(new URL('child.mts', import.meta.url));

export type Results = Record<string, unknown>;

export interface Places {
  readonly rest: { readonly url: string; readonly port: number };
  readonly grpc: { readonly port: number };
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** For CLIENT_COST_SPOOL_DIR. */
  readonly spool: string;
  /** Where the packages are installed, if not here. */
  readonly folder?: string | undefined;
}

/** Runs all shapes in a child process, bare or with the built `register`. */
export function runShapes(format: string, watched: boolean, at: Places): Promise<Results> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|NODE_OPTIONS|VITEST|GOOGLE)/.test(name),
  );
  const args = [CHILD, format, at.rest.url, String(at.grpc.port), ...(at.folder === undefined ? [] : [at.folder])];
  const child = spawn(process.execPath, watched ? ['--require', REGISTER, ...args] : args, {
    env: {
      ...Object.fromEntries(inherited),
      CLIENT_COST_PROVIDER_HOSTS: `127.0.0.1:${at.rest.port}=google_places`,
      CLIENT_COST_SPOOL_DIR: at.spool,
      OTEL_EXPORTER_OTLP_ENDPOINT: at.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      // No answer from a metadata server, and no waiting for one.
      METADATA_SERVER_DETECTION: 'none',
      GOOGLE_CLOUD_PROJECT: 'test',
    },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out) as Results);
      else reject(new Error(`the child ended with ${code}: ${err}`));
    });
  });
}

/** What was recorded, by shape: `operation sku amount source outcome [error]`. */
export function recordedOf(
  logs: readonly { readonly attributes: Readonly<Record<string, unknown>> }[],
): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { attributes: a } of logs) {
    const amount = a['cost.amount'] ?? '-';
    const error = a['error.type'] === undefined ? [] : [a['error.type']];
    const client = String(a['client.id']);
    const line = [a['usage.operation'], a['usage.sku'], amount, a['cost.source'], a['usage.outcome'], ...error];
    found[client] = [...(found[client] ?? []), line.join(' ')];
  }
  return found;
}
