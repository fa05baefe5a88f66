import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPriceBook, sumAmounts } from '@client-cost/instrumentation/ledger';
import { Command, Option } from 'commander';
import type { ConnectionOptions } from '../client.ts';
import {
  chargeStorage,
  type MeasureProgress,
  measureStorage,
  type R2Api,
  r2Api,
  readStorageMap,
  type StorageCharge,
  type StorageMap,
  StorageMapError,
} from '../measure/index.ts';
import { ProviderApiError } from '../provider-api/index.ts';
import { utcDay } from '../queries/index.ts';
import { useClient, withConnectionOptions } from './connect.ts';
import { CliError, EXIT } from './exit.ts';
import { formatCount, formatUsd, printable } from './format.ts';
import { type CliIo, progress } from './io.ts';
import { providerErrors, rate } from './settle.ts';
import { table } from './table.ts';

interface Options extends ConnectionOptions {
  buckets: string;
  endpoint?: string;
  jurisdiction?: string;
  dryRun?: boolean;
  resume?: boolean;
  rate?: number;
  stateDir: string;
  format: 'table' | 'json';
}

const HELP = `
Credentials come from the environment: R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY (an R2 API token that may read).

The map file says whose an object is, by bucket or by the beginning of its key; the longest match wins, the rest is unattributed:
  {
    "acme-uploads": "acme",
    "media/globex/": "globex",
    "media/clients/{client}/": "{client}",
    "*/tenants/{client}/": "{client}"
  }

Writes one charge for each bucket, prefix and day, in GB-months (10^9 bytes, the day's part of its month). Measured again on the same day, the higher
figure counts, as R2 bills the day's peak. Each 1,000 objects cost one class A operation to list.

Examples:
  client-cost measure r2 --buckets r2-clients.json --dry-run
  client-cost measure r2 --buckets r2-clients.json --jurisdiction eu
`;

export function measureR2Command(io: CliIo): Command {
  const command = new Command('r2')
    .description("Record today's storage in Cloudflare R2, per client")
    .requiredOption('--buckets <file>', 'map file: bucket or bucket/prefix → client')
    .option('--endpoint <url>', 'default: https://<R2_ACCOUNT_ID>.r2.cloudflarestorage.com')
    .addOption(new Option('--jurisdiction <name>', 'of the buckets').choices(['eu', 'fedramp']).conflicts('endpoint'))
    .option('--dry-run', 'list and count, change nothing')
    .option('--resume', 'go on where the same run was broken off')
    .option('--rate <number>', 'requests that may start in a second; default 10', rate)
    .option('--state-dir <folder>', 'where the progress of a run is kept', '.client-cost')
    .addOption(new Option('--format <format>', 'output').choices(['table', 'json']).default('table'))
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      io.stdout(await providerErrors(() => run(io, options)));
    });
  return withConnectionOptions(command);
}

async function run(io: CliIo, options: Options): Promise<string> {
  const map = mapOf(options.buckets);
  const api = r2Api({ ...options, env: io.env, perSecond: options.rate });
  const book = loadPriceBook({ userFile: io.env.CLIENT_COST_PRICES });
  for (const problem of book.problems) io.stderr(`client-cost: ${printable(problem, 300)}\n`);
  const buckets = await bucketsOf(io, api, map);
  // The day on which it began: a run over midnight is of one day.
  const day = utcDay(io.now());
  const hash = createHash('sha256').update(buckets.map((bucket) => `${bucket} ${map.fingerprint(bucket)}`).join('\n'));
  const name = `${api.account} ${day} ${hash.digest('hex').slice(0, 16)}`;
  const file = join(options.stateDir, 'measure-r2.json');
  const resume = options.resume ? resumed(io, file, name) : undefined;
  const line = progress(io);
  let saved = Date.now();
  const groups = await measureStorage(api, {
    map,
    buckets,
    run: name,
    resume,
    onPage(reached, objects) {
      line.step(`r2: ${formatCount(String(objects))} objects, ${reached.done.length}/${buckets.length} buckets`);
      // The last page is kept too: the ledger may be out of reach.
      const last = reached.done.length === buckets.length;
      if (options.dryRun === true || (!last && Date.now() - saved < 5_000)) return;
      save(options.stateDir, file, reached);
      saved = Date.now();
    },
    onFailure: (reached) => options.dryRun !== true && save(options.stateDir, file, reached),
  }).finally(() => line.end());
  const about = { account: api.account, buckets, day, map, book, dryRun: options.dryRun };
  const charges = await useClient(io, options, (client) => chargeStorage(client, groups, about));
  if (options.dryRun !== true) rmSync(file, { force: true });
  if (options.format === 'json') return json(day, charges, api.requests, options.dryRun === true);
  return chargeTable(day, charges, api.requests, options.dryRun === true);
}

