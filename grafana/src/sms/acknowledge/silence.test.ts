import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ADA, startTestService, type TestService } from '../server/testing/service.ts';

let service: TestService | undefined;
let grafana: Server | undefined;
afterEach(async () => {
  await service?.close();
  grafana?.closeAllConnections();
  await new Promise((resolve) => (grafana === undefined ? resolve(0) : grafana.close(resolve)));
  service = grafana = undefined;
});

interface Silence {
  matchers: { name: string; value: string; isRegex: boolean; isEqual: boolean }[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

/** Grafana's endpoint of silences, which fails as often as told. */
async function startGrafana(
  failures = 0,
): Promise<{ url: string; requests: { auth: string; path: string; body: Silence }[] }> {
  const requests: { auth: string; path: string; body: Silence }[] = [];
  grafana = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    requests.push({
      auth: String(request.headers.authorization),
      path: `${request.method} ${request.url}`,
      body: JSON.parse(Buffer.concat(parts).toString()) as Silence,
    });
    response.writeHead(requests.length <= failures ? 500 : 202, { 'content-type': 'application/json' });
    response.end('{"silenceID":"c1b5a2f0"}');
  });
  await new Promise<void>((resolve) => grafana!.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(grafana.address() as { port: number }).port}`, requests };
}

async function acknowledged(url: string): Promise<TestService> {
  service = await startTestService({ env: { GRAFANA_URL: url, GRAFANA_TOKEN: 'glsa_secret' } });
  const month = new Date(service.now()).toISOString().slice(0, 7);
  await service.webhook([{ month }]);
  await service.idle();
  await service.reply(ADA, 'ok');
  return service;
}

const silenced = () => service!.rows<{ n: number }>("SELECT count(*) AS n FROM events WHERE event = 'silenced'")[0]!.n;

test('an acknowledged alert is silenced in Grafana until its month ends', async () => {
  const { url, requests } = await startGrafana();
  const { now } = await acknowledged(url);
  await service!.idle();
  expect(requests).toHaveLength(1);
  const [{ auth, path, body }] = requests as [(typeof requests)[0]];
  expect([auth, path]).toEqual(['Bearer glsa_secret', 'POST /api/alertmanager/grafana/api/v2/silences']);
  const labels = Object.fromEntries(body.matchers.map(({ name, value }) => [name, value]));
  expect(labels).toMatchObject({ alert_type: 'threshold', severity: 'critical', client_id: 'acme' });
  expect(body.matchers.every(({ isRegex, isEqual }) => !isRegex && isEqual)).toBe(true);
  const today = new Date(now());
  expect(body.endsAt).toBe(new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 1)).toISOString());
  expect([body.createdBy, body.comment]).toEqual(['ada', 'Acknowledged by ada']);
  expect(silenced()).toBe(1);
  expect(service!.logged.join('')).not.toContain('glsa_secret');
});

test('a Grafana that fails is tried again, and never in the way of the acknowledgement', async () => {
  const { url, requests } = await startGrafana(1);
  await acknowledged(url);
  await service!.idle();
  expect([requests.length, silenced()]).toEqual([1, 0]);
  expect(service!.rows('SELECT acknowledged_by AS by FROM alerts')).toEqual([{ by: 'ada' }]);
  for (let i = 0; i < 100 && silenced() === 0; i++) await sleep(100);
  expect([requests.length, silenced()]).toEqual([2, 1]);
});

test('what was silenced and not heard of since the month ended is over', async () => {
  const { url } = await startGrafana();
  await acknowledged(url);
  await service!.idle();
  const status = () => service!.rows('SELECT status FROM alerts');
  await service!.stopService();
  const today = new Date(Date.now());
  const end = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 1);
  service!.ahead = end - Date.now() + 47 * 3_600_000;
  await service!.startService();
  expect(status()).toEqual([{ status: 'firing' }]);
  await service!.stopService();
  service!.ahead += 2 * 3_600_000;
  await service!.startService();
  expect(status()).toEqual([{ status: 'resolved' }]);
  expect(service!.rows("SELECT json_extract(row, '$.event') AS event FROM events ORDER BY at DESC LIMIT 1")).toEqual([
    { event: 'resolved' },
  ]);
});
