import { expect, test } from 'vitest';
import { committed, rulesOf } from './files.ts';
import { render } from './template.ts';

const rules = rulesOf(committed('provisioning/alerting/rules.yaml')).map(({ rule }) => rule);

test('a link leads to the client and the month, whatever the client is called', () => {
  const dashboard = rules[0]!.annotations.dashboard!;
  const link = new URL(render(dashboard, { Labels: { client_id: 'a&b c/ü', month: '2026-02' }, Values: {} }));
  expect(link.pathname).toBe('/d/client-cost-client');
  expect(link.searchParams.get('var-client')).toBe('a&b c/ü');
  expect(link.searchParams.get('var-month')).toBe('2026-02');
});

test('without its values an alert still says what it is', () => {
  for (const rule of rules) {
    const text = render(rule.annotations.summary!, { Labels: {}, Values: {} });
    expect(text).toMatch(/^[A-Z][^{}]{15,}$/);
    expect(text).not.toContain('no value');
    for (const template of Object.values(rule.annotations)) render(template, { Labels: {}, Values: {} });
  }
});
