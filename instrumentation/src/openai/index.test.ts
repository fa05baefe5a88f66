import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { setRecorder } from '../recorder/index.ts';
import { OpenAIInstrumentation } from './index.ts';
import { requireFrom } from './testing/places.mts';
import { RecorderDouble } from './testing/recorder.ts';

// biome-ignore lint/suspicious/noExplicitAny: two majors of the SDK.
type Any = any;

const error = vi.fn<(...args: unknown[]) => void>();
const recorder = new RecorderDouble();
const folder = mkdtempSync(join(tmpdir(), 'client-cost-openai-'));
let first: OpenAIInstrumentation;
let second: OpenAIInstrumentation;

beforeAll(() => {
  diag.setLogger(
    { error, warn: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  setRecorder(recorder);
  first = new OpenAIInstrumentation();
  second = new OpenAIInstrumentation();
});
beforeEach(() => {
  error.mockClear();
  recorder.clear();
});
afterAll(() => {
  first.disable();
  second.disable();
  setRecorder(undefined);
  diag.disable();
  rmSync(folder, { recursive: true });
});

/** An installed copy of something called openai. */
function copy(place: string, version: string, source: string): Any {
  const at = join(folder, place, 'node_modules', 'openai');
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name: 'openai', version, main: 'index.js' }));
  writeFileSync(join(at, 'index.js'), source);
  return createRequire(join(folder, place, 'app.js'))('openai');
}

const CLIENT = `
class OpenAI {
  post(path, options) { return this.request({ method: 'post', path, ...options }); }
  request(options) { return this.makeRequest(options); }
  async makeRequest() { return {}; }
}
module.exports = { OpenAI, post: OpenAI.prototype.post };
`;

test.each(['8.0.0', '8.1.0-beta.2', '3.3.0'])('openai %s is reported, once, and left untouched', (version) => {
  for (const place of ['a', 'b']) {
    const { OpenAI, post } = copy(`${version}-${place}`, version, CLIENT);
    expect(OpenAI.prototype.post).toBe(post);
  }
  expect(error).toHaveBeenCalledTimes(1);
  const message = error.mock.calls[0]?.join(' ');
  expect(message).toContain(`openai ${version}`);
  expect(message).toContain('>=4.0.0 <8');
  expect(message).toContain('NOT recorded');
});

test('a supported version of an unknown shape is reported', () => {
  copy('odd', '7.999.0', 'module.exports = { OpenAI: class {} };');
  expect(error.mock.calls[0]?.join(' ')).toContain('openai 7.999.0 has no client that could be patched');
});

test('two copies in one process, two instrumentations: each call once; disable() restores all', async () => {
  const fetch = async () => Response.json({ id: 'c', usage: { prompt_tokens: 1, completion_tokens: 1 } });
  const libs = [requireFrom[7]('openai'), requireFrom[6]('openai')] as Any[];
  const call = async () => {
    recorder.clear();
    for (const { OpenAI } of libs) {
      await new OpenAI({ apiKey: 'k', fetch }).chat.completions.create({ model: 'm', messages: [] });
    }
    return recorder.calls.length;
  };
  expect(libs[0].OpenAI).not.toBe(libs[1].OpenAI);
  expect(await call()).toBe(2);
  second.disable();
  expect(await call()).toBe(2);
  first.disable();
  expect(await call()).toBe(0);
  for (const { OpenAI } of libs) expect(String(OpenAI.prototype.post)).toContain('methodRequest');
  first.enable();
  expect(await call()).toBe(2);
  second.enable();
  expect(await call()).toBe(2);
});

test('instrumentClass(): a client that no hook can see', async () => {
  expect(first.instrumentClass(class {})).toBe(false);
  expect(error.mock.calls[0]?.[0]).toContain('instrumentClass');
  expect(first.instrumentClass(requireFrom[7]('openai').OpenAI)).toBe(true);
});
