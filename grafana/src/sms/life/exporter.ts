import { createLedgerClient } from '@client-cost/clickhouse';
import type { SmsDeps } from '../types.ts';
import { BATCH, exportEvents, isAboutRows, type PendingEvent, pendingEvents, prune } from './export.ts';

export interface LifeExporter {
  start(): void;
  /** Events were added. */
  wake(): void;
  /** Until all is written, or ClickHouse was tried and did not take it. */
  idle(): Promise<void>;
  /** Tries once more, within a few seconds, and ends. */
  stop(): Promise<void>;
}

export interface LifeOptions {
  /** Between two looks for events. */
  readonly pollMs?: number;
  /** First wait after a failure; doubled after each. */
  readonly retryMs?: number;
  readonly maxRetryMs?: number;
}

const PRUNE_MS = 3_600_000;
const STOP_MS = 3_000;

/**
 * Takes the life of alerts to ClickHouse, in batches, for as long as it takes: without an end of trying, and never in the way of texts.
 * A row that ClickHouse does not take stays in the file and keeps no other row back.
 */
export function createLifeExporter(deps: SmsDeps, options: LifeOptions = {}): LifeExporter {
  const { pollMs = 1_000, retryMs = 1_000, maxRetryMs = 60_000 } = options;
  const { clickhouse } = deps.config;
  const client = clickhouse === undefined ? undefined : createLedgerClient(clickhouse);
  /** Rows that ClickHouse refused by themselves: tried again after a restart. */
  const refused = new Set<string>();
  let failures = 0;
  const ending = new AbortController();
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let pruned = 0;

  const run = async (): Promise<void> => {
    try {
      for (;;) {
        const events = client === undefined ? [] : pendingEvents(deps, BATCH, refused);
        if (client === undefined || events.length === 0) break;
        await write(client, events);
        if (failures > 0) deps.log.info({ failures }, 'ClickHouse takes the life of alerts again');
        failures = 0;
      }
      if (deps.clock.now() - pruned > PRUNE_MS) {
        prune(deps);
        pruned = deps.clock.now();
      }
    } catch (error) {
      failures += 1;
      const fields = { error: (error as Error).message, failures };
      // Every minute at the most once it is known.
      if (failures < 4 || failures % 10 === 0) {
        deps.log.warn(fields, 'The life of alerts does not reach ClickHouse; it waits and is tried again');
      }
    }
  };

  const write = async (to: NonNullable<typeof client>, events: readonly PendingEvent[]): Promise<void> => {
    try {
      await exportEvents(deps, to, events, ending.signal);
    } catch (error) {
      if (!isAboutRows(error)) throw error;
      const [only] = events;
      if (events.length === 1 && only !== undefined) {
        refused.add(only.id);
        deps.log.error(
          { event: only.id, error: (error as Error).message },
          'ClickHouse does not take this event; it stays here',
        );
        return;
      }
      const middle = Math.ceil(events.length / 2);
      await write(to, events.slice(0, middle));
      await write(to, events.slice(middle));
    }
  };

  function look(): void {
    clearTimeout(timer);
    if (running !== undefined) return;
    running = run().finally(() => {
      running = undefined;
      if (stopping) return;
      const wait = failures === 0 ? pollMs : Math.min(maxRetryMs, retryMs * 2 ** Math.min(failures - 1, 20));
      timer = setTimeout(look, failures === 0 ? wait : wait * (0.75 + Math.random() / 2));
    });
  }

  return {
    start: look,
    wake() {
      if (failures === 0 && !stopping) look();
    },
    async idle() {
      await running;
      if (stopping) return;
      look();
      await running;
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      const last = (async () => {
        await running;
        await run();
      })();
      // A request that hangs ends; its rows stay.
      const patience = setTimeout(() => ending.abort(), STOP_MS);
      await last;
      clearTimeout(patience);
      await client?.close();
    },
  };
}
