import { type Context, type ContextManager, context, ROOT_CONTEXT } from '@opentelemetry/api';
import { afterEach, expect, it, vi } from 'vitest';
import { activeContext, exactlyOnce, within } from './within.ts';

afterEach(() => context.disable());

type With = (run: () => unknown) => unknown;

function manager(how: With, active: () => Context = () => ROOT_CONTEXT): void {
  const made = {
    active,
    with: (_: Context, run: (...args: unknown[]) => unknown) => how(() => run()),
    bind: <T>(_: Context, target: T) => target,
    enable: () => made,
    disable: () => made,
  };
  context.setGlobalContextManager(made as unknown as ContextManager);
}
const broken = () => {
  throw new Error('broken');
};

const MANAGERS: Record<string, With> = {
  works: (run) => run(),
  throws: broken,
  'throws afterwards': (run) => {
    run();
    broken();
  },
  'never calls': () => undefined,
  'calls twice': (run) => [run(), run()],
  'returns something else': (run) => {
    run();
    return 'else';
  },
};

it.each(Object.entries(MANAGERS))(
  'a context manager that %s: the work runs once, and what comes of it is what it does',
  (_, how) => {
    manager(how);
    const work = vi.fn(() => 'result');
    expect(within(ROOT_CONTEXT, work)).toBe('result');
    expect(work).toHaveBeenCalledTimes(1);
    const failure = new Error('its own');
    const failing = vi.fn(() => {
      throw failure;
    });
    expect(() => within(ROOT_CONTEXT, failing)).toThrow(failure);
    expect(failing).toHaveBeenCalledTimes(1);
  },
);

it('work that throws undefined throws undefined', () => {
  let thrown: unknown = 'nothing';
  try {
    exactlyOnce(
      (run) => run(),
      () => {
        throw undefined;
      },
      'trouble',
    );
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeUndefined();
});

it.each([broken, () => undefined, () => ({})])('an active context that is none is the root', (active) => {
  manager((run) => run(), active as () => Context);
  expect(activeContext()).toBe(ROOT_CONTEXT);
});
