import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Every line of standard output and error, as it comes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process of our own: in its own process group (Ctrl-C reaches us first), with its last lines kept. */
export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  #tail: string[] = [];
  #running = true;

  constructor(options: ChildOptions) {
    this.process = spawn(options.command, [...options.args], {
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.exited = new Promise((resolve) => {
      this.process.once('error', (error) => {
        this.#tail.push(error.message);
        this.#running = false;
        resolve({ code: 127, signal: null });
      });
      this.process.once('close', (code, signal) => {
        this.#running = false;
        resolve({ code, signal });
      });
    });
    this.process.stdin?.on('error', () => {});
    for (const name of ['stdout', 'stderr'] as const) {
      const stream = this.process[name];
      if (stream === null) continue;
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
        this.#tail.push(line);
        if (this.#tail.length > 40) this.#tail.shift();
        options.onLine?.(line, name);
      });
    }
  }

  get running(): boolean {
    return this.#running;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** The last lines it printed, newest last. */
  tail(lines = 15): string {
    return this.#tail.slice(-lines).join('\n');
  }

  /** Asks it to end, by closing its standard input and SIGTERM; kills it after `graceMillis`. */
  async stop(graceMillis = 20_000): Promise<Exit> {
    if (this.#running) {
      this.process.stdin?.end();
      this.process.kill('SIGTERM');
    }
    const timer = setTimeout(() => this.process.kill('SIGKILL'), graceMillis);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }
}
