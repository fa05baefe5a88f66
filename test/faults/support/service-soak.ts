/**
 * A small express service that buys for several clients: `POST /<kind>`, with `x-client-id` who pays and `x-call` the id of the call. Its parent asks
 * for its memory and its open files (`{measure}`), and tells it to end (SIGTERM).
 */
import { readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { usageContext } from '@client-cost/instrumentation';
import express from 'express';
import { CALLS, type CallKind } from './service-calls.ts';

export interface Measured {
  readonly measured: true;
  /** Bytes; the heap after a collection. */
  readonly rss: number;
  readonly heap: number;
  readonly files: number;
  /** Events so far, where the service counts them. */
  readonly recorded?: number;
}

const app = express();
app.post('/:kind', async (request, response) => {
  const id = String(request.headers['x-call']);
  const client = String(request.headers['x-client-id']);
  await usageContext({ flowExecutionId: id }, () => CALLS[request.params.kind as CallKind](id, client));
  response.json({ id });
});
const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

// An idle connection that is closed the moment a call goes down it would be a failed call of nobody's making.
server.keepAliveTimeout = 120_000;

process.on('message', () => {
  global.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const files = readdirSync('/proc/self/fd').length;
  process.send?.({ measured: true, rss, heap: heapUsed, files } satisfies Measured);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  process.disconnect();
});
