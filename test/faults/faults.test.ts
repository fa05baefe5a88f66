import { describe, expect, it } from 'vitest';
import { skipWithoutCollector } from '../support/stack.ts';
import { catalogue } from './support/catalogue.ts';
import { inChild } from './support/child.ts';
import { HOPS } from './support/fault.ts';
import { broken, runFault, secondsFor } from './support/run.ts';

// The short form of every fault: the same code, fewer tries. The long form: npm run faults.
const { faults: all, broken: unloadable } = await catalogue();
const faults = all.filter(({ times }) => times.short > 0);

if (unloadable.length > 0) {
  it.each(unloadable)('$file can be loaded', ({ error }) => {
    throw error;
  });
}

describe.each(HOPS.filter((hop) => faults.some((fault) => fault.hop === hop)))('%s', (hop) => {
  for (const fault of faults.filter((candidate) => candidate.hop === hop)) {
    const skip = fault.collector === true && skipWithoutCollector;
    it.skipIf(skip)(`${fault.id}: ${fault.fault}`, { timeout: secondsFor(fault, 'short') * 1000 }, async () => {
      const lines: string[] = [];
      const log = (line: string) => lines.push(line);
      const outcome = fault.alone
        ? await inChild(fault, { form: 'short' }, log)
        : await runFault(fault, { form: 'short', log });
      expect(typeof outcome === 'string' ? [outcome] : broken(outcome), lines.slice(-40).join('\n')).toEqual([]);
    });
  }
});
