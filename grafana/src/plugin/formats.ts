/** The value of a template variable: one, or several of a multi-value variable. */
export type VariableValue = string | number | readonly string[];

interface Subject {
  readonly name: string;
  readonly value: VariableValue;
  readonly text: string;
  /** What follows the format's name: `iso` in `${__from:date:iso}`. */
  readonly args: readonly string[];
}

const several = (value: VariableValue): value is readonly string[] => Array.isArray(value);
const each = (value: VariableValue, one: (item: string) => string): string =>
  (several(value) ? value : [String(value)]).map(one).join(',');
const braced = (value: VariableValue): string => (several(value) ? `{${value.join(',')}}` : String(value));

const STRICT = /[!'()*]/g;
const hex = (text: string): string => text.replace(STRICT, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const percent = (text: string): string => hex(encodeURIComponent(text));
const escapeRegex = (text: string): string => text.replace(/[-/\\^$*+?.()|[\]{}]/g, '\\$&');
const escapeLucene = (text: string): string =>
  Number.isNaN(Number(text)) ? text.replace(/[!*+\-=<>\s&|()[\]{}^~?:\\/"]/g, '\\$&') : text;

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&quot;' };
const escapeHtml = (text: string): string => text.replace(/[&<>'"]/g, (c) => HTML[c] ?? c);

const TOKEN = /YYYY|MM|DD|HH|mm|ss|SSS|X|x/g;
const two = (n: number): string => String(n).padStart(2, '0');

/** The part of moment's patterns that a query needs. Times are UTC: dashboards here have no other time zone. */
function formatDate(ms: number, pattern: string): string {
  const date = new Date(ms);
  const parts: Record<string, string> = {
    YYYY: String(date.getUTCFullYear()),
    MM: two(date.getUTCMonth() + 1),
    DD: two(date.getUTCDate()),
    HH: two(date.getUTCHours()),
    mm: two(date.getUTCMinutes()),
    ss: two(date.getUTCSeconds()),
    SSS: String(date.getUTCMilliseconds()).padStart(3, '0'),
    X: String(Math.floor(ms / 1000)),
    x: String(ms),
  };
  const rest = pattern.replace(/\[[^\]]*\]/g, '').replace(TOKEN, '');
  if (/[A-Za-z]/.test(rest)) {
    throw new Error(
      `The date pattern "${pattern}" has parts that are not known here; known: YYYY MM DD HH mm ss SSS X x`,
    );
  }
  return pattern.replace(/\[([^\]]*)\]|YYYY|MM|DD|HH|mm|ss|SSS|X|x/g, (token, literal?: string) =>
    literal === undefined ? (parts[token] ?? token) : literal,
  );
}

function date({ name, value, args }: Subject): string {
  const ms = several(value) ? Number.NaN : Number.parseInt(String(value), 10);
  if (Number.isNaN(ms)) return 'NaN';
  const pattern = args.length === 0 ? 'iso' : args.join(':');
  switch (pattern) {
    case 'iso':
      return new Date(ms).toISOString();
    case 'ms':
      return String(value);
    case 'seconds':
      return String(Math.round(ms / 1000));
    default:
      try {
        return formatDate(ms, pattern);
      } catch (error) {
        throw new Error(`\${${name}:date:${pattern}}: ${(error as Error).message}`);
      }
  }
}

/**
 * What Grafana makes of a variable by the format behind its colon. None of singlequote, doublequote and sqlstring escapes a
 * backslash, which ClickHouse reads as an escape: a value that people can set goes into SQL as {@link ./sql.ts} says.
 */
export const FORMATS: Readonly<Record<string, (subject: Subject) => string>> = {
  raw: ({ value }) => String(value),
  csv: ({ value }) => String(value),
  pipe: ({ value }) => (several(value) ? value.join('|') : String(value)),
  glob: ({ value }) => (several(value) && value.length > 1 ? braced(value) : String(value)),
  join: ({ value, args }) => (several(value) ? value.join(args[0] ?? ',') : String(value)),
  json: ({ value }) => (typeof value === 'string' ? value : JSON.stringify(value)),
  html: ({ value }) => escapeHtml(several(value) ? value.join(', ') : String(value)),
  text: ({ text }) => text,
  date,
  singlequote: ({ value }) => each(value, (item) => `'${item.replaceAll("'", "\\'")}'`),
  doublequote: ({ value }) => each(value, (item) => `"${item.replaceAll('"', '\\"')}"`),
  sqlstring: ({ value }) => each(value, (item) => `'${item.replaceAll("'", "''").replaceAll('"', '\\"')}'`),
  regex: ({ value }) => {
    if (!several(value)) return escapeRegex(String(value));
    const items = value.map(escapeRegex);
    return items.length === 1 ? (items[0] ?? '') : `(${items.join('|')})`;
  },
  lucene: ({ value }) => {
    if (!several(value)) return escapeLucene(String(value));
    return value.length === 0 ? '__empty__' : `(${value.map((item) => `"${escapeLucene(item)}"`).join(' OR ')})`;
  },
  distributed: ({ name, value }) =>
    several(value) ? value.map((item, at) => (at === 0 ? item : `${name}=${item}`)).join(',') : String(value),
  percentencode: ({ value }) => percent(braced(value)),
  uriencode: ({ value }) => hex(encodeURI(braced(value))),
  queryparam: ({ name, value }) =>
    (several(value) ? value : [String(value)]).map((item) => `var-${name}=${percent(item)}`).join('&'),
  customqueryparam: ({ name, value, args }) => {
    const key = percent(args[0] || name);
    return (several(value) ? value : [String(value)])
      .map((item) => `${key}=${percent(args[1] ?? '')}${percent(item)}`)
      .join('&');
  },
};
