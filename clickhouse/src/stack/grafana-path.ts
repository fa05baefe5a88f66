import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isExecutable } from './executable.ts';

/** The plugin that the dashboards are written for; docker-compose.yml pins the same version. */
export const GRAFANA_PLUGIN = { id: 'grafana-clickhouse-datasource', version: '4.20.0' } as const;

export interface FoundGrafana {
  readonly path: string;
  /** What comes before the options: `grafana server …`, or nothing for the older `grafana-server`. */
  readonly command: readonly string[];
  /** Grafana's own files (`conf/defaults.ini`, `public/`). */
  readonly home: string;
  /** Where it came from, for the log: `CLIENT_COST_GRAFANA`, `PATH`. */
  readonly from: string;
}

const NAMES: readonly (readonly [string, readonly string[]])[] = [
  ['grafana', ['server']],
  ['grafana-server', []],
];

/** Where packages put Grafana's own files: Debian and Red Hat, Homebrew on Apple silicon and Intel. */
const HOMES = ['/usr/share/grafana', '/opt/homebrew/share/grafana', '/usr/local/share/grafana'];

/**
 * Looks for Grafana: `CLIENT_COST_GRAFANA`, then `grafana` and `grafana-server` on PATH. Gives the reason as text when there
 * is none. Grafana does not find its own files by itself: `CLIENT_COST_GRAFANA_HOME` names them where they are in no usual place.
 *
 * @throws Error when the one that was named cannot be run
 */
export function findGrafana(env: NodeJS.ProcessEnv = process.env): FoundGrafana | string {
  const named = env.CLIENT_COST_GRAFANA || undefined;
  if (named !== undefined && !isExecutable(named)) {
    throw new Error(
      `The Grafana named by CLIENT_COST_GRAFANA cannot be run: ${named}. Give the path of an executable file, or leave it out to search PATH.`,
    );
  }
  const path = named ?? onPath(env.PATH ?? '');
  if (path === undefined) return 'no grafana on PATH';
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1).replace(/\.exe$/i, '');
  const command = NAMES.find(([known]) => known === name)?.[1] ?? ['server'];
  const home = homeOf(path, env);
  if (home === undefined) {
    return `Grafana is here (${path}), but not its own files (conf/defaults.ini): name their folder with CLIENT_COST_GRAFANA_HOME`;
  }
  return { path, command, home, from: named === undefined ? 'PATH' : 'CLIENT_COST_GRAFANA' };
}

function onPath(path: string): string | undefined {
  for (const [name] of NAMES) {
    for (const dir of path.split(delimiter)) {
      const file = join(dir, process.platform === 'win32' ? `${name}.exe` : name);
      if (dir !== '' && isExecutable(file)) return file;
    }
  }
  return undefined;
}

function homeOf(path: string, env: NodeJS.ProcessEnv): string | undefined {
  const bins = [realpathSync(path), path].map(dirname);
  const around = bins.flatMap((bin) => [dirname(bin), join(dirname(bin), 'share', 'grafana')]);
  const named = env.CLIENT_COST_GRAFANA_HOME || undefined;
  const places = named === undefined ? [...around, env.GF_PATHS_HOME ?? '', ...HOMES] : [named];
  return places.find((home) => home !== '' && existsSync(join(home, 'conf', 'defaults.ini')));
}
