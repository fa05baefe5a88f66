import type { Settlement } from '../queries/index.ts';
import { formatCount, formatUsd, printable } from './format.ts';
import { table } from './table.ts';

/** The estimate beside the settled cost, per service. */
export function settlementTable(settled: readonly Settlement[]): string {
  return table(
    ['Settled', 'Requests', 'Estimated', 'Settled cost', 'Difference'],
    settled.map((row) => [
      printable(row.service),
      formatCount(row.settledRequests),
      formatUsd(row.estimatedCost),
      formatUsd(row.settledCost),
      formatUsd(row.difference),
    ]),
    [1, 2, 3, 4],
  );
}
