import { blankComments, closingBracket, splitArguments } from './scan.ts';
import { DEFAULT_INTERVAL_MS } from './variables.ts';

/** What the plugin's backend knows of a query beside its text. */
export interface MacroContext {
  readonly from: Date;
  readonly to: Date;
  readonly intervalMs?: number;
}

const seconds = (date: Date): string => `toDateTime(${Math.floor(date.getTime() / 1000)})`;
const millis = (date: Date): string => `fromUnixTimestamp64Milli(${date.getTime()})`;
const day = (date: Date): string => `toDate('${date.toISOString().slice(0, 10)}')`;
const between = (column: string | undefined, from: string, to: string): string =>
  `${column} >= ${from} AND ${column} <= ${to}`;

interface Macro {
  /** How many arguments it takes; left out where it ignores them. */
  readonly takes?: number;
  readonly expand: (context: Required<MacroContext>, args: readonly string[]) => string;
}

const DURATION = /^(?:(\d+(?:\.\d+)?)(ms|s|m|h))+$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

// As Go reads a duration: 5m, 1h30m; no days.
function durationSeconds(text: string): number {
  const bare = text.replace(/^['"]+|['"]+$/g, '').trim();
  if (!DURATION.test(bare)) throw new Error(`"${bare}" is no interval like 30s, 5m or 1h`);
  let total = 0;
  for (const [, count, unit] of bare.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(count) * (UNIT_MS[unit ?? ''] ?? 0);
  const rounded = Math.round(total / 1000);
  if (rounded <= 0) throw new Error(`the interval must be a second at least, not "${bare}"`);
  return rounded;
}

function intervalOf(ms: number): string {
  if (ms === 0) return '0s';
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

const wholeSeconds = (ms: number): number => Math.floor(Math.max(ms / 1000, 1));

const dateTimeFilter: Macro = {
  takes: 2,
  expand: ({ from, to }, [date, time]) =>
    `(${between(date, day(from), day(to))}) AND (${between(time, seconds(from), seconds(to))})`,
};

/** What the plugin's backend puts in the place of `$__name(…)`. */
const MACROS: Readonly<Record<string, Macro>> = {
  fromTime: { expand: ({ from }) => seconds(from) },
  toTime: { expand: ({ to }) => seconds(to) },
  fromTime_ms: { expand: ({ from }) => millis(from) },
  toTime_ms: { expand: ({ to }) => millis(to) },
  timeFilter: { takes: 1, expand: ({ from, to }, [column]) => between(column, seconds(from), seconds(to)) },
  timeFilter_ms: { takes: 1, expand: ({ from, to }, [column]) => between(column, millis(from), millis(to)) },
  timeFrom: { takes: 1, expand: ({ from }, [column]) => `${column} >= ${seconds(from)}` },
  timeTo: { takes: 1, expand: ({ to }, [column]) => `${column} <= ${seconds(to)}` },
  dateFilter: { takes: 1, expand: ({ from, to }, [column]) => between(column, day(from), day(to)) },
  dateTimeFilter,
  dt: dateTimeFilter,
  timeInterval: {
    takes: 1,
    expand: ({ intervalMs }, [column]) =>
      `toStartOfInterval(toDateTime(${column}), INTERVAL ${wholeSeconds(intervalMs)} second)`,
  },
  timeInterval_ms: {
    takes: 1,
    expand: ({ intervalMs }, [column]) =>
      `toStartOfInterval(toDateTime64(${column}, 3), INTERVAL ${Math.floor(Math.max(intervalMs, 1))} millisecond)`,
  },
  timeGroup: {
    takes: 2,
    expand: (_, [column, period = '']) =>
      `toStartOfInterval(toDateTime(${column}), INTERVAL ${durationSeconds(period)} second)`,
  },
  interval: { expand: ({ intervalMs }) => intervalOf(intervalMs) },
  interval_ms: { expand: ({ intervalMs }) => String(intervalMs) },
  interval_s: { expand: ({ intervalMs }) => String(wholeSeconds(intervalMs)) },
};

/** Whether the backend expands `$__name`. */
export const isMacro = (name: string): boolean => Object.hasOwn(MACROS, name);

function expand(text: string, context: Required<MacroContext>): string {
  let out = '';
  let done = 0;
  const calls = /\$__(\w+)/g;
  for (let call = calls.exec(text); call !== null; call = calls.exec(text)) {
    const [token, name = ''] = call;
    const macro = isMacro(name) ? MACROS[name] : undefined;
    // Part of a variable's value: the plugin leaves what it does not know as it is.
    if (macro === undefined) continue;
    let end = call.index + token.length;
    let inner = '';
    if (text[end] === '(') {
      const close = closingBracket(text, end);
      if (close !== undefined) {
        inner = text.slice(end + 1, close);
        end = close + 1;
      }
    }
    let replacement: string;
    try {
      const args = splitArguments(expand(inner, context));
      if (macro.takes !== undefined && args.length !== macro.takes) {
        throw new Error(`it takes ${macro.takes} argument${macro.takes === 1 ? '' : 's'}, not ${args.length}`);
      }
      replacement = macro.expand(context, args);
    } catch (error) {
      throw new Error(`${token}: ${(error as Error).message}`);
    }
    out += text.slice(done, call.index) + replacement;
    done = end;
    calls.lastIndex = end;
  }
  return out + text.slice(done);
}

/** A query after the plugin's backend: comments blanked, macros expanded, inner ones first. */
export function expandMacros(sql: string, context: MacroContext): string {
  if (!sql.includes('$__')) return sql;
  return expand(blankComments(sql), { ...context, intervalMs: context.intervalMs ?? DEFAULT_INTERVAL_MS });
}
