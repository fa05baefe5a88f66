import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AnswerTimings, createMissedAnswers } from '../acknowledge/missed.ts';
import { createSilencer } from '../acknowledge/silence.ts';
import { resolveUnheard } from '../acknowledge/unheard.ts';
import { createSender } from '../delivery/sender.ts';
import { createEscalator } from '../escalation/escalator.ts';
import { createLifeExporter } from '../life/exporter.ts';
import { createSmsLog } from '../log.ts';
import { createSmsMetrics, type SmsMetrics } from '../metrics/metrics.ts';
import { openStore } from '../store/open.ts';
import type { Clock, SmsConfig, SmsDeps, SmsLog } from '../types.ts';
import { createApp } from './app.ts';
import { LIMITS, type Limits } from './limits.ts';

export interface StartOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: JSON lines on standard output. */
  readonly log?: SmsLog;
  /** Default: {@link LIMITS}. */
  readonly limits?: Limits;
  /** How often Twilio is asked for answers that no webhook brought. */
  readonly answers?: Partial<AnswerTimings>;
}

export interface SmsService {
  /** Where it listens, without a final slash. */
  readonly url: string;
  readonly port: number;
  /** Until no text is due or under way, and ClickHouse was given what there was. */
  idle(): Promise<void>;
  /** Takes no more requests, finishes those under way and the text that is being sent, and closes the database. */
  close(): Promise<void>;
}

/** A request's head and body must be here within this: a slow sender holds no connection for long. */
export const HEAD_MS = 5_000;
export const BODY_MS = 10_000;
const CLOSE_MS = 5_000;
const METRICS_MS = 3_000;
const HOUSEKEEPING_MS = 600_000;
const MAX_CONNECTIONS = 200;
/** One address gets no more than half of them. */
const MAX_OF_ADDRESS = 100;
const MAX_HEADERS = 100;

/**
 * Starts the SMS contact point. What an earlier run left in the outbox goes on: texts, escalations, events for ClickHouse.
 *
 * @throws Error where the database cannot be opened or the address is taken
 */
export async function startSmsService(config: SmsConfig, options: StartOptions = {}): Promise<SmsService> {
  const log = options.log ?? createSmsLog(config);
  const clock = options.clock ?? { now: () => Date.now() };
  const db = openStore(config.database);
  const deps: SmsDeps = { db, config, clock, log };
  const metrics = createSmsMetrics(deps);
  const sender = createSender(deps);
  const life = createLifeExporter(deps);
  const silencer = createSilencer(deps);
  const escalator = createEscalator(deps, () => {
    sender.wake();
    life.wake();
  });
  const missed = createMissedAnswers(deps, options.answers, ({ alerts, escalate, outcome }) => {
    metrics.callback('missed', outcome);
    if (alerts > 0) metrics.acknowledged('sms', alerts);
    sender.wake();
    life.wake();
    silencer.wake();
    if (escalate) escalator.wake();
  });
  const context = { deps, metrics, wakeSender: () => sender.wake(), escalator, life, silencer };
  const server = createServer(
    {
      headersTimeout: HEAD_MS,
      requestTimeout: BODY_MS,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16_384,
    },
    createApp(context, options.limits ?? LIMITS),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_HEADERS;
  limitConnections(server, MAX_OF_ADDRESS);
  try {
    await listen(server, config);
  } catch (error) {
    await metrics.close();
    await life.stop();
    db.close();
    throw error;
  }
  await sender.start();
  life.start();
  // Before anybody is escalated to: the answer may have come while nobody was here.
  await missed.start();
  escalator.start();
  silencer.wake();
  const housekeeping = setInterval(() => tidy(deps), HOUSEKEEPING_MS);
  housekeeping.unref();
  tidy(deps);

  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host}:${port}`,
    port,
    async idle() {
      await sender.idle();
      await silencer.idle();
      await life.idle();
    },
    close() {
      closing ??= (async () => {
        clearInterval(housekeeping);
        escalator.stop();
        await closeServer(server);
        await Promise.all([sender.stop(), silencer.stop(), missed.stop()]);
        await life.stop();
        await closeMetrics(deps, metrics);
        db.close();
      })();
      return closing;
    },
  };
}

/** The last figures go out over OTLP, where somebody takes them soon. */
async function closeMetrics({ log }: SmsDeps, metrics: SmsMetrics): Promise<void> {
  const late = new Promise<void>((resolve) => setTimeout(resolve, METRICS_MS).unref());
  await Promise.race([metrics.close(), late]).catch((error: Error) =>
    log.warn({ error: error.message }, 'The last metrics were not sent'),
  );
}

function tidy(deps: SmsDeps): void {
  try {
    resolveUnheard(deps);
  } catch (error) {
    deps.log.error({ error: (error as Error).message }, 'Old alerts could not be looked through');
  }
}

function listen(server: Server, { host, port }: SmsConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken
          ? new Error(`${host}:${port} is taken: is the service running already? Else set CLIENT_COST_SMS_PORT`)
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
}

/** Ends further connections of an address that has `most` open. */
function limitConnections(server: Server, most: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket) => {
    const { remoteAddress = '' } = socket;
    const count = (open.get(remoteAddress) ?? 0) + 1;
    open.set(remoteAddress, count);
    socket.once('close', () => {
      const left = (open.get(remoteAddress) ?? 1) - 1;
      if (left > 0) open.set(remoteAddress, left);
      else open.delete(remoteAddress);
    });
    if (count > most) socket.destroy();
  });
}

/** Answers what is under way; cuts off what takes longer. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearTimeout(timer);
}
