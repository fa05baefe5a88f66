// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Grafana writes its variables so
import { describe, expect, it } from 'vitest';
import { expandQuery, expandRuleQuery } from './expand.ts';
import { variableText } from './sql.ts';

const from = new Date('2014-11-12T11:45:26.123Z');
const to = new Date('2015-11-12T11:45:26.456Z');
const FROM = 'toDateTime(1415792726)';
const TO = 'toDateTime(1447328726)';
const FROM_MS = 'fromUnixTimestamp64Milli(1415792726123)';
const TO_MS = 'fromUnixTimestamp64Milli(1447328726456)';

const expand = (sql: string, variables: Record<string, string | string[]> = {}, intervalMs = 20_000) =>
  expandQuery(sql, { variables, from, to, intervalMs });

describe('macros, as the plugin documents them', () => {
  it.each([
    ['$__timeFilter(ts)', `ts >= ${FROM} AND ts <= ${TO}`],
    ['$__timeFilter( cast(ts as timestamp) )', `cast(ts as timestamp) >= ${FROM} AND cast(ts as timestamp) <= ${TO}`],
    ['$__timeFilter_ms(ts)', `ts >= ${FROM_MS} AND ts <= ${TO_MS}`],
    ['$__dateFilter(d)', "d >= toDate('2014-11-12') AND d <= toDate('2015-11-12')"],
    [
      '$__dateTimeFilter(d, ts)',
      `(d >= toDate('2014-11-12') AND d <= toDate('2015-11-12')) AND (ts >= ${FROM} AND ts <= ${TO})`,
    ],
    ['$__dt(d, ts)', `(d >= toDate('2014-11-12') AND d <= toDate('2015-11-12')) AND (ts >= ${FROM} AND ts <= ${TO})`],
    ['( a >= $__fromTime ) and ( b <= $__toTime )', `( a >= ${FROM} ) and ( b <= ${TO} )`],
    ['$__fromTime_ms, $__toTime_ms', `${FROM_MS}, ${TO_MS}`],
    ['$__timeFrom(ts) AND $__timeTo(ts)', `ts >= ${FROM} AND ts <= ${TO}`],
    ['$__timeInterval(ts)', 'toStartOfInterval(toDateTime(ts), INTERVAL 20 second)'],
    ['$__timeInterval_ms(ts)', 'toStartOfInterval(toDateTime64(ts, 3), INTERVAL 20000 millisecond)'],
    ['$__timeGroup(ts, 5m)', 'toStartOfInterval(toDateTime(ts), INTERVAL 300 second)'],
    ["$__timeGroup(ts, '1h30m')", 'toStartOfInterval(toDateTime(ts), INTERVAL 5400 second)'],
    ['$__interval_s', '20'],
    ['$__timeInterval($__fromTime)', `toStartOfInterval(toDateTime(${FROM}), INTERVAL 20 second)`],
    ['$__timeFilter(coalesce(at, $__toTime))', `coalesce(at, ${TO}) >= ${FROM} AND coalesce(at, ${TO}) <= ${TO}`],
    [
      "SELECT '(' , $__timeInterval(f(')', ts))",
      "SELECT '(' , toStartOfInterval(toDateTime(f(')', ts)), INTERVAL 20 second)",
    ],
  ])('%s', (sql, expected) => {
    expect(expand(sql)).toBe(expected);
    expect(expandRuleQuery(sql, { from, to, intervalMs: 20_000 })).toBe(expected);
  });

  it('an interval is a second at least', () => {
    expect(expand('$__interval_s $__timeInterval(t) $__timeInterval_ms(t)', {}, 0)).toBe(
      '1 toStartOfInterval(toDateTime(t), INTERVAL 1 second) toStartOfInterval(toDateTime64(t, 3), INTERVAL 1 millisecond)',
    );
  });

  it.each([
    ['$__timeFilter()', '$__timeFilter: it takes 1 argument, not 0'],
    ['$__dateTimeFilter(a)', '$__dateTimeFilter: it takes 2 arguments, not 1'],
    ['$__timeGroup(ts, soon)', '$__timeGroup: "soon" is no interval'],
    ['$__timeGroup(ts, 0s)', '$__timeGroup: the interval must be a second at least'],
    ['$__timeFiltre(ts)', '$__timeFiltre: the plugin has no macro'],
    ['$__unixEpochFilter(ts)', '$__unixEpochFilter: the plugin has no macro'],
  ])('%s is refused', (sql, message) => {
    expect(() => expand(sql)).toThrow(message);
  });

  it('comments are blanked and keep their place; quotes, also escaped ones, hide no macro', () => {
    expect(expand('a -- $__fromTime $nobody\nb $__toTime')).toBe(`a ${' '.repeat(22)}\nb ${TO}`);
    expect(expand('a /* $__x */ $__toTime')).toBe(`a ${' '.repeat(10)} ${TO}`);
    expect(expand(String.raw`m = 'it\'s -- fine' and $__fromTime`)).toBe(String.raw`m = 'it\'s -- fine' and ${FROM}`);
    expect(expand("m = 'it''s' and `a--b` = $__fromTime")).toBe(`m = 'it''s' and \`a--b\` = ${FROM}`);
  });
});

