import { join } from 'node:path';
import { besideUs } from './beside.ts';
import { type RunningGrafana, startGrafana } from './grafana.ts';
import { type GrafanaSettings, smsUrl } from './grafana-env.ts';
import { findGrafana } from './grafana-path.ts';
import { freePorts } from './ports.ts';
import { loadGrafanaSecrets } from './secrets.ts';

/** `auto`: Grafana when there is one. `required`: an error without it. `none`: never. */
export type GrafanaChoice = 'auto' | 'required' | 'none';

export interface StackGrafana {
  readonly running: RunningGrafana;
  readonly address: {
    readonly url: string;
    readonly user: string;
    readonly password: string;
    readonly alertsTo: string;
    readonly smsEnv: Readonly<Record<string, string>>;
  };
}

interface Wanted {
  readonly choice: GrafanaChoice;
  readonly port: number;
  readonly dataDir: string;
  readonly reader: GrafanaSettings['reader'];
  readonly log: (line: string) => void;
}

const GET_ONE =
  'install it (https://grafana.com/docs/grafana/latest/setup-grafana/installation/) and start again, use docker compose, or ' +
  'import the dashboards into a Grafana you have (docs/grafana-import.md)';

/**
 * The stack's Grafana as `choice` wants it; as text, why there is none; undefined for `none`.
 *
 * @throws Error under `required` when there is none or it cannot start
 */
export async function grafanaOfStack(wanted: Wanted): Promise<StackGrafana | string | undefined> {
  const { choice, log } = wanted;
  if (choice === 'none') return undefined;
  try {
    const started = await start(wanted);
    if (typeof started !== 'string') return started;
    if (choice === 'required') throw new Error(`Grafana is required: ${started}. Or start without it: --grafana none.`);
    return started;
  } catch (error) {
    if (choice === 'required') throw error;
    // Dashboards are not worth the pipeline: it runs without them.
    log((error as Error).message);
    return 'it did not start (above); --grafana none leaves it out';
  }
}

async function start({ port, dataDir, reader, log }: Wanted): Promise<StackGrafana | string> {
  const found = findGrafana();
  if (typeof found === 'string') return `${found}: ${GET_ONE}`;
  const provisioning = besideUs(join('grafana', 'provisioning'));
  const dashboards = besideUs(join('grafana', 'dashboards'));
  if (provisioning === undefined || dashboards === undefined) {
    return `Grafana is here (${found.path}), but not the folders grafana/provisioning and grafana/dashboards of this project`;
  }
  const secrets = loadGrafanaSecrets(dataDir);
  const [anyPort] = await freePorts(1);
  log(`starting Grafana (${found.path}, found by ${found.from}); its first start downloads the ClickHouse plugin`);
  const running = await startGrafana({
    found,
    dir: join(dataDir, 'grafana'),
    port: port === 0 ? anyPort! : port,
    provisioning,
    dashboards,
    reader,
    secrets,
    log,
  });
  const { url, user, password } = running;
  const smsEnv = {
    CLIENT_COST_ALERT_WEBHOOK_SECRET: process.env.CLIENT_COST_ALERT_WEBHOOK_SECRET || secrets.alert_webhook,
    GRAFANA_URL: url,
  };
  return { running, address: { url, user, password, alertsTo: smsUrl(), smsEnv } };
}
