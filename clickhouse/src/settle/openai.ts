import { reportedBy } from '@client-cost/instrumentation/ledger';
import type { LedgerRow } from '../corrections/index.ts';
import type { ApiClient } from '../provider-api/index.ts';
import type { Answer, Settler } from './types.ts';

/**
 * OpenAI has no price per call. What it has is the usage of calls it stores: where that was only estimated here (a stream that was broken off), it is
 * read and priced by the book. What is not stored (`store: false`, or past its 30 days) stays estimated.
 */
export function openaiSettler(client: ApiClient): Settler {
  return {
    services: ['openai'],
    costSources: ['estimated'],
    canAsk: (row) => pathOf(row) !== undefined,
    async ask(rows) {
      const answers = await Promise.all(rows.map(async (row) => [row.usage_id, await ask(client, row)] as const));
      return new Map(answers);
    },
  };
}

async function ask(client: ApiClient, row: LedgerRow): Promise<Answer> {
  const said = reportedBy(await client.find(pathOf(row)!));
  if (said === undefined) return { kind: 'missing' };
  if (said.status === 'in_progress' || said.status === 'queued') return { kind: 'open' };
  // Cancelled before its usage was known: nobody knows more than the estimate.
  if (said.tokens === undefined) return { kind: 'open' };
  return {
    kind: 'final',
    end: {
      outcome: row.outcome === 'error' || row.outcome === 'aborted' ? row.outcome : 'ok',
      errorType: row.error_type,
      tokens: said.tokens,
      responseModel: said.model,
      serviceTier: said.serviceTier,
    },
  };
}

function pathOf({ external_id: id }: LedgerRow): string | undefined {
  if (/^resp_\w+$/.test(id)) return `/v1/responses/${id}`;
  return /^chatcmpl-[\w-]+$/.test(id) ? `/v1/chat/completions/${id}` : undefined;
}
