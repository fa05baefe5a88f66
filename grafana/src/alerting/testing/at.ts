import { NOW, TODAY } from '../queries.ts';

/** A rule's SQL at another moment: the one place where a test changes what Grafana would send. Throws where the query knows no time. */
export function at(rawSql: string, moment: Date): string {
  const time = moment.toISOString().slice(0, 19).replace('T', ' ');
  const sql = rawSql
    .replaceAll(TODAY, `toDate('${time.slice(0, 10)}')`)
    .replaceAll(NOW, `toDateTime('${time}', 'UTC')`);
  if (sql === rawSql) throw new Error(`This query asks for no moment:\n${rawSql}`);
  return sql;
}
