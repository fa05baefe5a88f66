import { keepAside } from '../aside.ts';
import type { ExporterConfig } from '../config.ts';
import { messageOf, OnceLog } from '../log.ts';
import { Delivery } from '../sender/delivery.ts';
import type { SpooledBatch } from '../spool/spool.ts';
import { batchLimits, createTransport } from '../transport.ts';
import type { Batch, BatchLimits } from '../types.ts';
import type { Run } from './history.ts';

export interface Delivered {
  readonly sent: number;
  /** Refused for good; kept in `rejected.jsonl`. */
  readonly refused: number;
  /** Everything that was there is sent, or refused and kept. */
  readonly done: boolean;
}

/** Sends what the source gives until it gives no more or the time is over. Never rejects; trouble is said through `diag`. */
export async function deliver(
  config: ExporterConfig,
  root: string,
  next: (limits: BatchLimits) => Batch | undefined,
  timeoutMs: number,
): Promise<Delivered> {
  const once = new OnceLog();
  let done = false;
  const queue = {
    next: (limits: BatchLimits): SpooledBatch | undefined => {
      const batch = next(limits);
      done = batch === undefined;
      return batch === undefined ? undefined : { batch, own: false };
    },
  };
  const delivery = new Delivery({
    transport: createTransport(config),
    queue,
    limits: batchLimits(config),
    intervalMs: 0,
    once,
    setAside: (header, record, reason) => {
      try {
        keepAside(root, once, header, record, reason);
      } catch (error) {
        const cause = `(${reason}) cannot be kept (${messageOf(error)})`;
        throw new Error(`a usage event that was refused for good ${cause}; it stays where it is`);
      }
    },
  });
  await delivery.flush(0, timeoutMs, { replay: true });
  delivery.stop();
  return { sent: delivery.replayed, refused: delivery.rejected, done };
}

/** Runs of events as a source of batches. */
export function fromRuns(runs: Iterator<Run>): () => Batch | undefined {
  let current: Run | undefined;
  return () => {
    current ??= runs.next().value as Run | undefined;
    if (current === undefined) return undefined;
    return {
      ...current,
      commit: () => {
        current = undefined;
      },
    };
  };
}
