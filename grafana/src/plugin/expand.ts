import { expandMacros, isMacro, type MacroContext } from './macros.ts';
import { blankComments, closingBracket } from './scan.ts';
import { ALL, type QueryContext, replaceVariables } from './variables.ts';

export type { MacroContext } from './macros.ts';
export type { QueryContext } from './variables.ts';

const CONDITIONAL = '$__conditionalAll(';

/** `$__conditionalAll(condition, $variable)`: `1=1` where the variable is empty or "All". The last one in the text first: they may be nested. */
function conditionalAll(sql: string, variables: QueryContext['variables']): string {
  let text = sql;
  for (let at = text.lastIndexOf(CONDITIONAL); at !== -1; at = text.lastIndexOf(CONDITIONAL)) {
    const open = at + CONDITIONAL.length - 1;
    const close = closingBracket(text, open);
    const inner = close === undefined ? '' : text.slice(open + 1, close);
    const comma = lastTopLevelComma(inner);
    const name = /\$\{?(\w+)/.exec(inner.slice(comma + 1))?.[1];
    if (close === undefined || comma === -1 || name === undefined) {
      throw new Error(
        '$__conditionalAll takes a condition and a variable: $__conditionalAll(client_id IN ($client), $client)',
      );
    }
    const value = String(variables?.[name] ?? 'unset');
    const phrase = value === '' || value === ALL ? '1=1' : inner.slice(0, comma);
    text = text.slice(0, at) + phrase + text.slice(close + 1);
  }
  return text;
}

function lastTopLevelComma(text: string): number {
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at -= 1) {
    if (text[at] === ')') depth += 1;
    else if (text[at] === '(') depth -= 1;
    else if (text[at] === ',' && depth === 0) return at;
  }
  return -1;
}

// With no ad-hoc filters on the dashboard.
const withoutAdHocFilters = (sql: string): string =>
  sql.replace(/\$__adHocFilters\s*\(\s*(?:'[^']+'|"[^"]+")[^)]*\)/g, 'additional_table_filters={}');

/**
 * The SQL that ClickHouse receives for a panel's or a variable's query: what Grafana's templating and grafana-clickhouse-datasource
 * 4.20 (`$__conditionalAll` and `$__adHocFilters` in the browser, the other macros in its backend) make of it, in their order.
 *
 * @param rawSql a target's `rawSql`, or a query variable's
 * @param context values of variables, time range, interval in milliseconds
 * @throws Error naming a variable, format or macro that nobody would expand: Grafana sends it to ClickHouse as it is
 */
export function expandQuery(rawSql: string, context: QueryContext): string {
  const browser = withoutAdHocFilters(conditionalAll(rawSql, context.variables));
  // Comments are looked at last, as in Grafana; yet what a comment mentions must not be taken for an error.
  return expandMacros(replaceVariables(blankComments(browser), context, isMacro), context);
}

/**
 * The SQL that ClickHouse receives for the query of an alert rule. It goes to the plugin's backend as it is: macros are expanded, variables are not.
 *
 * @throws Error naming a variable, which no rule can have, or an unknown macro
 */
export function expandRuleQuery(rawSql: string, context: MacroContext): string {
  const text = blankComments(rawSql);
  const variable = /\$\{[^}]*\}|\[\[\w+(?::\w+)?\]\]|\$(?!__)[A-Za-z_]\w*/.exec(text)?.[0];
  if (variable !== undefined) throw new Error(`${variable}: the query of an alert rule has no variables`);
  for (const [token, name = ''] of text.matchAll(/\$__(\w+)/g)) {
    if (!isMacro(name)) throw new Error(`${token}: the plugin has no macro of that name`);
  }
  return expandMacros(text, context);
}
