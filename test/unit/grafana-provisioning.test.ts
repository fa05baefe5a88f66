import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readerStatements } from '../../clickhouse/src/migrate/accounts.ts';
import { resolveSchemaOptions } from '../../clickhouse/src/migrate/render.ts';
import { grafanaEnv } from '../../clickhouse/src/stack/grafana-env.ts';
import { readSmsConfig } from '../../grafana/src/sms/config.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'grafana', 'provisioning');
const files = globSync('**/*.{yaml,yml}', { cwd: folder }).sort();
const textOf = (file: string) => readFileSync(join(folder, file), 'utf8');

interface Compose {
  services: Record<string, { environment: Record<string, string> }>;
}
const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8')) as Compose;

/**
 * Grafana's provisioning structs (pkg/services/provisioning: datasources/types.go upsertDataSourceFromConfigV1, dashboards/types.go
 * configs, plugins/types.go; Grafana 13), as JSON schemas. Grafana drops what it does not know in silence: here it is an error.
 */
const text = { type: 'string' };
const flag = { type: 'boolean' };
const whole = { type: 'integer' };
const strict = (properties: object, required: string[] = []) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const list = (items: object) => ({ type: 'array', items });

/** Settings of the plugin (grafana-clickhouse-datasource 4.20, pkg/plugin/settings.go), those that a file may want. */
const pluginSettings = strict(
  {
    host: text,
    // Numbers and truths may come as text: environment variables make them so.
    port: { anyOf: [whole, text] },
    protocol: { enum: ['http', 'native'] },
    secure: { anyOf: [flag, text] },
    path: text,
    tlsSkipVerify: flag,
    username: text,
    defaultDatabase: text,
    dialTimeout: text,
    queryTimeout: text,
    customSettings: list(strict({ setting: text, value: text }, ['setting', 'value'])),
  },
  ['host', 'port', 'protocol', 'username'],
);

const schemas: Record<string, object> = {
  datasources: strict(
    {
      apiVersion: { const: 1 },
      datasources: list(
        strict(
          {
            orgId: whole,
            orgName: text,
            version: whole,
            name: text,
            type: { const: 'grafana-clickhouse-datasource' },
            access: { const: 'proxy' },
            url: text,
            user: text,
            database: text,
            basicAuth: flag,
            basicAuthUser: text,
            withCredentials: flag,
            isDefault: flag,
            correlations: list({ type: 'object' }),
            jsonData: pluginSettings,
            secureJsonData: strict({ password: text, tlsCACert: text, tlsClientCert: text, tlsClientKey: text }),
            editable: flag,
            uid: text,
          },
          ['name', 'type', 'uid', 'jsonData'],
        ),
      ),
      deleteDatasources: list(strict({ orgId: whole, orgName: text, name: text })),
    },
    ['apiVersion'],
  ),
  dashboards: strict(
    {
      apiVersion: { const: 1 },
      providers: list(
        strict(
          {
            name: text,
            type: { const: 'file' },
            orgId: whole,
            folder: text,
            folderUid: text,
            editable: flag,
            options: strict({ path: text, foldersFromFilesStructure: flag }, ['path']),
            disableDeletion: flag,
            updateIntervalSeconds: whole,
            allowUiUpdates: flag,
          },
          ['name', 'type', 'options'],
        ),
      ),
    },
    ['apiVersion', 'providers'],
  ),
  plugins: strict(
    {
      apiVersion: { const: 1 },
      apps: list(
        strict({ org_id: whole, org_name: text, type: text, disabled: flag, jsonData: {}, secureJsonData: {} }),
      ),
    },
    ['apps'],
  ),
};

const validate = (kind: string, value: unknown): unknown[] => {
  const check = new Ajv2019({ allErrors: true, allowUnionTypes: true }).compile(schemas[kind]!);
  check(value);
  return check.errors ?? [];
};

/** Variables of a provisioning file, as Grafana expands them: `$NAME` and `${NAME}`, but not `$$`. */
function variablesOf(file: string): string[] {
  const bare = textOf(file)
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll('$$', '');
  return [...bare.matchAll(/\$(?:\{(\w+)\}|([A-Z]\w*))/g)].map((match) => (match[1] ?? match[2])!);
}

