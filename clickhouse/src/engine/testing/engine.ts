import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineProcess, spawnEngine } from '../spawn.ts';
import type { EngineUser } from '../types.ts';

export interface TestEngine extends EngineProcess {
  readonly dataDir: string;
  /** POSTs a query as `default` and answers its text; fails on an error status. */
  sql(query: string): Promise<string>;
  /** Stops the engine and removes its directory. */
  remove(): Promise<void>;
}

/** A real engine in a process of its own, in a directory of its own. */
export async function startTestEngine(users?: readonly EngineUser[], dataDir?: string): Promise<TestEngine> {
  const directory = dataDir ?? mkdtempSync(join(tmpdir(), 'client-cost-engine-'));
  const engine = await spawnEngine({ dataDir: directory, ...(users === undefined ? {} : { users }) });
  const password = users?.find((user) => user.name === 'default')?.password ?? '';
  return {
    ...engine,
    dataDir: directory,
    async sql(query) {
      const answer = await fetch(engine.url, {
        method: 'POST',
        body: query,
        headers: { 'X-ClickHouse-Key': password },
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      return text;
    },
    async remove() {
      await engine.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
