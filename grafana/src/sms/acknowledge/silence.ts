import { addEvent } from '../store/events.ts';
import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';

export interface Silencer {
  /** An alert was acknowledged: silences it in the background. */
  wake(): void;
  /** Until nothing is under way. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

interface Waiting {
  id: number;
  episode: number;
  key: string;
  alert_type: string;
  severity: string;
  month: string;
  client_id: string;
  acknowledged_by: string;
  silence_matchers: string | null;
}

const TRIES = 5;
const TIMEOUT_MS = 10_000;

/**
 * Silences acknowledged alerts in Grafana until their month ends (the pipeline's own for a day): Grafana's own pages then say so, and no other
 * contact point of theirs is told again. Tried a few times, never in the way of the acknowledgement; what was left at a stop is tried anew at
 * the next start. Does nothing without `config.grafana`.
 *
 * @param options.retryMs wait before the second try, doubled after each
 */
export function createSilencer(deps: SmsDeps, { retryMs = 2_000 } = {}): Silencer {
  const { grafana } = deps.config;
  const stopping = new AbortController();
  const tries = new Map<string, number>();
  let running: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;

  const run = async (): Promise<void> => {
    let failed = 0;
    for (const alert of waiting(deps)) {
      const attempt = `${alert.id}/${alert.episode}`;
      const count = (tries.get(attempt) ?? 0) + 1;
      if (count > TRIES || stopping.signal.aborted) continue;
      tries.set(attempt, count);
      try {
        const id = await silence(deps, alert, stopping.signal);
        transaction(deps.db, () => {
          const at = deps.clock.now();
          deps.db.prepare('UPDATE alerts SET silenced_at = ? WHERE id = ?').run(at, alert.id);
          addEvent(deps.db, alert.id, 'silenced', at, { source: 'sms', actor: alert.acknowledged_by });
        });
        tries.delete(attempt);
        deps.log.info({ alert: alert.key, silence: id }, 'Silenced in Grafana');
      } catch (error) {
        if (stopping.signal.aborted) return;
        failed = Math.max(failed, count < TRIES ? count : 0);
        const fields = { alert: alert.key, try: count, error: (error as Error).message };
        if (count < TRIES) deps.log.warn(fields, 'Grafana did not take the silence; it is tried again');
        else deps.log.error(fields, 'Grafana did not take the silence; given up, the acknowledgement holds');
      }
    }
    if (failed > 0 && !stopping.signal.aborted) {
      timer = setTimeout(wake, retryMs * 2 ** (failed - 1));
      timer.unref();
    }
  };

  function wake(): void {
    if (grafana === undefined || stopping.signal.aborted) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    clearTimeout(timer);
    running = run()
      .catch((error: Error) => deps.log.error({ error: error.message }, 'The silences could not be read'))
      .finally(() => {
        running = undefined;
        if (again) {
          again = false;
          wake();
        }
      });
  }

  return {
    wake,
    async idle() {
      while (running !== undefined) await running;
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

function waiting({ db }: SmsDeps): Waiting[] {
  return db
    .prepare(
      `SELECT id, episode, key, alert_type, severity, month, client_id, acknowledged_by, silence_matchers FROM alerts
       WHERE acknowledged_at IS NOT NULL AND silenced_at IS NULL AND status = 'firing' AND source = 'grafana' ORDER BY id`,
    )
    .all() as unknown as Waiting[];
}

/** POSTs one silence. Returns Grafana's id of it; throws with its answer. */
async function silence({ config, clock }: SmsDeps, alert: Waiting, signal: AbortSignal): Promise<string> {
  const now = clock.now();
  const { url = '', token = '' } = config.grafana ?? {};
  const response = await fetch(`${url}/api/alertmanager/grafana/api/v2/silences`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      matchers: matchersOf(alert),
      startsAt: new Date(now).toISOString(),
      endsAt: new Date(silenceEnd(alert.month, now)).toISOString(),
      createdBy: alert.acknowledged_by,
      comment: `Acknowledged by ${alert.acknowledged_by}`,
    }),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Grafana answered ${response.status}: ${text.slice(0, 200)}`);
  return String((JSON.parse(text) as { silenceID?: unknown }).silenceID ?? '');
}

/** The labels that make the alert this one; empty labels do not exist in Grafana. */
function matchersOf({ alert_type, severity, month, client_id, silence_matchers }: Waiting): unknown[] {
  if (silence_matchers !== null) {
    const kept = JSON.parse(silence_matchers) as unknown;
    if (Array.isArray(kept) && kept.length > 0) return kept;
    if (kept !== null && typeof kept === 'object' && !Array.isArray(kept)) return toMatchers(Object.entries(kept));
  }
  return toMatchers(Object.entries({ alert_type, severity, month, client_id }));
}

function toMatchers(labels: readonly [string, unknown][]): unknown[] {
  return labels
    .filter(([, value]) => value !== '')
    .map(([name, value]) => ({ name, value: String(value), isRegex: false, isEqual: true }));
}

/** The first moment (UTC) after the alert's month; a day from now for an alert without month, and for one whose month is over. */
export function silenceEnd(month: string, now: number): number {
  const [year = Number.NaN, number = Number.NaN] = month.split('-').map(Number);
  const end = Date.UTC(year, number, 1);
  return end > now ? end : now + 86_400_000;
}
