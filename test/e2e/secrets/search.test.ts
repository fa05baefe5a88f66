import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Mark, Search } from './search.ts';

const marks = createRequire(import.meta.url)('./marks.cjs') as {
  mark(name: string): string;
  phone(name: string): string;
  written(name: string): string;
  card(name: string): string;
  planted: Map<string, Mark>;
};
const word = marks.mark('a prompt');
const phone = marks.phone('a phone');
const card = marks.card('a card');
const search = new Search(marks.planted.values());
const names = (data: Uint8Array | string) => search.find(data).map(({ mark }) => mark);

describe('what the search finds', () => {
  const hidden: readonly (readonly [string, string, Uint8Array | string])[] = [
    ['the marker', 'a prompt', `x ${word} y`],
    ['in capitals', 'a prompt', word.toUpperCase()],
    ['eight characters of it', 'a prompt', `"${word.slice(5, 13)}"`],
    ['in a binary file', 'a prompt', Buffer.concat([Buffer.from([0, 255, 1]), Buffer.from(word), Buffer.from([200])])],
    ['gzip', 'a prompt', gzipSync(`{"a":"${word}"}`)],
    ['base64', 'a prompt', `Basic ${Buffer.from(`user:${word}`).toString('base64')}`],
    ['base64 in the middle of a word', 'a prompt', `xyz${Buffer.from(word).toString('base64url')}`],
    ['hex', 'a prompt', `k=${Buffer.from(word).toString('hex')}`],
    ['percent-encoded letters', 'a prompt', [...word].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')],
    ['JSON escapes', 'a prompt', [...word].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')],
    ['base64 in percent', 'a prompt', encodeURIComponent(Buffer.from(`??>>${word}`).toString('base64'))],
    ['a phone number', 'a phone', `{"to":"${phone}"}`],
    ['a phone number in a URL', 'a phone', `?To=${encodeURIComponent(phone)}`],
    ['a phone number as people write it', 'a phone', `call ${marks.written('a phone')} now`],
    ['a phone number in base64', 'a phone', Buffer.from(`a:${phone}`).toString('base64')],
    ['a card', 'a card', `number=${card}`],
    ['a card in groups', 'a card', card.replace(/(\d{4})(?=\d)/g, '$1 ')],
    ['most of a card', 'a card', `${card.slice(0, 12)}****`],
  ];
  test.each(hidden)('%s', (_how, name, data) => {
    expect(names(data)).toContain(name);
  });

  test('nothing where nothing is', () => {
    const times = Array.from(
      { length: 20_000 },
      (_, i) => `${1_795_000_000_000_000_000n + BigInt(i) * 7_919_000_003n}`,
    );
    expect(
      names(`${times.join(' ')} ${word.slice(0, 7)} +1 ${phone.slice(4)} ${card.slice(0, 6)} ${card.slice(-4)}`),
    ).toEqual([]);
  });
});
