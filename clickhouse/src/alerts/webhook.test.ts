import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { RecordedAlert } from './recorded.ts';
import { AlertSettingError, webhookSecret, webhookUrls } from './settings.ts';
import type { ClientAlertState } from './states.ts';
import { firingClientAlert, firingPipelineAlert, resolvedAlert, signatureHeaders, webhookBody } from './webhook.ts';

const spike: ClientAlertState = {
  clientId: 'acme',
  clientName: 'Acme Inc.',
  alertType: 'spike',
  severity: 'warning',
  month: '2026-11',
  firing: true,
  value: '62.5',
  threshold: '50',
  currentCost: '16.255',
  previousCost: '10.000000000001',
  projectedCost: '48.75',
  percentChange: 62.5,
  sameDays: true,
  message: 'Usage is 63% higher than in the same days of last month',
};
const SINCE = '2026-11-10T12:00:00.000Z';

describe('the webhook', () => {
  test('of a spike has its figures, rounded half away from zero, and no others', () => {
    expect(firingClientAlert(spike, SINCE)).toMatchObject({
      status: 'firing',
      startsAt: SINCE,
      endsAt: '0001-01-01T00:00:00Z',
      annotations: { summary: spike.message, current_cost: '16.26', previous_cost: '10.00', percent_change: '63' },
    });
    expect(Object.keys(firingClientAlert(spike, SINCE).annotations)).not.toContain('threshold');
  });

  test('has no empty labels: the pipeline has neither client nor month', () => {
    const silent = firingPipelineAlert(
      {
        alertType: 'pipeline_silent',
        severity: 'critical',
        firing: true,
        value: 75,
        threshold: 60,
        message: 'No usage',
      },
      SINCE,
    );
    expect(silent.labels).toEqual({
      alertname: 'No usage arrives',
      alert_type: 'pipeline_silent',
      severity: 'critical',
      route: 'operations',
    });
    expect(silent.annotations).toEqual({ summary: 'No usage' });
  });

  test('of an end has the labels and the fingerprint of the beginning', () => {
    const open = {
      key: 'spike:warning:2026-11:acme',
      clientId: 'acme',
      clientName: 'Acme Inc.',
      alertType: 'spike',
      severity: 'warning',
      month: '2026-11',
      message: spike.message,
      firedAt: SINCE,
    } as RecordedAlert;
    const { labels, fingerprint } = firingClientAlert(spike, SINCE);
    expect(resolvedAlert(open, '2026-11-11T00:00:00.000Z')).toMatchObject({
      status: 'resolved',
      labels,
      fingerprint,
      startsAt: SINCE,
      endsAt: '2026-11-11T00:00:00.000Z',
    });
  });

  test("has Grafana's fields", () => {
    const alert = firingClientAlert(spike, SINCE);
    const other = firingClientAlert({ ...spike, clientId: 'globex', clientName: 'Globex' }, SINCE);
    const body = webhookBody('clients', [alert, other]);
    expect(Object.keys(body).sort()).toEqual(
      (
        'receiver status alerts groupLabels commonLabels commonAnnotations externalURL version groupKey truncatedAlerts orgId title state ' +
        'message'
      )
        .split(' ')
        .sort(),
    );
    expect(body).toMatchObject({
      receiver: 'client-cost-check',
      status: 'firing',
      state: 'alerting',
      title: '[FIRING:2] client-cost clients',
      commonLabels: { alert_type: 'spike', severity: 'warning', month: '2026-11', route: 'clients' },
    });
    expect(Object.keys(body.commonLabels as object)).not.toContain('client_id');
  });

  test('is signed over time and body', () => {
    expect(signatureHeaders('secret', '{"a":"ü"}', 1_770_000_000_999)).toEqual({
      'X-Grafana-Alerting-Timestamp': '1770000000',
      'X-Grafana-Alerting-Signature': createHmac('sha256', 'secret').update('1770000000:{"a":"ü"}').digest('hex'),
    });
  });
});

describe('settings', () => {
  test.each([
    [undefined, 'http://127.0.0.1:8085/webhooks/grafana', 'http://127.0.0.1:8085/webhooks/grafana/operations'],
    ['https://sms.corp/x/', 'https://sms.corp/x', 'https://sms.corp/x/operations'],
    ['https://sms.corp/x?tenant=1', 'https://sms.corp/x?tenant=1', 'https://sms.corp/x/operations?tenant=1'],
  ])('address %s', (given, clients, operations) => {
    expect(webhookUrls(given === undefined ? {} : { CLIENT_COST_ALERT_WEBHOOK_URL: given })).toEqual({
      clients,
      operations,
    });
  });

  test('a secret from neither place is an error that names both', () => {
    expect(() => webhookSecret({})).toThrow(AlertSettingError);
    expect(() => webhookSecret({})).toThrow(
      /CLIENT_COST_ALERT_WEBHOOK_SECRET is not set.*CLIENT_COST_ALERT_WEBHOOK_SECRET_FILE/,
    );
    expect(webhookSecret({ CLIENT_COST_ALERT_WEBHOOK_SECRET: 'x' })).toBe('x');
  });
});
