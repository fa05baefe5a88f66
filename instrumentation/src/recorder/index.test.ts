import { expect, it } from 'vitest';
import type { Recorder } from '../types.ts';
import { getRecorder, setRecorder, setRecorderFactory } from './index.ts';

const made = {} as Recorder;
const own = {} as Recorder;

it('keeps the recorder that was handed in when recording starts after that, until it is taken back', () => {
  setRecorder(own);
  setRecorderFactory(() => made);
  expect(getRecorder()).toBe(own);
  setRecorder(undefined);
  expect(getRecorder()).toBe(made);
});
