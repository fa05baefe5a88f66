/**
 * Gives the demo's clients a previous month, through the ordinary path: run with `--require @client-cost/instrumentation/register`,
 * it records usage that is dated last month. `DEMO_LAST_MONTH` says what: a JSON list of {@link LastMonth}.
 */
import { recordUsage } from '@client-cost/instrumentation';

export interface LastMonth {
  readonly clientId: string;
  readonly calls: readonly {
    readonly operation: string;
    readonly model: string;
    readonly input: number;
    readonly output: number;
    /** ISO 8601. */
    readonly timestamp: string;
  }[];
}

const clients = JSON.parse(process.env.DEMO_LAST_MONTH ?? '[]') as LastMonth[];
for (const { clientId, calls } of clients) {
  for (const { operation, model, input, output, timestamp } of calls) {
    const tokens = { input, output };
    recordUsage({ clientId, service: 'openai', provider: 'openai', operation, model, tokens, timestamp });
  }
}
