import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How far a settlement has come: everything up to this charge is done. */
export interface Progress {
  /** What the run was asked to do; another one does not go on from here. */
  readonly run: string;
  readonly after: { readonly time: string; readonly usage_id: string };
}

/** A file that remembers how far the settlement of one provider has come, until it is through. */
export interface ProgressFile {
  readonly path: string;
  /** Undefined when there is none, or none that can be read. */
  read(): Progress | undefined;
  write(progress: Progress): void;
  remove(): void;
}

/** @param dir created when it is needed */
export function progressFile(dir: string, name: string): ProgressFile {
  const path = join(dir, `settle-${name}.json`);
  return {
    path,
    read() {
      try {
        const value = JSON.parse(readFileSync(path, 'utf8')) as Progress;
        return typeof value.run === 'string' && typeof value.after?.usage_id === 'string' ? value : undefined;
      } catch {
        return undefined;
      }
    },
    write(progress) {
      mkdirSync(dir, { recursive: true });
      // Whole or not at all.
      writeFileSync(`${path}.new`, `${JSON.stringify(progress)}\n`);
      renameSync(`${path}.new`, path);
    },
    remove() {
      rmSync(path, { force: true });
    },
  };
}
