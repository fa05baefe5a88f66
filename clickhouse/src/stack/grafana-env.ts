import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GRAFANA_PLUGIN } from './grafana-path.ts';
import type { GrafanaSecrets } from './secrets.ts';

export interface GrafanaSettings {
  /** Of this Grafana alone: database, plugins, logs. */
  readonly dir: string;
  readonly port: number;
  /** `grafana/provisioning` and `grafana/dashboards`. */
  readonly provisioning: string;
  readonly dashboards: string;
  readonly reader: {
    readonly url: string;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  readonly secrets: GrafanaSecrets;
}

/** Apps that Grafana would fetch by itself, in whatever version is the newest. */
const UNWANTED_APPS = ['lokiexplore', 'pyroscope', 'exploretraces', 'metricsdrilldown', 'advisor'].map(
  (name) => `grafana-${name}-app`,
);

/** Where the plugin is, or will be: a folder of the user's own (`CLIENT_COST_GRAFANA_PLUGINS`), else one of this data directory. */
export function pluginsDir(dir: string, env: NodeJS.ProcessEnv = process.env): string {
  return env.CLIENT_COST_GRAFANA_PLUGINS || join(dir, 'plugins');
}

/** Where the SMS service is expected, by the environment or on this machine. */
export function smsUrl(env: NodeJS.ProcessEnv = process.env): string {
  return env.CLIENT_COST_SMS_URL || 'http://127.0.0.1:8085';
}

/**
 * The environment of Grafana. Its settings all go this way: there is no file to keep in step, and no password on a command line.
 * `GF_*` of the surroundings are taken out: they could mean another Grafana, its database among them.
 */
export function grafanaEnv(
  settings: GrafanaSettings,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string | undefined> {
  const { dir, port, reader, secrets } = settings;
  const clickhouse = new URL(reader.url);
  const plugins = pluginsDir(dir, env);
  const strangers = Object.keys(env).filter((name) => name.startsWith('GF_'));
  const here = existsSync(join(plugins, GRAFANA_PLUGIN.id));
  return {
    ...Object.fromEntries(strangers.map((name) => [name, undefined])),
    GF_PATHS_DATA: join(dir, 'data'),
    GF_PATHS_LOGS: join(dir, 'logs'),
    GF_PATHS_PLUGINS: plugins,
    GF_PATHS_PROVISIONING: settings.provisioning,
    GF_SERVER_HTTP_ADDR: '127.0.0.1',
    GF_SERVER_HTTP_PORT: String(port),
    GF_SERVER_ROOT_URL: `http://127.0.0.1:${port}/`,
    GF_SECURITY_ADMIN_PASSWORD: secrets.grafana_admin,
    GF_SECURITY_SECRET_KEY: secrets.grafana_secret_key,
    GF_SECURITY_DISABLE_GRAVATAR: 'true',
    GF_AUTH_ANONYMOUS_ENABLED: 'false',
    GF_USERS_ALLOW_SIGN_UP: 'false',
    GF_USERS_ALLOW_ORG_CREATE: 'false',
    GF_USERS_HOME_PAGE: '/d/client-cost-overview',
    // Installed once, in this version; a plugin that is there already needs no network.
    ...(here ? {} : { GF_PLUGINS_PREINSTALL_SYNC: `${GRAFANA_PLUGIN.id}@${GRAFANA_PLUGIN.version}` }),
    GF_PLUGINS_PREINSTALL_AUTO_UPDATE: 'false',
    GF_PLUGINS_DISABLE_PLUGINS: UNWANTED_APPS.join(','),
    GF_ANALYTICS_REPORTING_ENABLED: 'false',
    GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
    GF_ANALYTICS_FEEDBACK_LINKS_ENABLED: 'false',
    GF_NEWS_NEWS_FEED_ENABLED: 'false',
    GF_SNAPSHOTS_EXTERNAL_ENABLED: 'false',
    GF_LOG_MODE: 'console',
    GF_LOG_LEVEL: 'warn',
    GF_LOG_CONSOLE_FORMAT: 'json',
    CLIENT_COST_DASHBOARDS: settings.dashboards,
    CLICKHOUSE_HOST: clickhouse.hostname,
    CLICKHOUSE_PORT: clickhouse.port,
    CLICKHOUSE_SECURE: String(clickhouse.protocol === 'https:'),
    CLICKHOUSE_DATABASE: reader.database,
    CLICKHOUSE_READER_USER: reader.user,
    CLICKHOUSE_READER_PASSWORD: reader.password,
    // The owner's password, should it be set around here, is none of Grafana's business.
    CLICKHOUSE_USER: undefined,
    CLICKHOUSE_PASSWORD: undefined,
    CLIENT_COST_SMS_URL: smsUrl(env),
    CLIENT_COST_ALERT_WEBHOOK_SECRET: env.CLIENT_COST_ALERT_WEBHOOK_SECRET || secrets.alert_webhook,
  };
}
