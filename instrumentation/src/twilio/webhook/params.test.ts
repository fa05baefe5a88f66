import { expect, it } from 'vitest';
import { fromParsedBody, param } from './params.ts';

it('a parsed body whose values name their own toString is read, not thrown at', () => {
  const odd = { toString: '1' };
  const params = fromParsedBody({ MessageSid: 'SM1', a: odd, b: [odd, [odd]] });
  expect(param(params, 'MessageSid')).toBe('SM1');
  expect(param(params, 'a')).toBe('[object Object]');
});
