import type { ClickHouseClient } from '@clickhouse/client';
import { send, usage, uuidv7 } from '../../../clickhouse/src/queries/testing/ledger.ts';

/** A client's cost of a day: `['acme', '2026-11-03', '49.99']`. A fourth element is the id of the charge, a fifth its version. */
export type Charge = readonly [client: string, day: string, cost: string, id?: string, version?: number];

/** Puts charges into the ledger as the Collector would. */
export async function charge(client: ClickHouseClient, charges: readonly Charge[]): Promise<void> {
  await send(
    client,
    charges.map(([clientId, day, cost, id, version = 1]) => {
      const time = `${day}T12:00:00Z`;
      return {
        time,
        attributes: usage({
          'usage.id': id ?? uuidv7(time),
          'usage.version': String(version),
          'client.id': clientId,
          'cost.amount': cost,
        }),
      };
    }),
  );
}

const MINUTE = 60_000;

/** Usage events at times, one per element; no cost unless said otherwise. */
export async function calls(
  client: ClickHouseClient,
  times: readonly Date[],
  over: Readonly<Record<string, string>> = {},
  service = 'checkout',
): Promise<void> {
  await send(
    client,
    times.map((time) => ({
      time: time.toISOString(),
      service,
      attributes: usage({ 'usage.id': uuidv7(time.getTime()), 'client.id': 'calls', ...over }),
    })),
  );
}

/** `count` times from `from` on, one each `everyMinutes`. */
export function times(from: Date, count: number, everyMinutes: number): Date[] {
  return Array.from({ length: count }, (_, index) => new Date(from.getTime() + index * everyMinutes * MINUTE));
}

export const minutesBefore = (at: Date, minutes: number): Date => new Date(at.getTime() - minutes * MINUTE);
export const daysBefore = (at: Date, days: number): Date => minutesBefore(at, days * 24 * 60);
