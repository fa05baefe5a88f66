const SECOND = 1000;
const UNIT: Readonly<Record<string, number>> = { s: SECOND, m: 60 * SECOND, h: 3600 * SECOND, d: 86_400 * SECOND };
const DAY = 86_400 * SECOND;
const HOUR = 3600 * SECOND;

/** Times, months and formulas of a case (test/e2e/grafana/README.md), all from one moment. */
export interface Times {
  readonly now: number;
  /** Milliseconds of `2026-02-03T10:00:00Z`, `2026-02-03`, `now-90m`, `hour-2 +5m`, `day-1 +12h`, `month-1 +2d +10h`. */
  at(text: string): number;
  /** A text with `{month-1}`, `{month-1:name}`, `{day-1}`, `{day-1:short}` and `{<time>}` filled in. */
  fill(text: string): string;
  /** The number of `= 2 * days_in_month`. */
  formula(text: string): number;
  /** A time as such a text, for printing. */
  describe(ms: number): string;
}

const RELATIVE = /^(now|hour|day|month)(?:([+-]\d+)([smhd]?))?((?:\s+[+-](?:\d+[smhd])+)*)$/;

const monthStart = (now: number, months: number): number => {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
};

const monthName = (ms: number): string =>
  new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(ms);

/** `03 Feb`, as ClickHouse's `%d %b` writes it. */
const shortDay = (ms: number): string => {
  const [, day, month] = new Date(ms).toUTCString().split(' ');
  return `${day} ${month}`;
};

function baseOf(now: number, word: string, count: number): number {
  switch (word) {
    case 'hour':
      return Math.floor(now / HOUR) * HOUR + count * HOUR;
    case 'day':
      return Math.floor(now / DAY) * DAY + count * DAY;
    default:
      return monthStart(now, count);
  }
}

function shift(text: string): number {
  let total = 0;
  for (const [, sign, parts = ''] of text.matchAll(/([+-])((?:\d+[smhd])+)/g)) {
    for (const [, count, unit] of parts.matchAll(/(\d+)([smhd])/g)) {
      total += (sign === '-' ? -1 : 1) * Number(count) * (UNIT[unit ?? ''] ?? 0);
    }
  }
  return total;
}

function timeAt(now: number, text: string): number {
  const found = RELATIVE.exec(text.trim());
  if (found === null) {
    const ms = Date.parse(text);
    if (!/^\d{4}-/.test(text) || Number.isNaN(ms)) {
      throw new Error(
        `"${text}" is no time: write 2026-02-03T10:00:00Z, now-90m, hour-2 +5m, day-1 +12h or month-1 +2d +10h`,
      );
    }
    return ms;
  }
  const [, word = '', count = '0', unit = '', more = ''] = found;
  if ((word === 'now' && count !== '0') !== (unit !== '')) {
    throw new Error(`"${text}": now takes a unit (now-90m), hour, day and month take none (hour-2)`);
  }
  if (word === 'now') return now + Number(count) * (UNIT[unit] ?? 0) + shift(more);
  return baseOf(now, word, Number(count)) + shift(more);
}

function fillIn(now: number, text: string): string {
  return text.replace(/\{((?:now|hour|day|month)\b[^{}]*)\}/g, (_, inner: string) => {
    const [, word, count = '0', form] = /^(month|day)([+-]\d+)?(?::(name|short))?$/.exec(inner) ?? [];
    if (word === undefined) return new Date(timeAt(now, inner)).toISOString();
    const ms = baseOf(now, word, Number(count));
    if (form === 'name') return monthName(ms);
    if (form === 'short') return shortDay(ms);
    return new Date(ms).toISOString().slice(0, word === 'month' ? 7 : 10);
  });
}

/** Arithmetic over numbers and names: sums of products of values; a value is a number, a name, a bracket, min(…) or max(…). */
function evaluate(text: string, names: Readonly<Record<string, number>>): number {
  const tokens = text.match(/\d+(?:\.\d+)?|[a-z_]+|[-+*/(),]|\S/g) ?? [];
  let at = 0;
  const wrong = (): never => {
    throw new Error(`"${text}" is no formula at "${tokens[at] ?? 'its end'}"; names: ${Object.keys(names).join(', ')}`);
  };
  const take = (token: string): void => {
    if (tokens[at] !== token) wrong();
    at += 1;
  };
  const value = (): number => {
    const token = tokens[at] ?? '';
    at += 1;
    if (/^\d/.test(token)) return Number(token);
    if (token === '-') return -value();
    if (token === '(') {
      const inner = sum();
      take(')');
      return inner;
    }
    if (token === 'min' || token === 'max') {
      take('(');
      const first = sum();
      take(',');
      const second = sum();
      take(')');
      return Math[token](first, second);
    }
    const known = Object.hasOwn(names, token) ? names[token] : undefined;
    if (known !== undefined) return known;
    at -= 1;
    return wrong();
  };
  const product = (): number => {
    let total = value();
    while (tokens[at] === '*' || tokens[at] === '/') {
      at += 1;
      total = tokens[at - 1] === '*' ? total * value() : total / value();
    }
    return total;
  };
  const sum = (): number => {
    let total = product();
    while (tokens[at] === '+' || tokens[at] === '-') {
      at += 1;
      total = tokens[at - 1] === '+' ? total + product() : total - product();
    }
    return total;
  };
  const result = sum();
  return at === tokens.length ? result : wrong();
}

function described(now: number, ms: number): string {
  if (Math.abs(now - ms) > 40 * DAY) return new Date(ms).toISOString();
  const day = Math.floor(ms / DAY) - Math.floor(now / DAY);
  const signed = (n: number): string => (n > 0 ? `+${n}` : n === 0 ? '' : String(n));
  if (ms % DAY === 0) return `day${signed(day)}`;
  const hour = Math.floor(ms / HOUR) - Math.floor(now / HOUR);
  const rest = ms % HOUR;
  const minutes = Math.floor(rest / 60_000);
  const seconds = (rest % 60_000) / SECOND;
  const parts = `${minutes > 0 ? `${minutes}m` : ''}${seconds > 0 ? `${seconds}s` : ''}`;
  return `hour${signed(hour)}${parts === '' ? '' : ` +${parts}`}`;
}

/** @param now milliseconds; whole seconds of it are used, as Grafana sends them to ClickHouse */
export function timesFrom(now: number): Times {
  const anchor = Math.floor(now / SECOND) * SECOND;
  const daysInMonth = (monthStart(anchor, 1) - monthStart(anchor, 0)) / DAY;
  const names = { day_of_month: new Date(anchor).getUTCDate(), days_in_month: daysInMonth };
  return {
    now: anchor,
    at: (text) => timeAt(anchor, text),
    fill: (text) => fillIn(anchor, text),
    formula: (text) => evaluate(text.replace(/^=/, ''), names),
    describe: (ms) => described(anchor, ms),
  };
}

/** Waits until no UTC midnight is near, so that a case begins and ends on one day. */
export async function awayFromMidnight(marginMs = 90_000): Promise<void> {
  const left = DAY - (Date.now() % DAY);
  if (left < marginMs) await new Promise((resolve) => setTimeout(resolve, left + SECOND));
}
