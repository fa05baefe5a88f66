import { afterEach, expect, it } from 'vitest';
import { environment } from './environment.ts';

const real = process.env;
afterEach(() => {
  process.env = real;
});

it('a name that cannot be read is not set; the others are as they are', () => {
  process.env = new Proxy(
    { A: '1', OTEL_X: '2' },
    {
      get(target, name) {
        if (name in target && name !== 'OTEL_X') return Reflect.get(target, name);
        throw new Error(`${String(name)} is not declared`);
      },
    },
  );
  expect([environment().A, environment().OTEL_X, environment().B]).toEqual(['1', undefined, undefined]);
  expect(Object.entries(environment())).toEqual([
    ['A', '1'],
    ['OTEL_X', undefined],
  ]);
});

it('follows the process', () => {
  process.env = Object.freeze({ A: '1' });
  expect(environment().A).toBe('1');
  process.env = { A: '2' };
  expect(environment().A).toBe('2');
});
