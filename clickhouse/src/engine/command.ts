import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startEngine } from './engine.ts';
import type { EngineUser } from './types.ts';

const HELP = `Runs the embedded ClickHouse engine behind ClickHouse's HTTP interface.

  node main.js --data-dir DIR [--host 127.0.0.1] [--port 0] [--max-memory-bytes N] [--users-file FILE]
               [--exit-with-parent]

Prints one line of JSON, {"ready":true,"url":"http://127.0.0.1:8123",…}, when it serves; stops on SIGTERM or SIGINT,
and with --exit-with-parent when its standard input closes.

Users (never on the command line, where everybody on the machine could read them), the first that is given:
  --users-file FILE            a JSON array of {"name","password","readonly","allowedDatabases"}
  CLIENT_COST_ENGINE_USERS     the same array in the environment
  CLICKHOUSE_USER, CLICKHOUSE_PASSWORD   one user with all rights; default: "default" with an empty password
`;

/** The executable: returns its exit code (0 stopped on request, 1 failed, 2 wrong usage). */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(args, env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const { exitWithParent, ...engineOptions } = options;
  const stop = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
    if (!exitWithParent) return;
    process.stdin
      .on('close', () => resolve())
      .on('error', () => resolve())
      .resume();
  });
  try {
    const log = (message: string) => void process.stderr.write(`${message}\n`);
    const engine = await startEngine({ ...engineOptions, logger: { info: log, warn: log, error: log } });
    process.stdout.write(`${JSON.stringify({ ready: true, url: engine.url, port: engine.port, pid: process.pid })}\n`);
    await stop;
    await engine.close();
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  } finally {
    if (exitWithParent) process.stdin.destroy(); // It would keep the process alive.
  }
}

function readOptions(args: readonly string[], env: NodeJS.ProcessEnv) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'data-dir': { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      'max-memory-bytes': { type: 'string' },
      'users-file': { type: 'string' },
      'exit-with-parent': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return undefined;
  const dataDir = values['data-dir'];
  if (dataDir === undefined || dataDir === '') throw new Error('--data-dir is missing.');
  const port = integer('--port', values.port, 0, 65535);
  const maxMemoryBytes = integer('--max-memory-bytes', values['max-memory-bytes'], 1, Number.MAX_SAFE_INTEGER);
  return {
    dataDir,
    exitWithParent: values['exit-with-parent'] === true,
    users: readUsers(values['users-file'], env),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(port === undefined ? {} : { port }),
    ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
  };
}

function integer(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`${name} ${JSON.stringify(text)}: a whole number from ${min} to ${max} is expected.`);
}

function readUsers(file: string | undefined, env: NodeJS.ProcessEnv): EngineUser[] {
  if (file !== undefined) return parseUsers(`--users-file ${file}`, readFileSync(file, 'utf8'));
  const inline = env.CLIENT_COST_ENGINE_USERS;
  if (inline !== undefined && inline !== '') return parseUsers('CLIENT_COST_ENGINE_USERS', inline);
  return [{ name: env.CLICKHOUSE_USER || 'default', password: env.CLICKHOUSE_PASSWORD ?? '' }];
}

function parseUsers(source: string, text: string): EngineUser[] {
  let users: unknown;
  try {
    users = JSON.parse(text);
  } catch {
    throw new Error(`${source} is not JSON.`); // The parser's own message would quote a password.
  }
  if (!Array.isArray(users)) throw new Error(`${source}: a JSON array of users is expected.`);
  for (const user of users as Partial<EngineUser>[]) {
    const listed = user?.allowedDatabases;
    if (listed === undefined || (Array.isArray(listed) && listed.every((name) => typeof name === 'string'))) continue;
    throw new Error(`${source}: allowedDatabases of user ${JSON.stringify(user?.name)} is not an array of names.`);
  }
  return users as EngineUser[];
}