describe('variables, as Grafana formats them', () => {
  const one = { v: `O'Br"i\\en` };
  const two = { v: ['a', "b'c"] };

  it.each([
    ['$v ${v} [[v]]', `O'Br"i\\en O'Br"i\\en O'Br"i\\en`],
    ['${v:raw} [[v:raw]]', `O'Br"i\\en O'Br"i\\en`],
    ['${v:singlequote}', `'O\\'Br"i\\en'`],
    ['${v:doublequote}', `"O'Br\\"i\\en"`],
    ['${v:sqlstring}', `'O''Br\\"i\\en'`],
    ['${v:csv} ${v:json} ${v:pipe} ${v:glob} ${v:text}', Array(5).fill(`O'Br"i\\en`).join(' ')],
    ['${v:regex}', `O'Br"i\\\\en`],
    ['${v:percentencode}', 'O%27Br%22i%5Cen'],
    ['${v:queryparam}', 'var-v=O%27Br%22i%5Cen'],
    ['${v:html}', 'O&#39;Br&quot;i\\en'],
  ])('%s of one value', (sql, expected) => {
    expect(expand(sql, one)).toBe(expected);
  });

  it.each([
    ['$v', "'a','b'c'"],
    ['${v:raw} ${v:csv} ${v:pipe} ${v:glob}', "a,b'c a,b'c a|b'c {a,b'c}"],
    ['${v:singlequote}', "'a','b\\'c'"],
    ['${v:sqlstring}', "'a','b''c'"],
    ['${v:json}', `["a","b'c"]`],
    ['${v:regex}', "(a|b'c)"],
    ['${v:text}', "a + b'c"],
    ['${v:percentencode}', '%7Ba%2Cb%27c%7D'],
    ['${v:queryparam}', 'var-v=a&var-v=b%27c'],
    ['${v:join:;}', "a;b'c"],
    ['${v:distributed}', "a,v=b'c"],
  ])('%s of several values', (sql, expected) => {
    expect(expand(sql, two)).toBe(expected);
  });

  it.each([
    ['$__from ${__to}', '1415792726123 1447328726456'],
    ['${__from:date}', '2014-11-12T11:45:26.123Z'],
    ['${__from:date:iso}', '2014-11-12T11:45:26.123Z'],
    ['${__from:date:seconds}', '1415792726'],
    ['${__to:date:YYYY-MM-DD}', '2015-11-12'],
    ['${__to:date:YYYY-MM-DD HH:mm:ss}', '2015-11-12 11:45:26'],
    ['$__interval ${__interval_ms}', '20s 20000'],
    ['${__user.login} ${__timezone} ${__range_s}', 'admin utc 31536000'],
  ])('%s is built in', (sql, expected) => {
    expect(expand(sql)).toBe(expected);
  });

  it('writes an interval by its largest unit', () => {
    const text = (ms: number) => expand('$__interval', {}, ms);
    expect([text(500), text(60_000), text(90_000), text(7_200_000), text(86_400_000)]).toEqual([
      '500ms',
      '1m',
      '1m',
      '2h',
      '1d',
    ]);
  });

  it('shows the text of a variable where it has one', () => {
    expect(
      expandQuery('${month:text}', { variables: { month: '2026-11' }, texts: { month: 'November 2026' }, from, to }),
    ).toBe('November 2026');
  });

  it.each([
    ['SELECT $mnoth', '$mnoth: there is no variable "mnoth"; there is v'],
    ['SELECT ${mnoth:raw}', 'there is no variable "mnoth"'],
    ['SELECT [[mnoth]]', 'there is no variable "mnoth"'],
    ['SELECT ${v:sqlstrnig}', 'Grafana has no format "sqlstrnig"'],
    ['SELECT ${v.name}', 'the variable "v" has no fields'],
    ['SELECT ${__form:date}', 'the plugin has no macro or built-in variable'],
    ['SELECT ${__from:date:dddd}', '${__from:date:dddd}: The date pattern "dddd"'],
  ])('%s is refused', (sql, message) => {
    expect(() => expand(sql, one)).toThrow(message);
  });

  it('what begins with a digit is text', () => {
    expect(expand("replaceRegexpOne(x, 'a', '$1')")).toBe("replaceRegexpOne(x, 'a', '$1')");
  });

  it('"All" counts in $__conditionalAll only', () => {
    const sql = 'a AND $__conditionalAll(client IN (${v:sqlstring}), $v)';
    expect(expand(sql, { v: ['x', 'y'] })).toBe("a AND client IN ('x','y')");
    expect(expand('a AND $__conditionalAll(b, $v)', { v: '$__all' })).toBe('a AND 1=1');
    expect(expand(sql, { v: '' })).toBe('a AND 1=1');
    expect(() => expand('$v', { v: '$__all' })).toThrow('The variable "v" is "All"');
  });

  it('without ad-hoc filters their macro filters nothing', () => {
    expect(expand("SELECT 1 SETTINGS $__adHocFilters('usage_events')")).toBe(
      'SELECT 1 SETTINGS additional_table_filters={}',
    );
  });

  it('as in Grafana a value is not read again for variables, yet macros in it are expanded', () => {
    expect(expand('$v', { v: '${w} $nobody $__unknown' })).toBe('${w} $nobody $__unknown');
    expect(expand("'${v:sqlstring}'", { v: '$__fromTime' })).toBe(`''${FROM}''`);
  });
});

describe('variableText', () => {
  it.each(["a'); DROP TABLE x --", 'back\\', "\\' OR 1=1 --", '$__fromTime', 'ключ /* 顧客 */ "q"', '${other}', ''])(
    '%j stays text',
    (value) => {
      const sql = expand(`SELECT ${variableText('client')}`, { client: value });
      const encoded = /^SELECT decodeURLComponent\('([A-Za-z0-9%._~-]*)'\)$/.exec(sql)?.[1];
      expect(encoded).toBeDefined();
      expect(decodeURIComponent(encoded ?? 'not matched')).toBe(value);
    },
  );
});

describe('queries of alert rules', () => {
  it.each(['SELECT ${datasource}', 'SELECT $month', "SELECT '[[client]]'"])('%s: a rule has no variables', (sql) => {
    expect(() => expandRuleQuery(sql, { from, to })).toThrow('has no variables');
  });

  it('an unknown macro is refused', () => {
    expect(() => expandRuleQuery('SELECT $__nope', { from, to })).toThrow('$__nope: the plugin has no macro');
  });

  it('an interval of the backend is exact', () => {
    expect(expandRuleQuery('$__interval $__interval_ms', { from, to, intervalMs: 90_000 })).toBe('90s 90000');
  });
});
