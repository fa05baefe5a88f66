import { expandQuery } from '../../plugin/expand.ts';
import { DATASOURCE, PLUGIN } from '../kit/query.ts';

/** What the lint reads of a query; of whatever is in the file. */
export interface AnyQuery {
  readonly refId?: string;
  readonly datasource?: { readonly type?: string; readonly uid?: string };
  readonly editorType?: string;
  readonly queryType?: string;
  readonly format?: number;
  readonly rawSql?: string;
  readonly pluginVersion?: string;
}

/** What is wrong with the data source that something names: only the variable will do. */
export function datasourceProblems(name: string, source: AnyQuery['datasource']): string[] {
  const right = source?.type === DATASOURCE.type && source.uid === DATASOURCE.uid;
  return right ? [] : [`${name}: the data source is ${JSON.stringify(source)}, not ${JSON.stringify(DATASOURCE)}`];
}

/** What is wrong with a panel's query. `variables` are the names that the dashboard defines. */
export function queryProblems(name: string, query: AnyQuery, variables: readonly string[]): string[] {
  const { refId = '', rawSql = '' } = query;
  const problems = datasourceProblems(name, query.datasource);
  if (!/^[A-Z]$/.test(refId)) problems.push(`${name}: refId ${JSON.stringify(refId)} is no letter`);
  if (query.editorType !== 'sql') problems.push(`${name}: editorType ${JSON.stringify(query.editorType)}, not "sql"`);
  if (query.pluginVersion !== PLUGIN.version) {
    problems.push(`${name}: written for plugin ${String(query.pluginVersion)}, not ${PLUGIN.version}`);
  }
  const format = query.queryType === 'timeseries' ? 0 : query.queryType === 'table' ? 1 : undefined;
  if (format === undefined || format !== query.format) {
    problems.push(`${name}: queryType ${JSON.stringify(query.queryType)} does not go with format ${query.format}`);
  }
  return [...problems, ...sqlProblems(name, rawSql, variables)];
}

/** What is wrong with SQL that Grafana sends: variables nobody defines or that could break out of their quotes, a fixed database, floats that are added up. */
export function sqlProblems(name: string, sql: string, variables: readonly string[]): string[] {
  const problems: string[] = [];
  const say = (text: string) => problems.push(`${name}: ${text}`);
  if (sql.trim() === '') say('there is no SQL');
  if (/;\s*$/.test(sql)) say('a semicolon ends the SQL');
  try {
    const values = Object.fromEntries(variables.map((variable) => [variable, 'value']));
    expandQuery(sql, { variables: values, from: new Date(0), to: new Date(3_600_000) });
  } catch (error) {
    say((error as Error).message);
  }
  const bare = sql.replaceAll(/decodeURLComponent\('\$\{\w+:percentencode\}'\)/g, '');
  for (const variable of variables) {
    if (new RegExp(`\\$\\{?${variable}\\b|\\[\\[${variable}\\b`).test(bare)) {
      say(`$${variable} stands in SQL as it is; variableText('${variable}') makes a safe text of it`);
    }
  }
  const database = /\b(?:FROM|JOIN)\s+`?(\w+)`?\s*\.\s*`?\w+/i.exec(sql)?.[1];
  if (database !== undefined && database !== 'system')
    say(`the database ${database} is fixed; the data source has one`);
  if (/\b(?:sum|avg|min|max|quantile)\w*\(\s*toFloat(?:32|64)\s*\(/i.test(sql))
    say('floats are added up; money is a Decimal until the last SELECT');
  if (/\bSELECT\s+(?:\w+\.)?\*/i.test(sql)) say('SELECT * shows whatever a view gets tomorrow');
  return problems;
}

/** Whether a query has a column of this name: an alias, or a name that is selected as it is. */
export function hasColumn(sql: string, column: string): boolean {
  const name = column.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(
    `\\bAS\\s+["\`]?${name}["\`]?\\s*(?:,|\\n|$|FROM\\b)|(?:SELECT|,)\\s+(?:\\w+\\.)?${name}\\s*(?:,|\\n|$)`,
    'i',
  ).test(sql);
}
