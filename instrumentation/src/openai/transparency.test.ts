import { beforeAll, describe, expect, test } from 'vitest';
import { setRecorder } from '../recorder/index.ts';
import { OpenAIInstrumentation } from './index.ts';
import { FOREIGN } from './testing/foreign-responses.mts';
import { requireFrom } from './testing/places.mts';
import { RecorderDouble } from './testing/recorder.ts';
import { runShapes, SHAPES } from './testing/shapes.mts';

type Results = Record<string, unknown>;

/** Shapes that make no request that reaches a billable end, or several. */
const COUNTS: Record<string, number> = {
  'error instanceof': 1,
  'nobody catches': 4,
  'promises together': 2,
  'custom fetch': 2,
  'azure client': 2,
  runTools: 2,
  'runTools stream': 2,
  'models list': 0,
  moderations: 0,
  ...Object.fromEntries(Object.keys(FOREIGN).map((kind) => [`custom fetch: ${kind}`, kind === 'frozen' ? 8 : 10])),
  // Never sent: the SDK fails before there is a request.
  'body missing': 0,
};

describe.each([7, 6] as const)('openai %i', (major) => {
  const recorder = new RecorderDouble();
  const counts = new Map<string, number>();
  let bare: Results;
  let watched: Results;
  let hidden: Results;

  beforeAll(async () => {
    const instrumentation = new OpenAIInstrumentation({ providerHosts: { '127.0.0.1': 'openai' } });
    const lib = requireFrom[major]('openai') as { OpenAI: { prototype: { post: unknown } } };
    expect((requireFrom[major]('openai/version') as { VERSION: string }).VERSION.split('.')[0]).toBe(String(major));
    const patched = lib.OpenAI.prototype.post;
    instrumentation.disable();
    expect(lib.OpenAI.prototype.post).not.toBe(patched);
    bare = await runShapes(lib);
    instrumentation.enable();
    setRecorder(recorder);
    // Usage is asked for, and not.
    hidden = await runShapes(lib);
    instrumentation.setConfig({});
    watched = {};
    for (const name of Object.keys(SHAPES)) {
      recorder.clear();
      Object.assign(watched, await runShapes(lib, name));
      // The answer to a call that nobody awaited is read in a turn of its own.
      await new Promise((resolve) => setTimeout(resolve, 20));
      counts.set(name, recorder.started.length);
    }
    instrumentation.disable();
    setRecorder(undefined);
  }, 120_000);

  test.each(Object.keys(SHAPES))('%s', (name) => {
    expect(watched[name]).toEqual(bare[name]);
    expect(hidden[name], 'with usage asked for').toEqual(bare[name]);
    expect(counts.get(name), 'calls recorded').toBe(COUNTS[name] ?? 1);
  });

  test('the script saw no missing parts', () => {
    const missing = Object.entries(bare).filter(([, result]) => JSON.stringify(result).includes('is not a function'));
    expect(missing).toEqual([]);
  });
});
