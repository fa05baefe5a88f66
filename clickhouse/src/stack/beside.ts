import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const packageRoot = resolve(import.meta.dirname, '..', '..');

/** A file or folder that comes with this project: in this package (published), or in the repository around it. */
export function besideUs(name: string): string | undefined {
  return [join(packageRoot, name), join(packageRoot, '..', name)].find((path) => existsSync(path));
}
