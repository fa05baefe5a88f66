import { describe, expect, test } from 'vitest';
import { StreamObserver } from './chunks.ts';
import { JsonTap, SseTap } from './sse.ts';

const USAGE = { prompt_tokens: 1, completion_tokens: 2 };
const event = (chunk: object, end = '\n\n') => `data: ${JSON.stringify(chunk)}${end}`;
const word = (content: string, more: object = {}) => ({
  id: 'c',
  choices: [{ index: 0, delta: { content } }],
  ...more,
});

function through(text: string, injected: boolean, size: number) {
  const observer = new StreamObserver('chat', injected);
  const tap = new SseTap(observer, injected);
  const bytes = Buffer.from(text);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const passed = tap.push(bytes.subarray(at, at + size));
    if (passed) parts.push(passed);
  }
  const rest = tap.flush();
  if (rest) parts.push(rest);
  return { text: Buffer.concat(parts).toString(), observer };
}

describe.each([1, 2, 7, 1_000_000])('a raw stream in pieces of %i bytes', (size) => {
  test('passes byte for byte where nothing was added', () => {
    const text = `: hello\n\n${event(word('a \u{1F30D}'))}${event({ choices: [], usage: USAGE })}data: [DONE]\n\n`;
    const { text: passed, observer } = through(text, false, size);
    expect(passed).toBe(text);
    expect(observer.reported().tokens).toMatchObject({ input: 1, output: 2 });
  });

  test.each(['\n\n', '\r\n\r\n', '\r\r'])('loses only what we asked for, with %j between events', (end) => {
    const said = 'I say "usage":null, {"usage":null}';
    const before = `${event(word(said, { usage: null }), end) + event({ choices: [], usage: USAGE }, end)}data: [DONE]${end}`;
    const after = `${event(word(said), end)}data: [DONE]${end}`;
    const { text, observer } = through(before, true, size);
    expect(text).toBe(after);
    expect(observer.reported().tokens).toMatchObject({ input: 1, output: 2 });
  });

  test('an end without a blank line, and lines that are no JSON', () => {
    const text = `data: {broken\n\n${event(word('a'))}data: {"id":`;
    expect(through(text, true, size).text).toBe(text);
  });
});

test('chunks with no choices that the caller would have seen anyway are not hidden', () => {
  const observer = new StreamObserver('chat', true);
  expect(observer.see({ choices: [], prompt_filter_results: [], usage: null })).toBe(false);
  expect(observer.see({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: USAGE })).toBe(false);
  expect(observer.see({ choices: [], usage: USAGE })).toBe(true);
  expect(new StreamObserver('chat', false).see({ choices: [], usage: USAGE })).toBe(false);
});

test('chunks that throw when looked at pass', () => {
  const hostile = new Proxy({}, { get: () => assertNever() });
  expect(new StreamObserver('chat', true).see(hostile)).toBe(false);
  expect(new StreamObserver('responses', false).see(hostile)).toBe(false);
  expect(new StreamObserver('chat', true).see(Object.freeze({ choices: [], usage: null }))).toBe(false);
});

test('what was asked for is hidden, whatever fails in reading the rest', () => {
  const broken = (chunk: object) => Object.defineProperty(chunk, 'model', { get: () => assertNever() });
  const observer = new StreamObserver('chat', true);
  const chunk = broken({ choices: [{ index: 0, delta: { content: 'a' } }], usage: null });
  expect(observer.see(chunk)).toBe(false);
  expect(chunk).not.toHaveProperty('usage');
  expect(observer.see(broken({ choices: [], usage: USAGE }))).toBe(true);
  expect(observer.reported().tokens).toMatchObject({ input: 1, output: 2 });
});

test('the text of a very long stream is not kept', () => {
  const observer = new StreamObserver('chat', false);
  for (let i = 0; i < 20_000; i += 1) observer.see(word(' word'));
  const { pieces } = observer as unknown as { pieces: string[] };
  expect(pieces.length).toBeLessThan(5_000);
  expect(observer.estimatedOutput()).toBeGreaterThan(10_000);
  expect(observer.estimatedOutput()).toBeLessThan(40_000);
});

test('a JSON body beyond the limit is let go', () => {
  const tap = new JsonTap(10);
  tap.push(Buffer.from('{"a":'));
  tap.push(Buffer.from('1}'));
  expect(tap.value()).toEqual({ a: 1 });
  tap.push(Buffer.from('          '));
  expect(tap.value()).toBeUndefined();
});

test('a JSON body is kept in copies: what becomes of the buffers does not matter', () => {
  const tap = new JsonTap();
  const bytes = Buffer.from('{"a":1}');
  tap.push(bytes);
  bytes.fill(0);
  expect(tap.value()).toEqual({ a: 1 });
});

test.each([
  [{ message: 'm', type: 'server_error', code: 'overloaded' }, 'overloaded'],
  [{ message: 'm', type: 'server_error', code: 503 }, 'server_error'],
  [{ message: 'm' }, 'error'],
  ['it is overloaded', 'error'],
  [null, undefined],
])('an error in place of a chunk: %j', (error, code) => {
  const observer = new StreamObserver('chat', false);
  observer.see({ error });
  expect(observer.reported().errorCode).toBe(code);
});

function assertNever(): never {
  throw new Error('looked at');
}
