import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createTwilioStandIn,
  type TwilioStandIn,
  type TwilioStandInOptions,
} from '../../examples/src/stand-ins/twilio/index.ts';

// The whole service is killed (SIGKILL) at every step of the outbox and started again. Whatever the step: every alert's text arrives, and what
// arrives twice says so.

const SECRET = 'a secret of the webhook';
const SPEED = 60;
const BASE = Date.now();
const now = () => BASE + Math.round((Date.now() - BASE) * SPEED);
const PEOPLE = { ada: '+14035550101', bob: '+14035550102' };
const root = join(import.meta.dirname, '..', '..');

interface Killed {
  /** `before:3`: at the third commit. */
  readonly at?: string;
  readonly standIn?: (kill: () => void) => TwilioStandInOptions;
}

let cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.reverse()) await end();
  cleanUp = [];
});

/** One life after another of the service on one file, before one Twilio. */
class World {
  readonly database: string;
  readonly port: number;
  readonly standIn: TwilioStandIn;
  /** How much faster the service's clock runs. */
  speed = SPEED;
  child: ChildProcess | undefined;
  readonly others: ChildProcess[] = [];
  output = '';

  private constructor(port: number, standIn: TwilioStandIn, folder: string) {
    this.port = port;
    this.standIn = standIn;
    this.database = join(folder, 'outbox.db');
  }

