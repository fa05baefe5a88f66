import { maskPhone, type Settings } from './config-values.ts';
import type { Contact, OnCall, QuietHours } from './types.ts';

/** Twilio takes numbers in this form only; it guesses none. */
export const E164 = /^\+[1-9]\d{6,14}$/;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._'-]{0,39}$/u;
const EXAMPLE =
  'ada=+14035551234,bob=+14035555678;carol=+14035559012 (a comma within a level, a semicolon between levels)';

/** A number on call in E.164, or a problem with the name of the variable and the number masked. */
export function readPhone(settings: Settings, name: string, text: string, whose = ''): string | undefined {
  if (E164.test(text)) return text;
  const kept = text.replace(/[\s().\-–]/g, '');
  const hint = E164.test(kept)
    ? 'write it without blanks, brackets and dashes'
    : 'expected E.164, a plus and the country code first: +14035551234';
  settings.problems.push(`${name}: ${whose}${maskPhone(text)} is no phone number: ${hint}`);
  return undefined;
}

/** `ada=+1…,bob=+1…;carol=+1…` → levels of contacts. Undefined where the variable is unset. */
export function readOnCall(settings: Settings, name: string): OnCall | undefined {
  const text = settings.secret(name);
  if (text === undefined) return undefined;
  const numbers = new Map<string, string>();
  const names = new Map<string, string>();
  const levels = text
    .split(/[;\n]/)
    .map((level) => level.split(',').map((part) => part.trim()))
    .filter((parts, i, all) => parts.some((part) => part !== '') || i < all.length - 1);
  return levels.map((parts, i) => {
    const contacts: Contact[] = [];
    for (const part of parts) {
      if (part === '') {
        settings.problems.push(`${name}: level ${i + 1} has an empty place. Expected ${EXAMPLE}`);
        continue;
      }
      const contact = readContact(settings, name, part);
      if (contact === undefined) continue;
      const { name: person, phone } = contact;
      const other = numbers.get(phone);
      const otherPhone = names.get(person);
      if (other !== undefined && other !== person) {
        settings.problems.push(
          `${name}: ${other} and ${person} have the same number ${maskPhone(phone)}: one number is one person`,
        );
      } else if (otherPhone !== undefined && otherPhone !== phone) {
        settings.problems.push(
          `${name}: ${person} has two numbers, ${maskPhone(otherPhone)} and ${maskPhone(phone)}: give each a name of its own, like "${person} home"`,
        );
      } else if (contacts.some((known) => known.phone === phone)) {
        settings.problems.push(`${name}: ${person} is twice in level ${i + 1}`);
      } else contacts.push(contact);
      numbers.set(phone, person);
      names.set(person, phone);
    }
    return contacts;
  });
}

function readContact(settings: Settings, name: string, part: string): Contact | undefined {
  const at = part.indexOf('=');
  const person = part.slice(0, Math.max(at, 0)).trim();
  const number = part.slice(at + 1).trim();
  if (at < 1 || !NAME.test(person)) {
    // What stands before "=" may be a number that somebody put there: it is not shown.
    settings.problems.push(`${name}: ${maskPhone(part)} has no name in front: expected ${EXAMPLE}`);
    return undefined;
  }
  const phone = readPhone(settings, name, number, `${person}'s `);
  return phone === undefined ? undefined : { name: person, phone };
}

/** `22:00-07:00 America/Edmonton`. */
export function readQuietHours(settings: Settings, name: string): QuietHours | undefined {
  const text = settings.text(name);
  if (text === undefined) return undefined;
  const match = /^((?:[01]\d|2[0-3]):[0-5]\d)\s*[-–]\s*((?:[01]\d|2[0-3]):[0-5]\d)\s+(\S+)$/.exec(text);
  const [, from = '', to = '', timeZone = ''] = match ?? [];
  if (match === null) {
    settings.problems.push(`${name}=${text}: expected like 22:00-07:00 America/Edmonton`);
  } else if (from === to) {
    settings.problems.push(`${name}=${text}: begins and ends at the same time; leave it unset for no quiet hours`);
  } else if (!isTimeZone(timeZone)) {
    settings.problems.push(
      `${name}=${text}: ${timeZone} is no IANA time zone: expected one like America/Edmonton or UTC`,
    );
  } else return { from, to, timeZone };
  return undefined;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
