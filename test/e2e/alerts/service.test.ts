import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getActiveAlerts, getRecordedAlerts, type RecordedAlert } from '../../../clickhouse/src/alerts/index.ts';
import { runCli } from '../../../clickhouse/src/cli/program.ts';
import { setClient } from '../../../clickhouse/src/queries/index.ts';
import {
  freshLedger,
  startTestEngine,
  type TestEngine,
  uuidv7,
} from '../../../clickhouse/src/queries/testing/ledger.ts';
import { SECRET, startTestService, type TestService } from '../../../grafana/src/sms/server/testing/service.ts';
import { eventually } from '../../support/stack.ts';
import { charge } from './support.ts';

// The check against the real SMS service: cost → rule → signed webhook → text → acknowledged → corrected → resolved, all read back from the ledger.

let engine: TestEngine;
let client: ClickHouseClient;
let service: TestService;

beforeAll(async () => {
  engine = await startTestEngine();
  client = await freshLedger(engine, 'served');
  service = await startTestService({
    env: {
      CLICKHOUSE_URL: engine.url,
      CLICKHOUSE_USER: 'default',
      CLICKHOUSE_PASSWORD: '',
      CLICKHOUSE_DATABASE: 'served',
    },
  });
});
afterAll(async () => {
  await service?.close();
  await engine?.stop();
});

const DAY = '2026-03-10';
const KEY = 'threshold:critical:2026-03:acme';
const BIG = uuidv7(`${DAY}T12:00:00Z`);

async function alerts(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return alertsSigned(SECRET, argv);
}

async function alertsSigned(secret: string, argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await runCli(['alerts', ...argv], {
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    env: {
      CLICKHOUSE_URL: engine.url,
      CLICKHOUSE_DATABASE: 'served',
      CLIENT_COST_ALERT_WEBHOOK_URL: `${service.url}/webhooks/grafana`,
      CLIENT_COST_ALERT_WEBHOOK_SECRET: secret,
    },
    tty: false,
    now: () => new Date(),
  });
  return { code, ...said };
}

const becomes = (status: RecordedAlert['status']): Promise<RecordedAlert> =>
  eventually(`${KEY} is ${status}`, async () =>
    (await getRecordedAlerts(client)).find((alert) => alert.key === KEY && alert.status === status),
  );

test('a cost that is too high is texted once, acknowledged by the command, and over when it is corrected', async () => {
  await setClient(client, { id: 'acme', name: 'Acme Inc.' });
  await charge(client, [['acme', DAY, '150', BIG]]);

  expect(await alerts('check', '--as-of', DAY)).toMatchObject({ code: 0, err: '' });
  await service.idle();
  expect(service.texts().map(({ body }) => body)).toEqual([
    expect.stringContaining('Usage Alert for Acme Inc.: Monthly usage has exceeded $100.00'),
  ]);
  expect(await becomes('firing')).toMatchObject({
    clientName: 'Acme Inc.',
    message: 'Monthly usage has exceeded $100.00',
  });

  // Cron comes again: nothing new is said.
  expect((await alerts('check', '--as-of', DAY)).code).toBe(0);
  await service.idle();
  expect(service.texts()).toHaveLength(1);

  expect(await alerts('acknowledge', KEY, '--by', 'ada')).toEqual({
    code: 0,
    err: '',
    out: expect.stringContaining(`${KEY}: acknowledged by ada`),
  });
  expect(await becomes('acknowledged')).toMatchObject({ acknowledgedBy: 'ada', acknowledgedHow: 'command' });
  expect((await getActiveAlerts(client)).map(({ key }) => key).sort()).toEqual(['anomaly:warning:2026-03:acme', KEY]);
  expect((await alerts('list')).out).toMatch(
    /critical +Acme Inc\. \(acme\) +Monthly usage has exceeded \$100\.00 .* by ada \(command\)/,
  );

  await charge(client, [['acme', DAY, '15', BIG, 2]]);
  expect((await alerts('check', '--as-of', DAY)).out).toMatch(/0 alerts firing, 3 resolved/);
  await becomes('resolved');
  await eventually('nothing is open', async () => ((await getActiveAlerts(client)).length === 0 ? true : undefined));
  expect((await alerts('check', '--as-of', DAY)).out).toMatch(/0 alerts firing, 0 resolved/);
  expect(service.texts()).toHaveLength(1);
});

test('with another secret it is refused, and nothing is texted', async () => {
  const before = service.texts().length;
  await charge(client, [['globex', DAY, '60']]);
  const { code, err } = await alertsSigned('another secret, not this one', ['check', '--as-of', DAY]);
  expect(code).toBe(1);
  expect(err).toMatch(/alerts? not told: .* does not accept the signature \(401: unauthorized\)/);
  await service.idle();
  expect(service.texts()).toHaveLength(before);
});
