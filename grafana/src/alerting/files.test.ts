import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import type { AlertingFile } from './files.ts';
import { alerting } from './index.ts';
import schema from './schema.json' with { type: 'json' };
import { committed, committedPaths, committedText, rulesOf } from './testing/files.ts';

const validate = new Ajv({ allErrors: true, strictTuples: false }).compile<AlertingFile>(schema);
const errorsOf = (file: unknown): string[] =>
  validate(file)
    ? []
    : (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      );

const RULES = 'provisioning/alerting/rules.yaml';
const IMPORT = 'import/alerting/client-cost.yaml';

test('what is committed is what the sources make', () => {
  const generated = alerting();
  expect(committedPaths().toSorted()).toEqual(Object.keys(generated).toSorted());
  for (const path of committedPaths())
    expect(committedText(path), `${path}: npm run grafana:generate`).toBe(generated[path]);
});

test.each(committedPaths())('%s has only fields that Grafana reads', (path) => {
  expect(errorsOf(committed(path))).toEqual([]);
});

describe('a field that Grafana would drop in silence is refused', () => {
  const misspelt: readonly [string, (text: string) => string][] = [
    ['keep_firing_for', (text) => text.replace('keepFiringFor:', 'keep_firing_for:')],
    [
      'missingSeriesEvalsToResolve',
      (text) => text.replace('missing_series_evals_to_resolve:', 'missingSeriesEvalsToResolve:'),
    ],
    ['no_data_state', (text) => text.replace('noDataState:', 'no_data_state:')],
    ['exec_err_state', (text) => text.replace('execErrState:', 'exec_err_state:')],
    ['datasource_uid', (text) => text.replace('datasourceUid:', 'datasource_uid:')],
    ['raw_sql', (text) => text.replace('rawSql:', 'raw_sql:')],
    ['notificationSettings', (text) => text.replace('notification_settings:', 'notificationSettings:')],
    ['hmac_config', (text) => text.replace('hmacConfig:', 'hmac_config:')],
    ['timestamp_header', (text) => text.replace('timestampHeader:', 'timestamp_header:')],
    ['contact_points', (text) => text.replace('contactPoints:', 'contact_points:')],
    ['groupBy', (text) => text.replace('group_by:', 'groupBy:')],
  ];
  test.each(misspelt)('%s', async (name, change) => {
    const { parse } = await import('yaml');
    const changed = change(committedText(IMPORT));
    expect(changed).not.toBe(committedText(IMPORT));
    expect(errorsOf(parse(changed)).join('\n')).toContain(`"additionalProperty":"${name}"`);
  });

  test('matchers of a policy', async () => {
    const { parse } = await import('yaml');
    const changed = committedText('provisioning/alerting/policies.yaml').replace('object_matchers:', 'objectMatchers:');
    expect(errorsOf(parse(changed)).join('\n')).toContain('"additionalProperty":"objectMatchers"');
  });

  test('a state, a duration or a dashboard without its panel', async () => {
    const { parse } = await import('yaml');
    const text = committedText(RULES);
    expect(errorsOf(parse(text.replace('noDataState: KeepLast', 'noDataState: KeepLastState'))).join()).toContain(
      'noDataState',
    );
    expect(errorsOf(parse(text.replace('keepFiringFor: 1d', 'keepFiringFor: 1 day'))).join()).toContain(
      'keepFiringFor',
    );
    expect(errorsOf(parse(text.replace(/panelId: \d+/, ''))).join()).toContain('panelId');
  });
});

describe('the rules', () => {
  const rules = rulesOf(committed(RULES));

  test('are one per type and severity, with names that stay', () => {
    expect(rules.map(({ rule }) => `${rule.uid} → ${rule.labels.route}`)).toEqual([
      'cc-threshold-warning → clients',
      'cc-threshold-critical → clients',
      'cc-spike-warning → clients',
      'cc-spike-critical → clients',
      'cc-anomaly-warning → clients',
      'cc-pipeline-silent-critical → operations',
      'cc-pipeline-rejected-warning → operations',
      'cc-pipeline-unpriced-warning → operations',
      'cc-pipeline-counters-warning → operations',
      'cc-sms-undelivered-critical → operations',
    ]);
    for (const { rule } of rules) {
      expect(rule.uid).toBe(`cc-${rule.labels.alert_type!.replaceAll('_', '-')}-${rule.labels.severity}`);
      for (const { model } of rule.data) {
        if (!('rawSql' in model)) continue;
        expect(model.rawSql).toContain(`alert_type = '${rule.labels.alert_type}'`);
        if (rule.labels.route === 'clients') expect(model.rawSql).toContain(`severity = '${rule.labels.severity}'`);
      }
    }
    expect(new Set(rules.map(({ rule }) => rule.title)).size).toBe(rules.length);
  });

  test('refer to queries that they have', () => {
    for (const { rule } of rules) {
      const ids = rule.data.map(({ refId }) => refId);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toContain(rule.condition);
      for (const { refId, model } of rule.data) {
        expect(model.refId).toBe(refId);
        if ('expression' in model) expect(ids).toContain(model.expression);
      }
      const used = Object.values(rule.annotations).flatMap((text) =>
        [...text.matchAll(/\.Values\.(\w+)/g)].map(([, id]) => id),
      );
      expect(ids).toEqual(expect.arrayContaining(used));
      expect(
        rule.data.filter(({ refId }) => refId !== rule.condition && refId !== 'state' && !used.includes(refId)),
      ).toEqual([]);
    }
  });

  test('in another Grafana are the same rules, each with its own contact point and no policies', () => {
    const imported = committed(IMPORT);
    expect(imported.policies).toBeUndefined();
    const receivers = imported.contactPoints?.map(({ name }) => name);
    for (const [index, { rule }] of rulesOf(imported).entries()) {
      const { notification_settings: settings, ...rest } = rule;
      expect(rest).toEqual(rules[index]!.rule);
      expect(settings?.receiver).toBe(rule.labels.route === 'clients' ? 'client-cost-sms' : 'client-cost-operations');
      expect(receivers).toContain(settings?.receiver);
    }
    expect(imported.contactPoints).toEqual(committed('provisioning/alerting/contact-points.yaml').contactPoints);
  });

  test('lead to panels that there are', () => {
    const titles = rules.map(({ rule }) => {
      const dashboard = JSON.parse(committedText(`dashboards/${rule.dashboardUid}.json`)) as {
        uid: string;
        panels: { id: number; title: string }[];
      };
      expect(dashboard.uid).toBe(rule.dashboardUid);
      return dashboard.panels.find(({ id }) => id === rule.panelId)?.title;
    });
    expect([...new Set(titles)]).toEqual(['Active alerts', 'Checks']);
  });

  test('lead to what to do', () => {
    for (const { rule } of rules) {
      const [file, anchor] = rule.annotations.runbook!.split('#');
      expect(committedText(`../${file}`)).toMatch(new RegExp(`^### ${anchor}$`, 'm'));
    }
  });

  test('of clients keep their state when a query fails, so that no error takes their route', () => {
    for (const { rule } of rules) {
      const watches = rule.uid === 'cc-pipeline-silent-critical';
      expect([rule.execErrState, rule.noDataState]).toEqual(watches ? ['Error', 'NoData'] : ['KeepLast', 'KeepLast']);
    }
  });
});
