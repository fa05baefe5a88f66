import { SegmentedMessage } from 'sms-segments-calculator';
import type { Route } from '../types.ts';
import { cleanLine, shorten, shortenMessage } from './clean.ts';

/** What a text tells about. */
export interface TextAlert {
  readonly route: Route;
  readonly client_id: string;
  readonly client_name: string;
  readonly severity: string;
  readonly message: string;
}

export interface TextParts {
  /** At least one; in any order. */
  readonly alerts: readonly TextAlert[];
  readonly code?: string | undefined;
  /** Where to acknowledge; left out where it does not fit. */
  readonly link?: string | undefined;
  /** Nobody knows whether this text went out before. */
  readonly mayRepeat?: boolean | undefined;
}

/** A text costs, and is read, by segments. */
export const MAX_SEGMENTS = 2;
/** Begins a text that may be one too many. */
export const MAY_REPEAT = '(may repeat) ';

/** How many segments the network makes of a text; the warning sign makes it UCS-2: 70 code units, or 67 of each of several. */
export function segmentsOf(text: string): number {
  return new SegmentedMessage(text).segmentsCount;
}

function fits(text: string): boolean {
  // The count of segments costs more than the length; 134 code units are the most that two can hold.
  return text.length <= 134 && segmentsOf(text) <= MAX_SEGMENTS;
}

/** All of one client, or of the pipeline: named once. */
interface Subject {
  readonly prefix: string;
  readonly name: string;
  readonly messages: readonly string[];
}

/**
 * The text of an SMS, at most two segments.
 *
 * One client: `⚠️ Usage Alert for Acme: Monthly usage has exceeded $100.00. Reply 4821 to acknowledge`; the pipeline's: `⚠️ client-cost: …`.
 * Several: `⚠️ 3 alerts, 1 critical: Acme: Monthly usage has exceeded $100.00; Beta, Gamma. Reply 4821 to acknowledge`, the most severe first,
 * as many named as fit, the rest counted. A name gives way before a message, and a figure is never cut.
 */
export function composeText({ alerts, code, link, mayRepeat }: TextParts): string {
  const mark = mayRepeat === true ? MAY_REPEAT : '';
  const ends = code === undefined ? [''] : [`. Reply ${code} to acknowledge`];
  if (link !== undefined) ends.unshift(code === undefined ? `. Acknowledge: ${link}` : `${ends[0]} or ${link}`);
  const end = ends.at(-1) ?? '';
  const subjects = subjectsOf(alerts);
  const [first] = subjects;
  if (first === undefined) return `${mark}⚠️ client-cost${end}`;
  const head = subjects.length === 1 ? `${mark}${first.prefix}` : `${mark}⚠️ ${countOf(alerts)}: `;
  const whole = subjects.map(({ name, messages }) => `${name}: ${messages.join(', ')}`).join('; ');
  // With the link where nothing is lost for it.
  const text = ends.map((last) => `${head}${whole}${last}`).find(fits);
  if (text !== undefined) return text;
  return subjects.length === 1 ? textOfOne(head, first, end) : textOfSeveral(head, subjects, end);
}

function countOf(alerts: readonly TextAlert[]): string {
  const critical = alerts.filter(({ severity }) => severity === 'critical').length;
  const severe = critical === 0 ? '' : critical === alerts.length ? ' critical' : '';
  return `${alerts.length}${severe} alerts${critical > 0 && severe === '' ? `, ${critical} critical` : ''}`;
}

function subjectsOf(alerts: readonly TextAlert[]): Subject[] {
  const rank = (alert: TextAlert) => (alert.severity === 'critical' ? 0 : 1);
  const grouped = new Map<string, { alert: TextAlert; messages: string[] }>();
  for (const alert of [...alerts].sort((a, b) => rank(a) - rank(b))) {
    const id = alert.route === 'operations' ? '' : `c${alert.client_id}`;
    const message = cleanLine(alert.message).replace(/\.$/, '');
    const group = grouped.get(id);
    if (group === undefined) grouped.set(id, { alert, messages: [message] });
    else if (!group.messages.includes(message)) group.messages.push(message);
  }
  return [...grouped.values()].map(({ alert, messages }) => {
    const own = alert.route === 'operations';
    const name = own ? 'client-cost' : cleanLine(alert.client_name) || cleanLine(alert.client_id) || 'a client';
    return { prefix: own ? '⚠️ ' : '⚠️ Usage Alert for ', name, messages };
  });
}

function textOfOne(head: string, { name, messages }: Subject, end: string): string {
  const shape = (of: string, said: string) => `${head}${of}: ${said}${end}`;
  // As many messages as fit beside the whole name; the first always, for which the name gives way.
  for (let told = messages.length; told > 0; told--) {
    const rest = messages.length - told;
    const said = messages.slice(0, told).join(', ') + (rest > 0 ? `, +${rest} more` : '');
    if (told > 1 && fits(shape(name, said))) return shape(name, said);
    if (told === 1) {
      const room = 134 - shape('', said).length;
      if (room >= Math.min(MIN_NAME, name.length)) return reduce(room, (units) => shape(shorten(name, units), said));
    }
  }
  const short = shorten(name, MIN_NAME);
  return reduce(134 - shape(short, '').length, (units) => shape(short, shortenMessage(messages[0] ?? '', units)));
}

function textOfSeveral(head: string, subjects: readonly Subject[], end: string): string {
  const shape = (told: number, named: number, units: number): string => {
    const full = subjects.slice(0, told).map(({ name, messages }) => `${shorten(name, units)}: ${messages[0]}`);
    const names = subjects.slice(told, told + named).map(({ name }) => shorten(name, units));
    const rest = subjects.length - told - named;
    const more = rest > 0 ? [...names, `+${rest} more`] : names;
    return `${head}${[...full, ...(more.length > 0 ? [more.join(', ')] : [])].join('; ')}${end}`;
  };
  // The first says what happened; then as many names as fit; then what happened to them too.
  for (const units of [Number.MAX_SAFE_INTEGER, 24, 16]) {
    let best: { text: string; said: number } | undefined;
    for (let told = 1; told <= subjects.length; told++) {
      let named = Math.min(subjects.length - told, MAX_NAMES);
      while (named > 0 && !fits(shape(told, named, units))) named--;
      const text = shape(told, named, units);
      if (!fits(text)) break;
      // Another's message is not worth a name less.
      if (best !== undefined && told + named < best.said) break;
      best = { text, said: told + named };
    }
    if (best !== undefined) return best.text;
  }
  const [first] = subjects;
  const rest = subjects.length - 1;
  return reduce(134, (units) => {
    const said = shortenMessage(first?.messages[0] ?? '', units);
    return `${head}${shorten(first?.name ?? '', MIN_NAME)}: ${said}; +${rest} more${end}`;
  });
}

/** More never fit. */
const MAX_NAMES = 60;
/** Fewer units of a name than this say too little. */
const MIN_NAME = 12;

/** The text with the most units that fits: a grapheme that crosses from one segment to the next may cost some. */
function reduce(units: number, text: (units: number) => string): string {
  for (let left = Math.max(units, 0); left > 0; left--) if (fits(text(left))) return text(left);
  return text(0);
}
