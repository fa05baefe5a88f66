/**
 * Gives the demo's clients a previous month through the ordinary path: run with `--require @client-cost/instrumentation/register`,
 * it records the usage that its parent sends (a list of LastMonth) under its own dates, and ends by itself.
 */
import { recordUsage } from '@client-cost/instrumentation';
import type { LastMonth } from './history.ts';

process.once('message', (months: LastMonth[]) => {
  for (const { clientId, calls, purchases } of months) {
    for (const call of calls) recordUsage({ clientId, service: 'openai', provider: 'openai', ...call });
    for (const purchase of purchases) recordUsage({ clientId, ...purchase });
  }
  process.disconnect();
});
