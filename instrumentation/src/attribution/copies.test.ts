import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useContextManager } from '../testing/otel.ts';
import { isBillable } from './billable.ts';
import { currentScope } from './index.ts';
import { RequestScope, runInScope } from './scope.ts';

// `register` is of one copy of this package (a global one, another version), the application says who pays through its own.
vi.resetModules();
const others = await import('./index.ts');
const { insideCallOf, billableContext } = await import('./billable.ts');
const { ROOT_CONTEXT } = await import('@opentelemetry/api');

const said = () => currentScope().clientId;

describe.each(['with a context manager', 'without one'])('another copy of this package, %s', (which) => {
  let stop = () => {};
  beforeEach(() => {
    if (which !== 'without one') stop = useContextManager();
  });
  afterEach(() => stop());

  it('is another one', () => expect(others.currentScope).not.toBe(currentScope));

  it('names the client by withClient and setClient', async () => {
    expect(others.withClient('acme', said)).toBe('acme');
    await (async () => {
      others.setClient('globex');
      await Promise.resolve();
      expect(said()).toBe('globex');
    })();
  });

  it('names the client for the rest of a request', async () => {
    await runInScope(new RequestScope('header'), async () => {
      await (async () => {
        await Promise.resolve();
        others.setClient('acme');
      })();
      expect([said(), others.currentScope().clientId]).toEqual(['acme', 'acme']);
    });
  });

  it('knows a call that the other one records', () => {
    const inside = billableContext(ROOT_CONTEXT);
    insideCallOf(inside, () => expect(isBillable(ROOT_CONTEXT)).toBe(true));
  });
});
