/** Everything the command touches outside ClickHouse, so that tests and the demo can run it in their own process. */
export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** Whether stderr is a terminal: progress is then one line that is overwritten. */
  readonly tty: boolean;
  readonly now: () => Date;
}

/** This process's own streams, environment and clock. */
export function processIo(): CliIo {
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    env: process.env,
    tty: process.stderr.isTTY === true,
    now: () => new Date(),
  };
}

/** Says on stderr how far long work has come: one moving line on a terminal, at most one line in two seconds elsewhere. */
export function progress(io: CliIo): { step(text: string): void; end(): void } {
  let last = 0;
  let open = false;
  return {
    step(text) {
      const now = Date.now();
      if (io.tty) {
        io.stderr(`\r\u001b[K${text}`);
        open = true;
      } else if (now - last >= 2_000) {
        io.stderr(`${text}\n`);
        last = now;
      }
    },
    end() {
      if (open) io.stderr('\r\u001b[K');
    },
  };
}
