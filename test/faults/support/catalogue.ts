import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Fault, HOPS } from './fault.ts';

const folder = join(import.meta.dirname, '..', 'cases');
const root = join(import.meta.dirname, '..', '..', '..');

export interface CataloguedFault extends Fault {
  /** Relative to the repository. */
  readonly file: string;
}

/** All faults there are, ordered by hop and file. Throws where two share an id or a file has none. */
export async function catalogue(): Promise<CataloguedFault[]> {
  const found: CataloguedFault[] = [];
  for (const name of globSync('**/*.fault.ts', { cwd: folder }).sort()) {
    const path = join(folder, name);
    const { default: exported } = (await import(path)) as { default?: Fault | Fault[] };
    if (exported === undefined) throw new Error(`${path} has no default export`);
    for (const fault of [exported].flat()) found.push(Object.assign({ file: relative(root, path) }, fault));
  }
  const ids = found.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new Error(`two faults are called ${twice}`);
  return found.sort((a, b) => HOPS.indexOf(a.hop) - HOPS.indexOf(b.hop));
}
