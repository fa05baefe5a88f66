import { type EngineProcess, spawnEngine } from '../engine/index.ts';
import { resolveSchemaOptions, rightsOf } from '../migrate/index.ts';
import { freePort } from './ports.ts';
import type { Passwords } from './secrets.ts';

export type { EngineProcess } from '../engine/index.ts';

export interface EngineProcessOptions {
  readonly dataDir: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly passwords: Passwords;
  /** Whose tables the writing user may insert into. Default `client_cost`. */
  readonly database?: string | undefined;
  readonly log?: (line: string) => void;
}

/**
 * Runs the embedded engine in a process of its own, with the stack's three users. Throws its own words when it cannot
 * start, a data directory that another engine owns among them.
 */
export async function startEngineProcess(options: EngineProcessOptions): Promise<EngineProcess> {
  const port = options.port === 0 ? 0 : await freePort(options.port, 'ClickHouse over HTTP', '--clickhouse-port');
  const log = (line: string) => options.log?.(`engine: ${line}`);
  return spawnEngine({
    dataDir: options.dataDir,
    port,
    users: [
      { name: 'client_cost', password: options.passwords.client_cost },
      { name: 'grafana', password: options.passwords.grafana, readonly: true },
      {
        name: 'client_cost_writer',
        password: options.passwords.client_cost_writer,
        grants: rightsOf('writer', resolveSchemaOptions({ database: options.database })),
      },
    ],
    logger: { info: log, warn: log, error: log },
  });
}