describe('grafana/provisioning', () => {
  it('has a file of every kind', () => {
    expect(files).toEqual(
      expect.arrayContaining(['dashboards/client-cost.yaml', 'datasources/clickhouse.yaml', 'plugins/plugins.yaml']),
    );
  });

  it.each(files.filter((file) => !file.startsWith('alerting/')))('%s: only keys that Grafana reads', (file) => {
    expect(validate(file.split('/')[0]!, parse(textOf(file)))).toEqual([]);
  });

  it('a misspelt key would be found', () => {
    const wrong = (file: string, from: string, to: string) => {
      expect(textOf(file)).toContain(from);
      return validate(file.split('/')[0]!, parse(textOf(file).replace(from, to)));
    };
    expect(wrong('dashboards/client-cost.yaml', 'allowUiUpdates', 'allowUIUpdates')).not.toEqual([]);
    expect(wrong('datasources/clickhouse.yaml', 'secureJsonData', 'secureJSONData')).not.toEqual([]);
    expect(wrong('datasources/clickhouse.yaml', 'username', 'user')).not.toEqual([]);
  });

  it('the datasource reads as the read-only user, with a password from the environment', () => {
    const { datasources } = parse(textOf('datasources/clickhouse.yaml')) as {
      datasources: { uid: string; editable: boolean; jsonData: object; secureJsonData: object }[];
    };
    expect(datasources).toHaveLength(1);
    expect(datasources[0]).toMatchObject({
      uid: 'client-cost',
      editable: false,
      jsonData: { protocol: 'http', username: '$CLICKHOUSE_READER_USER' },
      secureJsonData: { password: '$CLICKHOUSE_READER_PASSWORD' },
    });
  });

  it('the dashboards are what the files say', () => {
    const { providers } = parse(textOf('dashboards/client-cost.yaml')) as { providers: object[] };
    expect(providers).toMatchObject([{ folder: 'client-cost', allowUiUpdates: false, editable: false }]);
  });

  it('every variable is given to Grafana by docker-compose.yml', () => {
    const given = Object.keys(compose.services.grafana!.environment);
    for (const file of files) for (const name of variablesOf(file)) expect(given, `${file}: ${name}`).toContain(name);
    expect(files.flatMap(variablesOf)).toEqual(expect.arrayContaining(['CLICKHOUSE_HOST', 'CLIENT_COST_DASHBOARDS']));
  });

  it('client-cost start gives Grafana the same: every variable, and the settings of docker-compose.yml', () => {
    const env = grafanaEnv(
      {
        dir: '/nowhere/grafana',
        port: 3001,
        provisioning: folder,
        dashboards: join(root, 'grafana', 'dashboards'),
        reader: { url: 'http://127.0.0.1:8123', user: 'grafana', password: 'r', database: 'client_cost' },
        secrets: { grafana_admin: 'a', grafana_secret_key: 'k', alert_webhook: 'w' },
      },
      {},
    );
    for (const file of files) for (const name of variablesOf(file)) expect(env[name], `${file}: ${name}`).toMatch(/./);
    const settings = Object.entries(compose.services.grafana!.environment).filter(([name]) => name.startsWith('GF_'));
    expect(settings.length).toBeGreaterThan(15);
    for (const [name, value] of settings) {
      if (value.includes('$')) expect(env[name], name).toMatch(/./);
      else expect(env[name], name).toBe(value);
    }
  });

  it.each(files)('%s: no variable in braces, which Grafana would expand twice', (file) => {
    const lines = textOf(file).split('\n');
    // {{ … }} are templates of alerts, $$ a dollar sign.
    expect(lines.filter((line) => /(^|[^$])\$\{/.test(line))).toEqual([]);
  });

  it('the reading user may read every system table that a panel, a rule or a view asks for', () => {
    const sources = [
      ...globSync('grafana/dashboards/*.json', { cwd: root }),
      ...globSync('grafana/provisioning/alerting/*.yaml', { cwd: root }),
      ...globSync('clickhouse/migrations/*.up.sql', { cwd: root }),
    ];
    expect(sources.length).toBeGreaterThan(20);
    const granted = readerStatements({ name: 'grafana', password: 'p' }, resolveSchemaOptions({})).join('\n');
    for (const source of sources) {
      for (const [table] of readFileSync(join(root, source), 'utf8').matchAll(/\bsystem\.\w+/g)) {
        expect(granted, source).toContain(`ON ${table} `);
      }
    }
  });

  it('and docker-compose.yml gives Grafana nothing of ours that no file reads', () => {
    const read = new Set(files.flatMap(variablesOf));
    const ours = Object.keys(compose.services.grafana!.environment).filter((name) => !name.startsWith('GF_'));
    for (const name of ours) expect(read, name).toContain(name);
  });

  it('the home page of docker-compose.yml is a dashboard that is there', () => {
    const uid = /^\/d\/(.+)$/.exec(compose.services.grafana!.environment.GF_USERS_HOME_PAGE ?? '')?.[1];
    const dashboards = join(root, 'grafana', 'dashboards');
    const found = existsSync(dashboards)
      ? globSync('*.json', { cwd: dashboards }).map(
          (file) => (JSON.parse(readFileSync(join(dashboards, file), 'utf8')) as { uid: string }).uid,
        )
      : [];
    expect(found, relative(root, dashboards)).toContain(uid);
  });
});

describe('docker-compose.yml: the environment of the SMS service', () => {
  /** As docker compose fills it from an .env with these values. */
  const filled = (env: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(compose.services.sms!.environment).map(([name, value]) => [
        name,
        value.replace(
          /\$\{(\w+):([-?])([^}]*)\}/g,
          (_, key: string, kind: string, rest: string) => env[key] || (kind === '-' ? rest : `required-${key}`),
        ),
      ]),
    );
  const account = {
    TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
    TWILIO_AUTH_TOKEN: 'token',
    TWILIO_PHONE_NUMBER: '+14035550000',
    CLIENT_COST_ON_CALL: 'ada=+14035551234;bob=+14035555678',
  };

  it('is one that the service takes', () => {
    const config = readSmsConfig(filled(account), { dryRun: true });
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 8085,
      escalateAfterSeconds: 900,
      repeatAfterSeconds: 86_400,
      textsPerHour: 10,
      quietHours: undefined,
      clickhouse: { url: 'http://clickhouse:8123', user: 'client_cost_sms' },
    });
  });

  it('without a Twilio account the service says what is missing', () => {
    expect(() => readSmsConfig(filled({}), { dryRun: true })).toThrow(
      /TWILIO_ACCOUNT_SID is missing.*TWILIO_AUTH_TOKEN is missing.*CLIENT_COST_ON_CALL is missing/s,
    );
  });
});
