import { describe, expect, test } from 'vitest';
import { committed, committedPaths, rulesOf } from './files.ts';
import { type AnnotationExpansion, expand, interpolate, provision } from './provisioning.ts';

// Written so that no linter takes it for a template literal.
const inBraces = (name: string): string => `$\u007B${name}}`;

const ENV = {
  CLIENT_COST_SMS_URL: 'http://sms:8085',
  CLIENT_COST_ALERT_WEBHOOK_SECRET: `S3cret$HOME${inBraces('X')}$$end`,
};

describe('expansion as in Go', () => {
  const cases: readonly [text: string, expanded: string][] = [
    ['$A/webhooks', 'a/webhooks'],
    [`${inBraces('A')}B`, 'aB'],
    ['$AB', ''],
    ['100 $', '100 $'],
    ['$%.2f', '$%.2f'],
    ['$ 5', '$ 5'],
    [`${inBraces('')}x`, 'x'],
    [inBraces('A').slice(0, -1), 'A'],
    ['$1.50', '.50'],
    ['^a|b$)', '^a|b$)'],
  ];
  test.each(cases)('%s', (text, expanded) => {
    expect(expand(text, (name) => (name === 'A' ? 'a' : ''))).toBe(expanded);
  });

  test('two dollars are one, and braces are expanded twice', () => {
    expect(interpolate('{{ $$labels.x }}', {})).toEqual({ text: '{{ $labels.x }}', unset: [] });
    expect(interpolate('{{ $labels.x }}', {})).toEqual({ text: '{{ .x }}', unset: ['labels'] });
    expect(interpolate('$P', { P: 'a$b' }).text).toBe('a$b');
    expect(interpolate(inBraces('P'), { P: 'a$b' }).text).toBe('a');
    expect(interpolate('$__env{P}', { P: 'x' }).text).toBe('x');
  });
});

describe('what Grafana holds after reading the files', () => {
  const modes: readonly AnnotationExpansion[] = ['raw', 'braced', 'all'];

  test.each(committedPaths())('%s: rules and policies are the same under every kind of expansion', (path) => {
    const file = committed(path);
    for (const mode of modes) {
      const read = provision(file, ENV, mode).file;
      expect(read.groups).toEqual(file.groups);
      expect(read.policies).toEqual(file.policies);
    }
  });

  test('no template, label or query has a dollar but that of an amount', () => {
    for (const { rule } of rulesOf(committed('import/alerting/client-cost.yaml'))) {
      expect(JSON.stringify(rule).replaceAll('\\"$%.2f\\"', '')).not.toContain('$');
    }
  });

  test('address and secret come from the environment, a secret with dollars whole', () => {
    const { file, unset } = provision(committed('provisioning/alerting/contact-points.yaml'), ENV);
    expect(unset).toEqual([]);
    expect(file.contactPoints?.map(({ name, receivers }) => [name, receivers[0]!.settings])).toEqual(
      [
        ['client-cost-sms', 'http://sms:8085/webhooks/grafana'],
        ['client-cost-operations', 'http://sms:8085/webhooks/grafana/operations'],
      ].map(([name, url]) => [
        name,
        {
          url,
          httpMethod: 'POST',
          maxAlerts: 0,
          hmacConfig: {
            secret: ENV.CLIENT_COST_ALERT_WEBHOOK_SECRET,
            header: 'X-Grafana-Alerting-Signature',
            timestampHeader: 'X-Grafana-Alerting-Timestamp',
          },
        },
      ]),
    );
  });

  test('what is not set is named: Grafana itself would say nothing', () => {
    expect(provision(committed('import/alerting/client-cost.yaml'), {}).unset).toEqual([
      'CLIENT_COST_ALERT_WEBHOOK_SECRET',
      'CLIENT_COST_SMS_URL',
    ]);
    expect(provision(committed('provisioning/alerting/rules.yaml'), {}).unset).toEqual([]);
    expect(provision(committed('provisioning/alerting/policies.yaml'), {}).unset).toEqual([]);
  });
});
