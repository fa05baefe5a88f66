import { describe, expect, it } from 'vitest';
import type { Stack } from '../stack/index.ts';
import { describeStack } from './start.ts';

const stack: Stack = {
  clickhouse: { url: 'http://127.0.0.1:8123', user: 'client_cost', password: 'o', database: 'client_cost' },
  reader: { url: 'http://127.0.0.1:8123', user: 'grafana', password: 'r', database: 'client_cost' },
  writer: { url: 'http://127.0.0.1:8123', user: 'client_cost_writer', password: 'r', database: 'client_cost' },
  mode: 'direct',
  env: { CLIENT_COST_EXPORTER: 'clickhouse' },
  clientEnv: { CLICKHOUSE_URL: 'http://127.0.0.1:8123' },
  failed: new Promise<never>(() => {}),
  pids: () => ({ engine: 1, collector: undefined }),
  stop: async () => {},
};

describe('describeStack', () => {
  it('says nothing of Grafana when none was asked for, and why there is none when one was', () => {
    expect(describeStack(stack)).not.toMatch(/Grafana/);
    expect(describeStack({ ...stack, grafanaMissing: 'no grafana on PATH' })).toContain(
      'Grafana      none: no grafana on PATH\n',
    );
  });

  it('says where Grafana is, where its password is kept (not what it is), and how its alerts become texts', () => {
    const grafana = {
      url: 'http://127.0.0.1:3001',
      user: 'admin',
      password: 'of-the-admin',
      alertsTo: 'http://127.0.0.1:8085',
      smsEnv: { CLIENT_COST_ALERT_WEBHOOK_SECRET: 'w', GRAFANA_URL: 'http://127.0.0.1:3001' },
    };
    const text = describeStack({ ...stack, grafana }, '/data');
    expect(text).toContain('http://127.0.0.1:3001   user admin, password: grafana_admin in /data/passwords.json');
    expect(text).not.toContain('of-the-admin');
    expect(text).toMatch(/alerts go to http:\/\/127\.0\.0\.1:8085.*\n {2}export CLIENT_COST_ALERT_WEBHOOK_SECRET='w'/);
  });
});
