import { noAnswer, saidWhy } from './deliver.ts';
import type { RecordedAlert } from './recorded.ts';

/** Somebody's word on an alert, as the SMS service has it. */
export interface AcknowledgeOutcome {
  readonly key: string;
  readonly what: 'acknowledged' | 'already' | 'resolved';
  readonly by: string;
  /** ISO time. */
  readonly at: string;
}

/** The alert could not be acknowledged; the message says why and what else there is to do. */
export class AcknowledgeError extends Error {
  override readonly name = 'AcknowledgeError';
}

/**
 * Acknowledges by the alert's signed link, as a person would: the SMS service records it, stops its texts and silences where it is set up to.
 *
 * @throws AcknowledgeError
 */
export async function acknowledgeAlert(
  alert: RecordedAlert,
  by: string,
  { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
): Promise<AcknowledgeOutcome[]> {
  if (alert.acknowledgeUrl === '') {
    throw new AcknowledgeError(
      `${alert.key} has no link: the SMS service knows no address of its own (CLIENT_COST_SMS_PUBLIC_URL). Reply to the text with its code instead`,
    );
  }
  let status: number;
  let answer: string;
  try {
    const response = await fetch(alert.acknowledgeUrl, {
      method: 'POST',
      headers: { accept: 'application/json', 'user-agent': 'client-cost' },
      body: new URLSearchParams({ by, how: 'command' }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    status = response.status;
    answer = (await response.text()).slice(0, 100_000);
  } catch (error) {
    throw new AcknowledgeError(`${new URL(alert.acknowledgeUrl).origin} ${noAnswer(error, timeoutMs)}`);
  }
  if (status !== 200) {
    throw new AcknowledgeError(
      `${new URL(alert.acknowledgeUrl).origin} does not acknowledge ${alert.key} (${status}${saidWhy(answer)})`,
    );
  }
  return outcomes(answer);
}

function outcomes(answer: string): AcknowledgeOutcome[] {
  type Entry = { key?: unknown; by?: unknown; at?: unknown };
  let lists: Partial<Record<AcknowledgeOutcome['what'], readonly Entry[]>>;
  try {
    lists = JSON.parse(answer) as typeof lists;
  } catch {
    throw new AcknowledgeError('The SMS service answered with no JSON: is the link that of a client-cost SMS service?');
  }
  return (['acknowledged', 'already', 'resolved'] as const).flatMap((what) =>
    (Array.isArray(lists[what]) ? lists[what] : []).map(({ key, by, at }) => ({
      key: String(key ?? ''),
      what,
      by: String(by ?? ''),
      at: String(at ?? ''),
    })),
  );
}