function mapOf(path: string): StorageMap {
  try {
    return readStorageMap(path);
  } catch (error) {
    if (error instanceof StorageMapError) throw new CliError(error.message, EXIT.usage);
    throw error;
  }
}

/** All buckets of the account, so that what the map does not name is seen; where the keys may not list them, those of the map. */
async function bucketsOf(io: CliIo, api: R2Api, map: StorageMap): Promise<string[]> {
  try {
    const found = await api.listBuckets();
    const missing = map.buckets.filter((bucket) => !found.includes(bucket));
    for (const bucket of missing) {
      io.stderr(
        `client-cost: the map names bucket ${printable(bucket)}, and the account has none of that name: it is left out\n`,
      );
    }
    return found;
  } catch (error) {
    if (!(error instanceof ProviderApiError) || error.status !== 403) throw error;
    if (map.buckets.length === 0) {
      throw new CliError(`the keys may not list the account's buckets: name them in the map file (${error.message})`);
    }
    io.stderr(`client-cost: the keys may not list the account's buckets: only those of the map are measured\n`);
    return [...map.buckets];
  }
}

function resumed(io: CliIo, file: string, name: string): MeasureProgress | undefined {
  try {
    const known = JSON.parse(readFileSync(file, 'utf8')) as MeasureProgress;
    if (known.run === name && Array.isArray(known.groups) && Array.isArray(known.done)) return known;
    io.stderr(`client-cost: ${file} is of another day, account or map: starting at the beginning\n`);
  } catch {
    io.stderr(`client-cost: nothing to resume in ${file}: starting at the beginning\n`);
  }
  return undefined;
}

function save(dir: string, file: string, reached: MeasureProgress): void {
  mkdirSync(dir, { recursive: true });
  // Whole or not at all.
  writeFileSync(`${file}.new`, `${JSON.stringify(reached)}\n`);
  renameSync(`${file}.new`, file);
}

const total = (charges: readonly StorageCharge[]): string => sumAmounts(charges.map(({ cost }) => cost ?? '0'));

function json(day: string, charges: readonly StorageCharge[], requests: number, dryRun: boolean): string {
  const list = charges.map(({ group, quantity, cost, change }) => ({
    ...group,
    objects: String(group.objects),
    bytes: String(group.bytes),
    gbMonths: quantity,
    cost,
    change,
  }));
  return `${JSON.stringify({ day, dryRun, requests, cost: total(charges), charges: list }, null, 2)}\n`;
}

function chargeTable(day: string, charges: readonly StorageCharge[], requests: number, dryRun: boolean): string {
  if (charges.length === 0) return `no objects in any bucket on ${day} (${formatCount(requests)} requests)\n`;
  const text = table(
    ['Client', 'Bucket', 'Prefix', 'Class', 'Objects', 'GB', 'GB-months', 'Cost', 'Charge'],
    charges.map(({ group, quantity, cost, change }) => [
      printable(group.client),
      group.bucket,
      printable(group.prefix),
      printable(group.storageClass),
      formatCount(String(group.objects)),
      formatCount(gigabytes(group.bytes)),
      quantity,
      cost === null ? 'unpriced' : formatUsd(cost),
      change,
    ]),
    [4, 5, 6, 7],
  );
  const written = charges.filter(({ change }) => change !== 'kept').length;
  const what = dryRun ? `${written} would be written (dry run)` : `${written} written`;
  return `${text}\n${day}: ${formatUsd(total(charges))} for this day, ${formatCount(charges.length)} charges, ${what}; ${formatCount(requests)} requests\n`;
}

/** GB of 10^9 bytes with three decimals, cut off. */
function gigabytes(bytes: bigint): string {
  const digits = (bytes / 1_000_000n).toString().padStart(4, '0');
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
