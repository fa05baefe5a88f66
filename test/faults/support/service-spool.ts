import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The events in the segments of a spool folder, as they lie on disk; what was acknowledged and kept (`sent/`) is left out. */
export function eventsIn(spoolDir: string): { readonly attributes: Record<string, string> }[] {
  if (!existsSync(spoolDir)) return [];
  return readdirSync(spoolDir)
    .filter((name) => /^(r-)?w-/.test(name))
    .flatMap((folder) => readdirSync(join(spoolDir, folder)).map((file) => join(spoolDir, folder, file)))
    .filter((file) => file.endsWith('.seg'))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line.startsWith('E'))
    .map((line) => {
      const { attributes } = JSON.parse(line.slice(9)) as {
        attributes: { key: string; value: Record<string, unknown> }[];
      };
      return {
        attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])])),
      };
    });
}
