import type { ClickHouseClient } from '@clickhouse/client';
import { type ClientChange, setClient } from '../../../clickhouse/src/queries/index.ts';
import {
  freshLedger,
  rows,
  send,
  startTestEngine,
  type TestEngine,
  usage,
  uuidv7,
} from '../../../clickhouse/src/queries/testing/ledger.ts';
import { at } from '../../../grafana/src/alerting/testing/at.ts';
import { type CompactAnswer, type Sample, samplesOf } from '../../../grafana/src/alerting/testing/frame.ts';
import { expandRuleQuery } from '../../../grafana/src/plugin/expand.ts';

export interface Charge {
  readonly client: string;
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** USD, a decimal string. */
  readonly cost: string;
}

/** A ledger of its own in the real engine, asked as Grafana's plugin asks it. */
export class AlertLedger {
  readonly client: ClickHouseClient;
  /** ClickHouse does not answer. */
  down = false;
  readonly #answers = new Map<string, Promise<readonly Sample[]>>();

  constructor(client: ClickHouseClient) {
    this.client = client;
  }

  /** What a rule's query answers as of `now`. The same question is asked once until something is written. */
  ask = (rawSql: string, now: Date): Promise<readonly Sample[]> => {
    if (this.down) return Promise.reject(new Error('connect: connection refused'));
    const sql = asSent(rawSql, now);
    const known = this.#answers.get(sql);
    if (known !== undefined) return known;
    const answer = this.compact(sql).then(samplesOf);
    this.#answers.set(sql, answer);
    return answer;
  };

  async compact(sql: string): Promise<CompactAnswer> {
    const result = await this.client.query({ query: sql, format: 'JSONCompact' });
    return (await result.json()) as unknown as CompactAnswer;
  }

  rows<T>(sql: string): Promise<T[]> {
    return rows<T>(this.client, sql);
  }

  /** Charges by the way that the Collector's records take. */
  async charge(charges: readonly Charge[]): Promise<void> {
    const events = charges.map(({ client, day, cost }) => {
      const time = `${day}T10:00:00.000Z`;
      return { time, attributes: usage({ 'usage.id': uuidv7(time), 'client.id': client, 'cost.amount': cost }) };
    });
    await send(this.client, events);
    this.changed();
  }

  async configure(change: ClientChange): Promise<void> {
    await setClient(this.client, change);
    this.changed();
  }

  async command(query: string): Promise<void> {
    await this.client.command({ query });
    this.changed();
  }

  changed(): void {
    this.#answers.clear();
  }
}

/** The SQL that reaches ClickHouse: the plugin's macros expanded, and the moment put in. */
export function asSent(rawSql: string, now: Date): string {
  return expandRuleQuery(at(rawSql, now), { from: new Date(now.getTime() - 600_000), to: now });
}

export { freshLedger, startTestEngine, type TestEngine };
