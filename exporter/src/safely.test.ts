import { expect, it } from 'vitest';
import { safely } from './safely.ts';
import { heardMessages } from './testing/log.ts';

it('what a callback throws goes no further, and is said once', () => {
  const said = heardMessages();
  const calls: number[] = [];
  const callback = safely((n: number) => {
    calls.push(n);
    throw new Error(`no ${n}`);
  });
  callback(1);
  callback(2);
  expect(calls).toEqual([1, 2]);
  expect(said.filter((line) => line.includes('something went wrong'))).toHaveLength(1);
});
