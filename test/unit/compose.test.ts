import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { GRAFANA_PLUGIN } from '../../clickhouse/src/stack/grafana-path.ts';
import { composeValidator as validator } from '../support/compose.ts';

const root = join(import.meta.dirname, '..', '..');

interface Service {
  image: string;
  profiles?: string[];
  command?: string[];
  build?: { context: string; dockerfile: string };
  environment: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const compose = parse(text) as Compose;
const services = Object.entries(compose.services);

describe('docker-compose.yml', () => {
  it('is valid under the compose specification', () => {
    const validate = validator();
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('would be found invalid with a misspelt key, so the validation does work', () => {
    const wrong = parse(text.replace('healthcheck:', 'healthchecks:'));
    expect(validator()(wrong)).toBe(false);
  });

  it.each(services)('%s: image pinned to a version', (_name, service) => {
    expect(service.image).toMatch(/:\d+\.\d+\.\d+[\w.-]*$/);
  });

  it('Dockerfiles start from pinned images', () => {
    const files = new Set(services.flatMap(([, service]) => (service.build ? [service.build.dockerfile] : [])));
    expect(files.size).toBe(2);
    for (const file of files) {
      const images = [...readFileSync(join(root, file), 'utf8').matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
      expect(images.length).toBeGreaterThan(0);
      for (const image of images) expect(image).toMatch(/:\d+\.\d+\.\d+/);
    }
  });

  it('the image of the app knows every workspace: npm ci refuses a lock file without one', () => {
    const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
    const dockerfile = readFileSync(join(root, 'docker', 'app.Dockerfile'), 'utf8');
    for (const name of workspaces) expect(dockerfile).toContain(`COPY ${name}/package.json ${name}/\n`);
  });

  it.each(services.filter(([name]) => name !== 'migrate'))('%s: has a health check', (_name, service) => {
    expect(service.healthcheck?.test[0]).toBe('CMD');
  });

  it.each(services)('%s: publishes its ports on the loopback interface only', (_name, service) => {
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('every named volume that is used is declared, and the other way round', () => {
    const used = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!));
    const named = new Set(used.filter((volume) => !volume.startsWith('.')));
    expect(named).toEqual(new Set(Object.keys(compose.volumes)));
  });

  it('starts in order: clickhouse, migrations, collector, example', () => {
    expect(compose.services.migrate?.depends_on).toEqual({ clickhouse: { condition: 'service_healthy' } });
    expect(compose.services.collector?.depends_on).toEqual({
      migrate: { condition: 'service_completed_successfully' },
    });
    expect(compose.services.example?.depends_on).toEqual({ collector: { condition: 'service_healthy' } });
    for (const name of ['grafana', 'sms']) {
      expect(compose.services[name]?.depends_on, name).toEqual({
        migrate: { condition: 'service_completed_successfully' },
      });
    }
  });

  it.each(services.filter(([name]) => name !== 'clickhouse'))('%s: read-only, no capabilities', (_name, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
  });
});

describe('docker-compose.yml: grafana', () => {
  const { grafana, migrate, sms } = compose.services;

  it('lets nobody in without a password, and calls nobody', () => {
    expect(grafana?.environment).toMatchObject({
      GF_AUTH_ANONYMOUS_ENABLED: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_USERS_ALLOW_ORG_CREATE: 'false',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
    });
    expect(grafana?.environment.GF_SECURITY_ADMIN_PASSWORD).toMatch(/^\$\{GRAFANA_ADMIN_PASSWORD:\?/);
    expect(grafana?.environment.GF_SECURITY_SECRET_KEY).toMatch(/^\$\{GRAFANA_SECRET_KEY:\?/);
  });

  it('installs one version of the plugin, before provisioning, and no other later', () => {
    const { id, version } = GRAFANA_PLUGIN;
    expect(grafana?.environment.GF_PLUGINS_PREINSTALL_SYNC).toBe(`${id}@${version}`);
    expect(`${id}@${version}`).toMatch(/^grafana-clickhouse-datasource@4\.20\.\d+$/);
    expect(grafana?.environment.GF_PLUGINS_PREINSTALL_AUTO_UPDATE).toBe('false');
  });

  it('mounts provisioning and dashboards read-only, where its settings look for them', () => {
    expect(grafana?.volumes).toContain('./grafana/provisioning:/etc/grafana/provisioning:ro');
    expect(grafana?.volumes).toContain(`./grafana/dashboards:${grafana?.environment.CLIENT_COST_DASHBOARDS}:ro`);
  });

  it('reads as the user that the migrations make, and shares the secret with the SMS service', () => {
    for (const name of ['CLICKHOUSE_READER_USER', 'CLICKHOUSE_READER_PASSWORD']) {
      expect(grafana?.environment[name], name).toBe(migrate?.environment[name]);
    }
    expect(grafana?.environment.CLICKHOUSE_READER_USER).not.toBe(migrate?.environment.CLICKHOUSE_USER);
    expect(grafana?.environment).not.toHaveProperty('CLICKHOUSE_PASSWORD');
    const secret = grafana?.environment.CLIENT_COST_ALERT_WEBHOOK_SECRET;
    expect(secret).toBe(sms?.environment.CLIENT_COST_ALERT_WEBHOOK_SECRET);
    expect(grafana?.environment.CLIENT_COST_SMS_URL).toBe(`http://sms:${sms?.environment.CLIENT_COST_SMS_PORT}`);
  });
});

describe('docker-compose.yml: users of ClickHouse', () => {
  const { clickhouse, migrate, collector, sms, example, grafana } = compose.services;

  it('the owner’s password is for the migrations alone', () => {
    const owner = services.filter(([, { environment }]) =>
      JSON.stringify(environment).includes('${CLICKHOUSE_PASSWORD:'),
    );
    expect(owner.map(([name]) => name)).toEqual(['clickhouse', 'migrate']);
    expect(clickhouse?.environment.CLICKHOUSE_USER).toBe(migrate?.environment.CLICKHOUSE_USER);
    expect(example?.environment).not.toHaveProperty('CLICKHOUSE_USER');
  });

  it.each([
    ['WRITER', collector],
    ['SMS', sms],
  ])('the user %s that the migrations make is the one that is used', (prefix, service) => {
    expect(service?.environment.CLICKHOUSE_USER).toBe(migrate?.environment[`CLICKHOUSE_${prefix}_USER`]);
    expect(service?.environment.CLICKHOUSE_PASSWORD).toBe(migrate?.environment[`CLICKHOUSE_${prefix}_PASSWORD`]);
    expect(grafana?.environment.CLICKHOUSE_READER_USER).not.toBe(service?.environment.CLICKHOUSE_USER);
  });
});

describe('docker-compose.yml: sms', () => {
  const { sms } = compose.services;

  it('runs only when its profile is asked for, and keeps its outbox on a volume', () => {
    expect(sms?.profiles).toEqual(['sms']);
    const folder = sms?.volumes?.[0]?.split(':')[1];
    expect(sms?.environment.CLIENT_COST_SMS_DATABASE?.startsWith(`${folder}/`)).toBe(true);
  });

  it('its program is in the image', () => {
    const dockerfile = readFileSync(join(root, 'docker', 'app.Dockerfile'), 'utf8');
    for (const [, service] of services.filter(([, { build }]) => build?.dockerfile === 'docker/app.Dockerfile')) {
      const program = service.command?.find((part) => part.endsWith('.js')) ?? 'no program';
      expect(dockerfile).toContain(`COPY --from=build /app/${program.split('/dist/')[0]}/dist`);
    }
  });
});

describe('.env.example', () => {
  const lines = readFileSync(join(root, '.env.example'), 'utf8').split('\n');
  const values = new Map(
    lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
  const used = [...text.matchAll(/\$\{(\w+)(:[-?])?/g)].map((match) => ({ name: match[1]!, kind: match[2] }));

  it('names exactly the variables that docker-compose.yml uses', () => {
    // COMPOSE_* are read by docker compose itself.
    expect(new Set(values.keys())).toEqual(
      new Set([...used.map(({ name }) => name), 'COMPOSE_PROJECT_NAME', 'COMPOSE_PROFILES']),
    );
  });

  it('every variable is either required with a message or has a default', () => {
    for (const { name, kind } of used) expect([':-', ':?'], name).toContain(kind);
  });

  it('has no password that works: required ones are empty, which docker compose refuses', () => {
    const required = new Set(used.filter(({ kind }) => kind === ':?').map(({ name }) => name));
    expect(required).toEqual(
      new Set([
        'CLICKHOUSE_OPERATOR_PASSWORD',
        'CLICKHOUSE_PASSWORD',
        'CLICKHOUSE_READER_PASSWORD',
        'CLICKHOUSE_SMS_PASSWORD',
        'CLICKHOUSE_WRITER_PASSWORD',
        'CLIENT_COST_ALERT_WEBHOOK_SECRET',
        'GRAFANA_ADMIN_PASSWORD',
        'GRAFANA_SECRET_KEY',
        'OTLP_TOKEN',
        'OPENAI_API_KEY',
      ]),
    );
    for (const name of required) expect(values.get(name), name).toBe('');
    for (const [, service] of services) {
      for (const [name, value] of Object.entries(service.environment)) {
        // What only the SMS service wants may be missing until somebody starts it; a value of its own it may not have.
        if (/PASSWORD|TOKEN|KEY|SECRET|SID/.test(name)) expect(value, name).toMatch(/^\$\{\w+:(\?|-\}$)/);
      }
    }
  });

  it('what has a default has the same one in both files', () => {
    for (const [, name, value] of text.matchAll(/\$\{(\w+):-([^}]*)\}/g)) expect(values.get(name!), name).toBe(value);
  });
});
