import { expect, test } from 'vitest';
import { Guesses } from './guesses.ts';

test('an address that guesses is refused, who was right before is not, and others are not', () => {
  let now = 0;
  const guesses = new Guesses(3, () => now);
  guesses.succeeded('10.0.0.1', 'default', 'right');
  for (let i = 0; i < 3; i++) {
    expect(guesses.mayTry('10.0.0.1', 'default', `guess ${i}`)).toBe(true);
    guesses.failed('10.0.0.1');
  }
  expect(guesses.mayTry('10.0.0.1', 'default', 'guess 3')).toBe(false);
  expect(guesses.mayTry('10.0.0.1', 'other', 'right')).toBe(false);
  expect(guesses.mayTry('10.0.0.1', 'default', 'right')).toBe(true);
  expect(guesses.mayTry('10.0.0.2', 'default', 'guess')).toBe(true);
  now = 60_000;
  expect(guesses.mayTry('10.0.0.1', 'default', 'guess 4')).toBe(true);
});

test('what it keeps is bounded', () => {
  const guesses = new Guesses(1);
  for (let i = 0; i < 30_000; i++) {
    guesses.failed(`address ${i}`);
    if (i % 10 === 0) guesses.succeeded('here', 'default', String(i));
  }
  expect(guesses.mayTry('address 29999', 'default', '')).toBe(false);
});
