import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Version of this package, as it stands in package.json. */
export const VERSION: string = (() => {
  try {
    const text = readFileSync(join(__dirname, '..', 'package.json'), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'unknown';
  }
})();
