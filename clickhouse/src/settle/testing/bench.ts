import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { runCli } from '../../cli/program.ts';
import { freshLedger, rows, startTestEngine, type TestEngine } from '../../queries/testing/ledger.ts';

/** In every credential: must be in no output. */
const SECRET = 'b'.repeat(32);
export const ACCOUNT = `AC${'a'.repeat(32)}`;

const CREDENTIALS = {
  TWILIO_ACCOUNT_SID: ACCOUNT,
  TWILIO_AUTH_TOKEN: SECRET,
  STRIPE_API_KEY: `sk_test_${SECRET}`,
  OPENAI_API_KEY: `sk-${SECRET}`,
  OPENAI_ADMIN_KEY: `sk-admin-${SECRET}`,
};

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The real engine, a ledger of its own for each test, and the command over it. */
export class Bench {
  client!: ClickHouseClient;
  database = '';
  /** For `--state-dir`; a new one with each ledger. */
  stateDir = '';
  readonly #prefix: string;
  readonly #now: () => Date;
  #engine: TestEngine | undefined;
  #count = 0;
  readonly #folders: string[] = [];

  constructor(prefix: string, now: () => Date = () => new Date()) {
    this.#prefix = prefix;
    this.#now = now;
  }

  async start(): Promise<void> {
    this.#engine = await startTestEngine();
  }

  async stop(): Promise<void> {
    await this.#engine?.stop();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  /** A new, empty ledger. */
  async fresh(): Promise<void> {
    this.database = `${this.#prefix}_${++this.#count}`;
    this.client = await freshLedger(this.#engine!, this.database);
    this.stateDir = mkdtempSync(join(tmpdir(), `client-cost-${this.#prefix}-`));
    this.#folders.push(this.stateDir);
  }

  /** What a process of the command finds in its environment. */
  get env(): NodeJS.ProcessEnv {
    return { CLICKHOUSE_URL: this.#engine!.url, CLICKHOUSE_DATABASE: this.database, ...CREDENTIALS };
  }

  /** Runs the command; throws when it shows a credential. */
  async run(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
    let out = '';
    let err = '';
    const code = await runCli([...argv, ...(argv[0] === 'settle' ? ['--state-dir', this.stateDir] : [])], {
      stdout: (text) => {
        out += text;
      },
      stderr: (text) => {
        err += text;
      },
      env: { ...this.env, ...env },
      tty: false,
      now: this.#now,
    });
    if ((out + err).includes(SECRET)) throw new Error(`a credential is shown: ${out}${err}`);
    return { code, out, err };
  }

  /** Every row that counts, all columns but the time of its arrival. */
  ledger(columns = '* EXCEPT(ingested_at)'): Promise<Record<string, unknown>[]> {
    const query = `SELECT ${columns} FROM usage_events FINAL WHERE NOT is_deleted ORDER BY external_id, usage_id`;
    return rows(this.client, query);
  }

  /** How many rows are stored, all versions. */
  async stored(): Promise<string> {
    return (await rows<{ n: string }>(this.client, 'SELECT count() AS n FROM usage_events'))[0]!.n;
  }
}
