import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const DIST = join(__dirname, '../../dist/index.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** A folder of one test and the child processes that run in it. */
export class Lab {
  readonly dir = mkdtempSync(join(tmpdir(), 'client-cost-exporter-'));
  readonly spool = join(this.dir, 'spool');
  private scripts = 0;

  constructor() {
    if (!existsSync(DIST)) throw new Error(`${DIST} is missing: run npm run build first`);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /**
   * Runs a CommonJS script with `exporter` and `send(from, to)` in scope, which emits events with ids `from` … `to - 1`.
   * @param onLine called with every whole line of its standard output
   */
  run(
    endpoint: string,
    body: string,
    {
      env = {},
      onLine,
      args = [],
      prelude = true,
    }: {
      env?: NodeJS.ProcessEnv;
      onLine?: (line: string, pid: number) => void;
      args?: string[];
      prelude?: boolean;
    } = {},
  ): Promise<Ended> {
    const script = join(this.dir, `app-${this.scripts++}.cjs`);
    writeFileSync(script, prelude ? PRELUDE + body : body);
    const start = performance.now();
    const child = spawn(process.execPath, [...args, script], {
      cwd: this.dir,
      env: {
        PATH: process.env.PATH,
        HOME: this.dir,
        CLIENT_COST_OTLP_ENDPOINT: endpoint,
        CLIENT_COST_SPOOL_DIR: this.spool,
        EXPORTER: DIST,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let seen = 0;
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      for (let at = stdout.indexOf('\n', seen); at !== -1; at = stdout.indexOf('\n', seen)) {
        onLine?.(stdout.slice(seen, at), child.pid!);
        seen = at + 1;
      }
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, ms: performance.now() - start }));
    });
  }
}

const PRELUDE = `
const { createUsageExporter } = require(process.env.EXPORTER);
const exporter = createUsageExporter({ resource: { attributes: { 'service.name': 'lab' } }, scopeVersion: '1.2.3' });
function send(from, to) {
  for (let i = from; i < to; i++)
    exporter.emit({ id: 'e' + i, timeUnixNano: 1767225600000000000n + BigInt(i), attributes: { 'usage.id': 'e' + i, 'client.id': 'acme' } });
}
`;
