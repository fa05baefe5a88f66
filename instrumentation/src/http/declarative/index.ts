import { logError } from '../../log.ts';
import { observeHttp } from '../observe.ts';
import { readProvidersFile } from './file.ts';
import { ProviderRule } from './rule.ts';

const SHOWN = 10;

/**
 * Records what the services of a providers file (docs/providers/http.md) bill. Never throws: what is wrong with the file is
 * said once in the diagnostic log, and the rest of it is used.
 *
 * @returns stops it
 */
export function observeHttpProviders(path: string): () => void {
  const { providers, problems: all } = readProvidersFile(path);
  // What is wrong with its prices is said where prices are read.
  const problems = all.filter((problem) => !/^(prices|exchange_rates|defaults)\b/.test(problem.path));
  if (problems.length > 0) {
    const what =
      providers.length === 0 ? 'nothing of it is used' : 'the entries named here are left out, the others are used';
    const shown = problems.slice(0, SHOWN).map((problem) => `${problem.path}: ${problem.message}`);
    const more = problems.length > SHOWN ? `\n  and ${problems.length - SHOWN} more` : '';
    logError(`client-cost: providers file ${path}: ${what}:\n  ${shown.join('\n  ')}${more}`);
  }
  const stops = providers.map((provider) => observeHttp(provider.hosts, () => new ProviderRule(provider)));
  return () => {
    for (const stop of stops) stop();
  };
}
