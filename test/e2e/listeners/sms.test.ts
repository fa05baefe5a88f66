import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS, SIGNED_BYTES } from '../../../grafana/src/sms/server/limits.ts';
import {
  ADA,
  codeOf,
  FROM,
  SECRET,
  startTestService,
  type TestService,
} from '../../../grafana/src/sms/server/testing/service.ts';
import { grafanaBody, signed } from '../../../grafana/src/sms/server/testing/webhook.ts';
import { Raw } from './sockets.ts';

let service: TestService;
afterEach(() => service?.close());

const FEW = {
  ...LIMITS,
  webhookRefused: { perMinute: 5, refusedOnly: true },
  twilioRefused: { perMinute: 5, refusedOnly: true },
  linkRefused: { perMinute: 5, refusedOnly: true },
};

/** Forged webhooks that say they come from `from`. */
async function forge(count: number, from?: (n: number) => string): Promise<number[]> {
  const statuses: number[] = [];
  for (let n = 0; n < count; n++) {
    const headers = {
      ...signed('{}', 'another-secret-0123456789', service.now()),
      ...(from ? { 'x-forwarded-for': from(n) } : {}),
    };
    statuses.push((await service.post('/webhooks/grafana', '{}', headers)).status);
  }
  return statuses;
}

describe('a flood', () => {
  test('of forged webhooks from the same address takes nothing from Grafana', async () => {
    service = await startTestService({ limits: FEW });
    expect(await forge(8)).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    // Unsigned ones are not looked at any more; signed ones are.
    expect((await service.post('/webhooks/grafana', '{}', {})).status).toBe(429);
    expect((await service.webhook([{}])).status).toBe(200);
    const big = JSON.stringify({ ...grafanaBody([{}]), pad: 'x'.repeat(SIGNED_BYTES) });
    expect((await service.post('/webhooks/grafana', big, signed(big, SECRET, service.now()))).status).toBe(429);
    expect(service.rows('SELECT count(*) AS n FROM alerts')).toEqual([{ n: 1 }]);
  });

  test('beyond the limit of everybody together takes nothing from Grafana either', async () => {
    service = await startTestService({ limits: { ...LIMITS, everybody: { perMinute: 3, everybody: true } } });
    expect(await forge(5)).toEqual([401, 401, 401, 429, 429]);
    expect((await service.webhook([{}])).status).toBe(200);
  });

  test("of forged callbacks takes nothing from Twilio's own", async () => {
    service = await startTestService({ limits: FEW });
    await service.webhook([{}]);
    await service.idle();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'bm8=' };
    const statuses: number[] = [];
    for (let n = 0; n < 7; n++)
      statuses.push(
        (await service.post('/twilio/incoming', `From=${encodeURIComponent(ADA)}&To=${FROM}`, headers)).status,
      );
    expect(statuses).toEqual([403, 403, 403, 403, 403, 429, 429]);
    expect(await service.reply(ADA, codeOf(service.texts()[0]!.body))).toContain('Acknowledged');
  });

  test('of guessed links ends in 429, and an address that is written into a header does not help', async () => {
    service = await startTestService({ limits: FEW });
    const statuses: number[] = [];
    for (let n = 0; n < 8; n++) {
      const headers = { 'x-forwarded-for': `203.0.113.${n}` };
      statuses.push((await fetch(`${service.url}/a/guess${n}.zzzz.1234`, { headers })).status);
    }
    expect(statuses).toEqual([404, 404, 404, 404, 404, 429, 429, 429]);
    // Who asks the service itself is somebody else.
    expect((await fetch(`${service.url}/a/guess.zzzz.1234`)).status).toBe(404);
  });

  test('behind a proxy that the settings name is limited by the address that the proxy saw', async () => {
    service = await startTestService({ limits: FEW, env: { CLIENT_COST_SMS_TRUSTED_PROXIES: 'loopback' } });
    const guess = async (from: string) =>
      (await fetch(`${service.url}/a/guess.zzzz.1`, { headers: { 'x-forwarded-for': from } })).status;
    // The first is what the client wrote, the last what the proxy saw.
    for (let n = 0; n < 5; n++) expect(await guess(`198.51.100.${n}, 203.0.113.7`)).toBe(404);
    expect(await guess('198.51.100.9, 203.0.113.7')).toBe(429);
    expect(await guess('203.0.113.8')).toBe(404);
  });

  test('the proxies that are named must be addresses', async () => {
    const env = { CLIENT_COST_SMS_TRUSTED_PROXIES: '10.0.0.0/8, everybody, 1.2.3.4/99, ::1, 0.0.0.0/0' };
    await expect(startTestService({ env })).rejects.toThrow(/"everybody"[\s\S]*"1\.2\.3\.4\/99"[\s\S]*"0\.0\.0\.0\/0"/);
  });
});

describe('a slow sender', () => {
  test('of headers is answered 408, and of a body too; others are served meanwhile', async () => {
    service = await startTestService();
    const heads = new Raw(service.url);
    heads.write('POST /webhooks/grafana HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => heads.write('x-a: b\r\n'), 200);
    const body = new Raw(service.url);
    body.write(
      'POST /webhooks/grafana HTTP/1.1\r\nhost: x\r\nx-grafana-alerting-signature: x\r\ncontent-length: 1000\r\n\r\n{',
    );
    const trickle = setInterval(() => body.write(' '), 200);
    try {
      expect((await service.webhook([{}])).status).toBe(200);
      expect(await heads.end()).toBe(408);
      expect((await service.webhook([{ client: 'globex' }])).status).toBe(200);
      expect(await body.end()).toBe(408);
    } finally {
      clearInterval(drip);
      clearInterval(trickle);
    }
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  });

  test('headers have a length', async () => {
    service = await startTestService();
    const raw = new Raw(service.url);
    raw.write(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(await raw.end()).toBe(431);
  });

  test('an address has so many connections, and Grafana on it gets through when they are cut off', async () => {
    service = await startTestService();
    const idle = Array.from({ length: 150 }, () => new Raw(service.url));
    await Promise.all(
      idle.slice(0, 50).map(({ socket }) => new Promise<void>((resolve) => socket.once('connect', resolve))),
    );
    await Promise.race(idle.slice(100).map(({ closed }) => closed));
    // Those that say nothing are ended, and a webhook is taken.
    await Promise.all(idle.map(({ closed }) => closed));
    expect((await service.webhook([{}])).status).toBe(200);
  });
});
