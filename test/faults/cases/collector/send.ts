import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Acknowledged } from '../../support/truth.ts';
import { asJson, asProtobuf, type Signal, type Tree } from './otlp-wire.ts';

export interface Answer {
  /** 0: no answer. */
  readonly status: number;
  readonly text: string;
}

/** One OTLP request; never throws. */
export async function post(
  url: string,
  signal: Signal,
  tree: Tree,
  encoding: 'json' | 'protobuf' = 'protobuf',
  seconds = 30,
): Promise<Answer> {
  const json = encoding === 'json';
  try {
    const response = await fetch(`${url}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': json ? 'application/json' : 'application/x-protobuf' },
      body: json ? asJson(tree) : new Uint8Array(asProtobuf(signal, tree)),
      signal: AbortSignal.timeout(seconds * 1000),
    });
    return { status: response.status, text: Buffer.from(await response.arrayBuffer()).toString('latin1') };
  } catch (error) {
    return { status: 0, text: String((error as Error).cause ?? error) };
  }
}

/** A usage event that the Collector is given, and what its sender knows of it. */
export function event(client: string): { readonly known: Acknowledged; readonly record: Tree } {
  const known = { id: `call-${randomUUID()}`, client };
  const attributes = {
    'usage.id': randomUUID(),
    'usage.version': '1',
    'client.id': client,
    'usage.service': 'openai',
    'usage.operation': 'chat_completion',
    'usage.external_id': known.id,
    'cost.amount': '0.000027',
    'cost.source': 'price_book',
  };
  const record = {
    timeUnixNano: BigInt(Date.now()) * 1_000_000n,
    eventName: 'client_cost.usage',
    attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
  };
  return { known, record };
}

/** A log request of these records. */
export const request = (logRecords: readonly Tree[]): Tree => ({
  resourceLogs: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'sender' } }] },
      scopeLogs: [{ scope: { name: '@client-cost/instrumentation' }, logRecords }],
    },
  ],
});

export interface Sender {
  /** Whose requests were answered with 200. */
  readonly acknowledged: Acknowledged[];
  /** How often each other answer came: status and the beginning of its text. */
  readonly refused: Map<string, number>;
  /** What one waited longest for an answer, milliseconds. */
  readonly slowest: number;
  stop(): Promise<void>;
}

/** Senders as ours are: each sends a batch again and again, with small pauses, until it is acknowledged, and then the next one. */
export function startSenders(
  url: () => string,
  { senders = 4, perRequest = 10, pauseMs = 5, clients = ['acme', 'bolt', 'crane'], seconds = 10 } = {},
): Sender {
  const acknowledged: Acknowledged[] = [];
  const refused = new Map<string, number>();
  let stopping = false;
  let slowest = 0;
  const loop = async (n: number) => {
    while (!stopping) {
      const events = Array.from({ length: perRequest }, () => event(clients[n % clients.length]!));
      for (;;) {
        const begun = performance.now();
        const { status, text } = await post(
          url(),
          'logs',
          request(events.map(({ record }) => record)),
          'protobuf',
          seconds,
        );
        slowest = Math.max(slowest, performance.now() - begun);
        if (status === 200) {
          acknowledged.push(...events.map(({ known }) => known));
          break;
        }
        const key = status === 0 ? 'no answer' : `${status} ${text.replace(/[^ -~]/g, '').slice(0, 200)}`;
        refused.set(key, (refused.get(key) ?? 0) + 1);
        // Not acknowledged: nobody promised anything.
        if (stopping) return;
        await sleep(20);
      }
      await sleep(pauseMs);
    }
  };
  const loops = Array.from({ length: senders }, (_, n) => loop(n));
  return {
    acknowledged,
    refused,
    get slowest() {
      return slowest;
    },
    async stop() {
      stopping = true;
      await Promise.all(loops);
    },
  };
}
