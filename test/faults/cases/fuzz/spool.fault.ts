import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { createUsageExporter } from '../../../../exporter/dist/index.js';
import { eventually } from '../../../support/stack.ts';
import type { Fault, FaultRun } from '../../support/fault.ts';
import { cut, drive, outcomeOf, target } from '../../support/fuzz-drive.ts';
import { layDown, Receiver, type SpoolFile, setAside, spoolFiles, tree } from '../../support/fuzz-spool.ts';

/** Files in four folders, about. */
const FILES = 20;
const hex = (n: number): string => n.toString(16).padStart(8, '0');
/** Released by its owner: anybody may take it over at once. */
const folderName = (n: number): string => `r-w-${hex(1)}-${hex(2)}-${4_000_000 + n}-5-0-${hex(n)}`;
/** What lies beside the folders and is none. */
const STRANGERS = ['file', 'dangling', 'outside', 'none', 'none', 'none'] as const;

const spools = fc.record({
  folders: fc.array(fc.array(spoolFiles, { minLength: 1, maxLength: 8 }), { minLength: 4, maxLength: 4 }),
  stranger: fc.constantFrom(...STRANGERS),
});

/** A service that starts with this spool sends each event whose line is whole, makes none up, and comes to an end. */
async function replay(
  run: FaultRun,
  receiver: Receiver,
  url: string,
  folders: readonly (readonly SpoolFile[])[],
  stranger: string,
): Promise<string | undefined> {
  const root = join(run.dir, `spool-${++tried}`);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  receiver.taken.clear();
  const must = new Set<string>();
  const may = new Set<string>();
  folders.forEach((files, i) => {
    const folder = join(root, folderName(i + 2));
    mkdirSync(folder);
    for (const file of files) {
      const found = layDown(folder, file);
      for (const payload of found.must) must.add(payload);
      for (const payload of found.may) may.add(payload);
    }
  });
  if (stranger === 'file') writeFileSync(join(root, folderName(1)), 'no folder');
  if (stranger === 'dangling') symlinkSync(join(root, 'nothing'), join(root, folderName(1)));
  if (stranger === 'outside') symlinkSync(join(run.dir, 'nowhere'), join(root, 'w-1'));

  const exporter = createUsageExporter(
    {},
    {
      CLIENT_COST_EXPORTER: 'otlp',
      CLIENT_COST_OTLP_ENDPOINT: url,
      CLIENT_COST_SPOOL_DIR: root,
      CLIENT_COST_FLUSH_INTERVAL_MS: '1',
      CLIENT_COST_EXIT_TIMEOUT_MS: '0',
      CLIENT_COST_BATCH_SIZE: '7',
      CLIENT_COST_SPOOL_KEEP_HOURS: '0',
    },
  );
  const arrived = (payload: string, aside: string): boolean =>
    receiver.taken.has(normal(payload)) || aside.includes(payload);
  let missing: string[] = [];
  try {
    await eventually(
      'all is sent',
      async () => {
        const aside = setAside(root);
        missing = [...must].filter((payload) => !arrived(payload, aside));
        return missing.length === 0 ? true : undefined;
      },
      HANG_SECONDS,
    ).catch(() => {});
  } finally {
    await exporter.shutdown(1000);
  }
  if (missing.length > 0)
    return `${missing.length} of ${must.size} events were not sent, such as ${cut(missing[0]!, 150)}; there is: ${cut(tree(root).join(' '), 300)}`;
  for (const payload of may) laidDown.add(normal(payload));
  // A request of the try before may have come late.
  for (const record of receiver.taken) if (!laidDown.has(record)) return `an event was made up: ${cut(record, 200)}`;
  rmSync(root, { recursive: true, force: true });
  return undefined;
}

let tried = 0;
const laidDown = new Set<string>();
const HANG_SECONDS = 5;
const normal = (payload: string): string => {
  try {
    return JSON.stringify(JSON.parse(payload));
  } catch {
    return payload;
  }
};

const fault: Fault = {
  id: 'fuzz-spool',
  hop: 'fuzz',
  fault:
    'spool files, acknowledgements and folders in any state: damaged, hostile, with a right checksum over nonsense, links, directories',
  promises: ['spool-torn', 'spool-replayed', 'host-unharmed'],
  times: { short: 500, long: 10_000 },
  timeoutSeconds: 500,
  async run(run) {
    const receiver = new Receiver();
    const url = await receiver.start();
    const before = process.memoryUsage().rss;
    try {
      const fuzzed = await drive(run, [
        target({
          name: 'spools found at a start',
          inputs: spools,
          weight: FILES,
          hangMs: 12_000,
          check: ({ folders, stranger }) => replay(run, receiver, url, folders, stranger),
        }),
      ]);
      const grown = Math.round((process.memoryUsage().rss - before) / 2 ** 20);
      return outcomeOf(fuzzed, `memory +${grown} MiB`);
    } finally {
      receiver.stop();
    }
  },
};

export default fault;