  static async make(options: (kill: () => void) => TwilioStandInOptions = () => ({})): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'client-cost-sms-crash-'));
    const kill = () => void world.child?.kill('SIGKILL');
    const standIn = await createTwilioStandIn({ now, stepMs: 5, ...options(kill) });
    const world: World = new World(await freePort(), standIn, folder);
    cleanUp.push(async () => {
      await world.end();
      await standIn.close();
      rmSync(folder, { recursive: true, force: true });
    });
    return world;
  }

  /**
   * @param beside another one on the same file, which goes on
   * @returns whether it came up: it may be killed before
   */
  async start(killAt = 'never:0', { port = this.port, beside = false } = {}): Promise<boolean> {
    const args = ['--import', join(root, 'test/support/sms-kill.mjs'), join(root, 'grafana/src/sms/main.ts')];
    const child = spawn(process.execPath, args, {
      env: {
        PATH: process.env.PATH,
        SMS_KILL_AT: killAt,
        SMS_CLOCK: `${BASE}/${this.speed}`,
        CLIENT_COST_SMS_PORT: String(port),
        CLIENT_COST_SMS_PUBLIC_URL: `http://127.0.0.1:${port}`,
        CLIENT_COST_SMS_DATABASE: this.database,
        CLIENT_COST_SMS_GATHER_MS: '0',
        CLIENT_COST_ALERT_WEBHOOK_SECRET: SECRET,
        CLIENT_COST_SMS_LINK_SECRET: 'a secret of the links',
        CLIENT_COST_ON_CALL: Object.entries(PEOPLE)
          .map(([name, phone]) => `${name}=${phone}`)
          .join(','),
        TWILIO_ACCOUNT_SID: this.standIn.accountSid,
        TWILIO_AUTH_TOKEN: this.standIn.authToken,
        TWILIO_PHONE_NUMBER: '+15005550006',
        CLIENT_COST_TWILIO_API_URL: this.standIn.url,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (beside) this.others.push(child);
    else this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (this.output += part));
    const listening = async () => {
      const before = this.output.length;
      while (child.exitCode === null && child.signalCode === null) {
        if (this.output.slice(before).includes('Listening on')) return true;
        await pause(10);
      }
      return false;
    };
    const up = await listening();
    if (!up && child.signalCode !== 'SIGKILL') throw new Error(`The service did not start:\n${this.output}`);
    return up;
  }

  get alive(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** As Grafana: @returns whether it was answered 2xx */
  async webhook({ port = this.port, clients = ['acme', 'beta'] } = {}): Promise<boolean> {
    const status = 'firing';
    const body = JSON.stringify({
      receiver: 'client-cost-sms',
      status,
      alerts: clients.map((client) => ({
        status,
        labels: {
          alertname: 'Monthly usage critical',
          client_id: client,
          client_name: client,
          alert_type: 'threshold',
          severity: 'critical',
          month: '2026-11',
        },
        annotations: { summary: 'Monthly usage has exceeded $100.00' },
        fingerprint: client,
      })),
    });
    const time = this.speed === 1 ? Date.now() : now();
    const timestamp = String(Math.floor(time / 1000));
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/webhooks/grafana`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'x-grafana-alerting-timestamp': timestamp,
          'x-grafana-alerting-signature': createHmac('sha256', SECRET).update(`${timestamp}:${body}`).digest('hex'),
        },
      });
      return answer.ok;
    } catch {
      return false;
    }
  }

  states(): string[] {
    const db = new DatabaseSync(this.database, { readOnly: true, timeout: 5_000 });
    try {
      const rows = db.prepare('SELECT state FROM messages WHERE kind = ? ORDER BY id').all('alert');
      return (rows as { state: string }[]).map(({ state }) => state);
    } catch {
      // Killed before it had made its tables.
      return [];
    } finally {
      db.close();
    }
  }

  get settled(): boolean {
    const states = this.states();
    return states.length > 0 && states.every((state) => state === 'delivered' || state === 'cancelled');
  }

  /** @returns whether it holds within a time that no machine needs */
  async until(holds: () => boolean): Promise<boolean> {
    for (const end = Date.now() + 40_000; Date.now() < end; await pause(20)) if (holds()) return true;
    return false;
  }

  async end(): Promise<void> {
    for (const child of [this.child, ...this.others]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
  }

  textsTo(phone: string): string[] {
    return [...this.standIn.messages.values()].filter(({ to }) => to === phone).map(({ body }) => String(body));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** @returns whether the service was killed on the way */
async function run({ at, standIn }: Killed): Promise<boolean> {
  const world = await World.make(standIn);
  let answered = (await world.start(at)) && (await world.webhook());
  await world.until(() => !world.alive || (answered && world.settled));
  const killed = !world.alive;
  if (killed) {
    expect(await world.start()).toBe(true);
    if (!answered) answered = await world.webhook();
    expect(answered).toBe(true);
    const settled = await world.until(() => world.settled);
    expect(settled, `${at}: ${world.states()}\n${world.output}`).toBe(true);
  }
  // What is still on its way back from Twilio, and would now be sent once too often.
  await pause(100);
  await world.standIn.idle();
  for (const [name, phone] of Object.entries(PEOPLE)) {
    const texts = world.textsTo(phone);
    for (const client of ['acme', 'beta']) {
      const about = texts.filter((text) => text.includes(client));
      expect(about.length, `${at}: ${client}'s texts to ${name}`).toBeGreaterThanOrEqual(1);
      const unmarked = about.filter((text) => !text.startsWith('(may repeat) '));
      expect(unmarked.length, `${at}: ${about.join('\n')}`).toBeLessThanOrEqual(1);
    }
  }
  const states = world.states();
  expect(states.every((state) => state === 'delivered' || state === 'cancelled')).toBe(true);
  await world.end();
  return killed;
}

describe('killed at every commit of the outbox', () => {
  // Intake, claim and answer of two texts, and their callbacks: no fewer than these; the test finds out how many there are.
  const AT_LEAST = 7;
  for (const when of ['before', 'after']) {
    test(`${when} the commit`, async () => {
      let step = 1;
      while (step < 40 && (await run({ at: `${when}:${step}` }))) step += 1;
      expect(step - 1).toBeGreaterThanOrEqual(AT_LEAST);
      expect(step).toBeLessThan(40);
    }, 900_000);
  }
});

describe('killed at the moments of a request', () => {
  const isCreate = ({ method, path }: { method: string; path: string }) =>
    method === 'POST' && path === '/Messages.json';
  const moments: [string, object][] = [
    ['when it has arrived and is not done yet', { reset: true }],
    ['when it is done and not answered yet', { hang: true, accepted: true }],
    ['when the answer is on its way', { accepted: true, delayMs: 1 }],
  ];
  for (const [moment, failure] of moments) {
    for (const nth of [1, 2]) {
      test(`${moment}, request ${nth}`, async () => {
        let seen = 0;
        const killed = await run({
          standIn: (kill) => ({
            failures: (request) => {
              if (!isCreate(request) || ++seen !== nth) return undefined;
              kill();
              return failure as never;
            },
          }),
        });
        expect(killed).toBe(true);
      });
    }
  }

  test('twice: at the request, and while it is looked for', async () => {
    const world = await World.make((kill) => {
      let seen = 0;
      return {
        failures: (request) => {
          if (isCreate(request) && ++seen === 1) {
            kill();
            return { hang: true, accepted: true };
          }
          return undefined;
        },
      };
    });
    await world.start();
    expect(await world.webhook()).toBe(true);
    expect(await world.until(() => !world.alive)).toBe(true);
    await world.start('before:2');
    expect(await world.until(() => !world.alive)).toBe(true);
    await world.start();
    expect(await world.until(() => world.settled)).toBe(true);
    for (const phone of Object.values(PEOPLE)) {
      const texts = world.textsTo(phone);
      expect(texts.length).toBeGreaterThanOrEqual(1);
      expect(texts.filter((text) => !text.startsWith('(may repeat) ')).length).toBeLessThanOrEqual(1);
    }
  });
});

test('two on one file: each text once; when the one that sends is killed the other goes on at once', async () => {
  const world = await World.make();
  world.speed = 1;
  const port = await freePort();
  await world.start();
  await world.start('never:0', { port, beside: true });
  for (const [at, client] of [world.port, port, world.port, port].map(
    (at, index) => [at, `client-${index}`] as const,
  )) {
    expect(await world.webhook({ port: at, clients: [client] })).toBe(true);
    expect(await world.until(() => world.settled)).toBe(true);
  }
  for (const phone of Object.values(PEOPLE)) {
    const texts = world.textsTo(phone);
    expect(texts).toHaveLength(4);
    expect(texts.filter((text) => text.includes('may repeat'))).toEqual([]);
  }
  world.child?.kill('SIGKILL');
  expect(await world.webhook({ port, clients: ['late'] })).toBe(true);
  const killed = Date.now();
  expect(await world.until(() => world.textsTo(PEOPLE.ada).length === 5)).toBe(true);
  // Far sooner than the lease ends by itself.
  expect(Date.now() - killed).toBeLessThan(15_000);
});
