import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Fault, HOPS } from './fault.ts';

const folder = join(import.meta.dirname, '..', 'cases');
const root = join(import.meta.dirname, '..', '..', '..');

export interface CataloguedFault extends Fault {
  /** Relative to the repository. */
  readonly file: string;
}

/** A file that cannot be loaded: told, and the others run. */
export interface BrokenFile {
  readonly file: string;
  readonly error: Error;
}

export interface Catalogue {
  /** Ordered by hop, then file. */
  readonly faults: CataloguedFault[];
  readonly broken: BrokenFile[];
}

/** All faults there are. Throws where two share an id. */
export async function catalogue(): Promise<Catalogue> {
  const faults: CataloguedFault[] = [];
  const broken: BrokenFile[] = [];
  for (const name of globSync('**/*.fault.ts', { cwd: folder }).sort()) {
    const path = join(folder, name);
    const file = relative(root, path);
    try {
      const { default: exported } = (await import(path)) as { default?: Fault | Fault[] };
      if (exported === undefined) throw new Error(`${file} has no default export`);
      for (const fault of [exported].flat()) faults.push(Object.assign({ file }, fault));
    } catch (error) {
      broken.push({ file, error: error as Error });
    }
  }
  const ids = faults.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new Error(`two faults are called ${twice}`);
  return { faults: faults.sort((a, b) => HOPS.indexOf(a.hop) - HOPS.indexOf(b.hop)), broken };
}
