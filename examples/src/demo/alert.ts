import type { DemoPager } from './pager.ts';
import type { TrafficResult } from './traffic.ts';

/** A scoring job gone wrong: it sends whole transcripts where a line was meant. */
const RUNAWAY_CALLS = 40;
const TRANSCRIPT = 'Caller: and then we talked about the price again, and about the roof. '.repeat(1_300);

/** USD a month that the demo gives the client whose costs rise: above what it used before, below what it uses after. */
export const DEMO_THRESHOLDS = { monthlyWarning: '14', monthlyCritical: '15' } as const;

/** The runaway calls, as the service's own clients would make them. */
export async function playRunaway(serviceUrl: string, clientId: string): Promise<TrafficResult[]> {
  const results: TrafficResult[] = [];
  for (let n = 0; n < RUNAWAY_CALLS; n += 4) {
    results.push(...(await Promise.all([0, 1, 2, 3].map((more) => score(serviceUrl, clientId, n + more)))));
  }
  return results;
}

async function score(serviceUrl: string, clientId: string, n: number): Promise<TrafficResult> {
  const response = await fetch(`${serviceUrl}/leads/lead-${n}/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-client-id': clientId },
    body: JSON.stringify({ message: TRANSCRIPT }),
  });
  const { requestId } = (await response.json()) as { requestId?: string };
  return { clientId, route: 'score', status: response.status, requestId };
}

export interface AlertStory {
  readonly clientId: string;
  readonly clientName: string;
  /** YYYY-MM */
  readonly month: string;
  readonly pager: DemoPager;
  /** Runs the `client-cost` command as a user would. */
  readonly command: (...args: string[]) => Promise<void>;
  readonly say: (line: string) => void;
}

/** The alert all the way: the check fires, the text leaves, the person on call answers, the ledger knows who acknowledged it. */
export async function playAlert({ clientId, clientName, month, pager, command, say }: AlertStory): Promise<boolean> {
  await command('alerts', 'check');
  const text = await pager.text(clientName);
  say(`SMS to the person on call: ${text}`);
  const code = /\b(\d{4,6})\b(?!.*\b\d{4,6}\b)/.exec(text.replace(/https?:\S+/, ''))?.[1];
  if (code === undefined) throw new Error(`The text has no code to acknowledge it with: ${text}`);
  const answer = await pager.reply(`ack ${code}`);
  say(`ada answers "ack ${code}" and gets: ${answer}`);
  const { by, how } = await pager.acknowledged(`threshold:critical:${month}:${clientId}`);
  await command('report', '--client', clientId);
  return by === 'ada' && how === 'sms';
}
