// Planted markers: the same name always gives the same marker, so that the calling process and the test make them alike.
const { createHash } = require('node:crypto');

/** @type {Map<string, { name: string, kind: 'word' | 'phone' | 'card', text: string, own: boolean }>} */
const planted = new Map();

function hash(name) {
  return createHash('sha256').update(`planted ${name}`).digest();
}

function plant(name, kind, text, own = false) {
  if (!planted.has(name)) planted.set(name, { name, kind, text, own });
  return text;
}

const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

/** 20 small letters and digits, for any place where content, a name or a secret can be. */
const mark = (name) => plant(name, 'word', [...hash(name).subarray(0, 20)].map((byte) => ALPHABET[byte % 32]).join(''));

/** Something that the user of this project gives in order to have it recorded: expected in telemetry. */
function own(name) {
  const text = [...hash(`own ${name}`).subarray(0, 20)].map((byte) => ALPHABET[byte % 32]).join('');
  return plant(`own ${name}`, 'word', text, true);
}

/** A number of North America in E.164. */
function phone(name) {
  const digits = [...hash(name).subarray(0, 10)].map((byte, index) =>
    index === 0 || index === 3 ? 2 + (byte % 8) : byte % 10,
  );
  return plant(name, 'phone', `+1${digits.join('')}`);
}

/** The same number as people write it. */
function written(name) {
  const [, area, exchange, line] = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(phone(name));
  return `(${area}) ${exchange}-${line}`;
}

/** Sixteen digits. */
const card = (name) => plant(name, 'card', `4${[...hash(name).subarray(0, 15)].map((byte) => byte % 10).join('')}`);

module.exports = { mark, own, phone, written, card, planted };
