import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface SinkRecord {
  readonly id: string;
  readonly record: Record<string, unknown>;
  readonly resource: Record<string, unknown>;
  readonly scope: Record<string, unknown>;
}

export interface Reply {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  readonly delayMs?: number;
}

/** What the sink answers; undefined accepts as the Collector does. `ids` is undefined when the body is no valid JSON. */
export type Behaviour = (request: { n: number; ids: string[] | undefined; empty: boolean }) => Reply | undefined;

/** A local OTLP/HTTP receiver: takes valid JSON, refuses anything else with 400, keeps every accepted record. */
export class Sink {
  readonly accepted: SinkRecord[] = [];
  readonly requests: { at: number; ids: string[]; headers: IncomingMessage['headers'] }[] = [];
  behaviour: Behaviour;
  private readonly server: Server;
  private n = 0;

  private constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const packed = Buffer.concat(chunks);
        const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(packed) : packed;
        const records = parse(body);
        const ids = records?.map(({ id }) => id);
        this.requests.push({ at: Date.now(), ids: ids ?? [], headers: request.headers });
        const reply = this.behaviour({ n: this.n++, ids, empty: ids?.length === 0 });
        const answer =
          reply ??
          (records === undefined ? { status: 400, body: 'bad JSON' } : { status: 200, body: '{"partialSuccess":{}}' });
        setTimeout(() => {
          if (answer.status === 200 && records !== undefined) this.accepted.push(...records);
          response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
          response.end(answer.body ?? '');
        }, answer.delayMs ?? 0);
      });
    });
  }

  /** @param port 0 for any */
  static async start(behaviour: Behaviour = () => undefined, port = 0): Promise<Sink> {
    const sink = new Sink(behaviour);
    await new Promise<void>((resolve, reject) => {
      sink.server.once('error', reject);
      sink.server.listen(port, '127.0.0.1', resolve);
    });
    return sink;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Accepted ids in order, each once. */
  get ids(): string[] {
    return [...new Set(this.accepted.map(({ id }) => id))];
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

interface Attribute {
  key: string;
  value: { stringValue?: string };
}

function parse(body: Buffer): SinkRecord[] | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const { resourceLogs } = JSON.parse(text) as {
      resourceLogs: {
        resource: Record<string, unknown>;
        scopeLogs: { scope: Record<string, unknown>; logRecords: Record<string, unknown>[] }[];
      }[];
    };
    return resourceLogs.flatMap(({ resource, scopeLogs }) =>
      scopeLogs.flatMap(({ scope, logRecords }) =>
        logRecords.map((record) => {
          const id = (record.attributes as Attribute[]).find(({ key }) => key === 'usage.id')?.value.stringValue;
          if (id === undefined) throw new Error('no usage.id');
          return { id, record, resource, scope };
        }),
      ),
    );
  } catch {
    return undefined;
  }
}

/** Ids `e<from>` … of test events, `to` not included. */
export const eventIds = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `e${from + i}`);

/** What a sink got of such events, each id once, in the order of their numbers. */
export const arrivedAt = (sink: Sink): string[] =>
  [...sink.ids].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
