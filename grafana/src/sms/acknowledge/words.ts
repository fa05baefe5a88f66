/** What a text says, before anybody looks who sent it. */
export type Said =
  | {
      readonly kind: 'stop' | 'start' | 'help' /** Twilio knows the word as well, and answers it itself. */;
      readonly byTwilio: boolean;
    }
  /** All numbers in it that could be a code. */
  | { readonly kind: 'codes'; readonly codes: readonly string[] }
  /** An obvious yes without a code. */
  | { readonly kind: 'yes'; readonly all: boolean }
  | { readonly kind: 'other' };

// https://help.twilio.com/articles/223134027: the words Twilio acts on by itself, when the text says nothing else.
const STOP = new Set([
  'stop',
  'stopall',
  'stop all',
  'unsubscribe',
  'cancel',
  'end',
  'quit',
  'revoke',
  'optout',
  'opt out',
]);
const START = new Set(['start', 'unstop']);
const HELP = new Set(['help', 'info']);
const YES = new Set(
  `ack ackd acked acknowledge acknowledged yes y yep yeah yup ja oui si ok okay k kk got it gotit on it onit done confirm confirmed
   received roger thanks thank you thx seen looking checking sure copy 👍 ✅ 👌 🆗`
    .split(/\s+/)
    .concat([
      'got it',
      'on it',
      'thank you',
      'i am on it',
      "i'm on it",
      'will do',
      'ok thanks',
      'ok thank you',
      'ack ok',
      'yes ok',
    ]),
);
for (const fragment of ['got', 'it', 'on', 'thank', 'you']) YES.delete(fragment);

/** A phone tells of a reaction by quoting the text, code and all: only an approving one is an answer. */
const REACTION = /^(\p{L}[\p{L} ]{0,40}?|.{1,8}? (?:to|bei|à)) [“"«„]/u;
const APPROVING = /^(liked|loved|emphasized|emphasised|👍|✅|❤️|🆗|👌)/iu;

const DIGIT_ZEROS = [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6];

/** Full-width and other scripts' digits become 0–9, blanks one blank, invisible characters nothing. */
export function normalise(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Nd}/gu, (digit) => {
      const point = digit.codePointAt(0) ?? 0;
      const zero = DIGIT_ZEROS.find((start) => point >= start && point < start + 10);
      return zero === undefined ? digit : String(point - zero);
    })
    .replace(/[\u200b-\u200f\u2060\ufeff]|\p{Emoji_Modifier}/gu, '')
    .replace(/’/g, "'")
    .replace(/\s+/g, ' ')
    .trim();
}

/**
 * Reads a text that came in.
 *
 * @param text as Twilio gave it
 * @param optOut Twilio's `OptOutType` (`STOP`, `START`, `HELP`), where a Messaging Service has words of its own
 * @param stopped whether this number said STOP before: then YES is START, as it is for Twilio
 */
export function readReply(text: string, optOut: string | undefined, stopped: boolean): Said {
  const normal = normalise(text).toLowerCase();
  const bare = normal.replace(/^[\s"'“”.,!?*-]+|[\s"'“”.,!?*-]+$/g, '');
  const byTwilio = optOut !== undefined || bare === normal;
  if (optOut === 'STOP' || STOP.has(bare)) return { kind: 'stop', byTwilio };
  if (optOut === 'START' || START.has(bare) || (stopped && bare === 'yes')) return { kind: 'start', byTwilio };
  if (optOut === 'HELP' || HELP.has(bare)) return { kind: 'help', byTwilio };
  const reaction = REACTION.test(normalise(text));
  if (reaction && !APPROVING.test(normal)) return { kind: 'other' };
  const codes = [...new Set(normal.match(/(?<![\d.,$€£+-])\d{4,6}(?![\d%]|[.,-]\d)/g) ?? [])];
  if (codes.length > 0) return { kind: 'codes', codes };
  if (/^(ack|acknowledge|ok|yes)? ?all$/.test(bare)) return { kind: 'yes', all: true };
  if (YES.has(bare)) return { kind: 'yes', all: false };
  return { kind: 'other' };
}
