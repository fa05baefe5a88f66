import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child.ts';
import { type GrafanaSettings, grafanaEnv, pluginsDir } from './grafana-env.ts';
import { type FoundGrafana, GRAFANA_PLUGIN } from './grafana-path.ts';
import { freePort } from './ports.ts';

export interface GrafanaOptions extends GrafanaSettings {
  readonly found: FoundGrafana;
  readonly log?: (line: string) => void;
}

export interface RunningGrafana {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Process id; undefined once it has ended. */
  pid(): number | undefined;
  stop(): Promise<void>;
}

/** The first start downloads the plugin and makes Grafana's own tables. */
const START_DEADLINE_MS = 180_000;

/** One run of Grafana under its guard (guard.ts). */
class GuardedGrafana extends Child {
  grafanaPid: number | undefined;

  constructor(options: GrafanaOptions, config: string, quiet: () => boolean) {
    const { found } = options;
    super({
      command: process.execPath,
      args: [
        join(import.meta.dirname, 'guard.js'),
        found.path,
        ...found.command,
        `--homepath=${found.home}`,
        `--config=${config}`,
      ],
      env: grafanaEnv(options),
      onLine: (line) => {
        const guarded = /^\{"guarded":(\d+)\}$/.exec(line)?.[1];
        if (guarded !== undefined) this.grafanaPid = Number(guarded);
        else {
          const complaint = grafanaComplaint(line);
          if (complaint !== undefined && !quiet()) options.log?.(`grafana: ${complaint}`);
        }
      },
    });
  }
}

/** Short form of Grafana's JSON log line, for errors; undefined for the rest. */
export function grafanaComplaint(line: string): string | undefined {
  if (!line.startsWith('{')) return line.trim() === '' ? undefined : line;
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    if (!['error', 'critical', 'fatal'].includes(String(entry.level ?? entry.lvl))) return undefined;
    return [entry.logger, entry.msg, entry.error ?? entry.err].filter((part) => part !== undefined).join(': ');
  } catch {
    return line;
  }
}

async function statusOf(url: string, login?: string): Promise<number | undefined> {
  try {
    const headers = login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}

/** How to get the plugin where Grafana could not. */
function pluginHelp({ dir, found }: GrafanaOptions): string {
  const { id, version } = GRAFANA_PLUGIN;
  const cli = found.command.length > 0 ? `${found.path} cli` : 'grafana-cli';
  return (
    `Grafana has no plugin ${id}: the dashboards stay empty. With a network: ${cli} --homepath ${found.home} ` +
    `--pluginsDir ${pluginsDir(dir)} plugins install ${id} ${version}. Without: unpack its zip there, or name a folder that has it with ` +
    'CLIENT_COST_GRAFANA_PLUGINS. Then start again'
  );
}

/**
 * Runs Grafana with this project's provisioning until `stop()`, on the loopback interface, and leaves none behind when this
 * process goes away. Resolves when it answers; what is wrong although it runs (no plugin, another admin password) goes to the log.
 *
 * @throws Error when the port is taken, or with Grafana's last words when it ends or does not answer
 */
export async function startGrafana(options: GrafanaOptions): Promise<RunningGrafana> {
  const log = options.log ?? (() => {});
  const port = await freePort(options.port, 'Grafana', '--grafana-port');
  const settings = { ...options, port };
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const config = join(options.dir, 'grafana.ini');
  // Grafana would read a custom.ini beside its own files: this one says nothing, all settings come from the environment.
  writeFileSync(config, '; made by client-cost start; settings come from the environment\n', { mode: 0o600 });

  let stopping = false;
  const child = new GuardedGrafana(settings, config, () => stopping);
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + START_DEADLINE_MS;
  while ((await statusOf(`${url}/api/health`)) !== 200) {
    const why = !child.running ? 'ended while starting' : Date.now() > deadline ? 'did not answer in time' : undefined;
    if (why !== undefined) {
      stopping = true;
      await child.stop();
      const offline = /plugin/i.test(child.tail()) ? `\n${pluginHelp(settings)}` : '';
      throw new Error(`Grafana (${options.found.path}) ${why}. It said last:\n${child.tail()}${offline}`);
    }
    await sleep(100);
  }
  const password = options.secrets.grafana_admin;
  await complain(settings, url, password, log);
  void child.exited.then((exit) => {
    if (!stopping) log(`grafana: ended (${exit.signal ?? exit.code}). It said last: ${child.tail(1)}`);
  });
  return {
    url,
    user: 'admin',
    password,
    pid: () => (child.running ? child.grafanaPid : undefined),
    async stop() {
      stopping = true;
      await child.stop();
    },
  };
}

async function complain(options: GrafanaOptions, url: string, password: string, log: (line: string) => void) {
  const login = `admin:${password}`;
  const status = await statusOf(`${url}/api/plugins/${GRAFANA_PLUGIN.id}/settings`, login);
  if (status === 401) {
    log(
      `grafana: its user admin has another password than grafana_admin in passwords.json (it counts at the first start only); to set it: ` +
        `${options.found.path} cli --homepath ${options.found.home} --configOverrides cfg:default.paths.data=${join(options.dir, 'data')} admin reset-admin-password --password-from-stdin`,
    );
  } else if (status === 404) log(`grafana: ${pluginHelp(options)}`);
}
