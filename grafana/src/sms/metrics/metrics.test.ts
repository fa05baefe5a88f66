import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { readSmsConfig } from '../config.ts';
import { openStore } from '../store/open.ts';
import { createSmsMetrics } from './metrics.ts';

test('the same figures go out over OTLP where an endpoint is set, the last ones at the end', async () => {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    bodies.push(`${request.url} ${Buffer.concat(parts).toString()}`);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const before = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
  const config = readSmsConfig({
    CLIENT_COST_SMS_DATABASE: ':memory:',
    CLIENT_COST_ALERT_WEBHOOK_SECRET: 'w'.repeat(24),
    CLIENT_COST_ON_CALL: 'ada=+14035551234',
    TWILIO_ACCOUNT_SID: `AC${'a'.repeat(32)}`,
    TWILIO_AUTH_TOKEN: 'b'.repeat(32),
    TWILIO_PHONE_NUMBER: '+14035550000',
  });
  const log = { info() {}, warn() {}, error() {} };
  const metrics = createSmsMetrics({ db: openStore(':memory:'), config, clock: { now: () => Date.now() }, log });
  metrics.acknowledged('link', 3);
  metrics.delivered(4.2, 'critical');
  await metrics.close();
  if (before === undefined) delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  else process.env.OTEL_EXPORTER_OTLP_ENDPOINT = before;
  await new Promise((resolve) => server.close(resolve));
  expect(bodies).toHaveLength(1);
  expect(bodies[0]).toMatch(/^\/v1\/metrics /);
  for (const name of ['acknowledgements', 'delivery.duration', 'texts', 'events_waiting', 'unanswered']) {
    expect(bodies[0]).toContain(`"client_cost.sms.${name}"`);
  }
});
