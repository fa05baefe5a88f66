import { DiagLogLevel, diag } from '@opentelemetry/api';
import type { InstrumentationConfig } from '@opentelemetry/instrumentation';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type AnyFunction, type ProviderPatch, packageInstrumentation } from './package-instrumentation.ts';

const error = vi.fn<(...args: unknown[]) => void>();
const calls: string[] = [];

class Client {
  send(what: string): string {
    return `sent ${what}`;
  }
}
const original = Client.prototype.send;

interface Config extends InstrumentationConfig {
  readonly tag?: string;
}

let configured: (string | undefined)[];
let loads: number;
const patch: ProviderPatch<Config> = {
  targets: (exports) => {
    const { Client: found } = (exports ?? {}) as { Client?: typeof Client };
    const wrap = (before: AnyFunction): AnyFunction =>
      function send(this: unknown, ...args: unknown[]) {
        calls.push(String(args[0]));
        return before.apply(this, args);
      };
    return found === undefined ? [] : [{ object: found.prototype, wraps: { send: wrap, absent: wrap } }];
  },
  configure: ({ tag }) => configured.push(tag),
  restore: () => calls.push('restored'),
};
const Acme = packageInstrumentation<Config>([{ name: 'acme-sdk', majors: [2, 3] }], () => {
  loads += 1;
  return patch;
});

beforeEach(() => {
  configured = [];
  loads = 0;
  calls.length = 0;
  error.mockClear();
  diag.setLogger(
    { error, warn: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
});
afterEach(() => {
  Client.prototype.send = original;
  diag.disable();
});

it('loads what patches only when the package is there, with the settings', () => {
  const acme = new Acme({ tag: 'a' });
  expect(loads).toBe(0);
  expect(acme.instrumentClass({ Client })).toBe(true);
  expect([loads, configured]).toEqual([1, ['a']]);
  acme.setConfig({ tag: 'b' });
  expect(configured).toEqual(['a', 'b']);
  acme.disable();
});

it('patches once, however often it is asked, and undoes it', () => {
  const [first, second] = [new Acme(), new Acme()];
  first.instrumentClass({ Client });
  first.instrumentClass({ Client });
  second.instrumentClass({ Client });
  expect(new Client().send('x')).toBe('sent x');
  expect(calls).toEqual(['x']);
  expect(Client.prototype.send.name).toBe('send');
  second.disable();
  expect(new Client().send('y')).toBe('sent y');
  first.disable();
  expect(Client.prototype.send).toBe(original);
  first.enable();
  new Client().send('z');
  expect(calls).toEqual(['x', 'restored', 'y', 'restored', 'z']);
  first.disable();
});

it('says what it cannot patch instead of recording nothing in silence', () => {
  expect(new Acme().instrumentClass({ Other: class {} })).toBe(false);
  expect(String(error.mock.calls[0])).toContain('instrumentClass() needs a class of acme-sdk');
});

it('a class that cannot be changed, said to a logger that throws, costs the application nothing', () => {
  error.mockImplementation(() => {
    throw new Error('no logger');
  });
  class Frozen extends Client {
    override send(): string {
      return 'as before';
    }
  }
  Object.freeze(Frozen.prototype);
  expect(new Acme().instrumentClass({ Client: Frozen })).toBe(false);
  expect(new Acme().instrumentClass({})).toBe(false);
  expect(new Frozen().send()).toBe('as before');
  error.mockReset();
});
