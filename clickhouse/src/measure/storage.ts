import type { R2Api } from './r2-api.ts';
import type { StorageMap } from './storage-map.ts';

/** What one client keeps in one place. */
export interface StoredGroup {
  readonly bucket: string;
  /** The beginning of the keys that the map's entry matched; empty for what no entry matches, and for whole buckets. */
  readonly prefix: string;
  readonly client: string;
  readonly storageClass: string;
  readonly objects: bigint;
  readonly bytes: bigint;
}

/** How far a measurement has come: whole buckets, and pages of the one under way. Plain JSON: bigints as text. */
export interface MeasureProgress {
  /** What was measured when: another day or map does not go on from here. */
  readonly run: string;
  readonly done: readonly string[];
  readonly bucket?: string | undefined;
  readonly token?: string | undefined;
  readonly groups: readonly (Omit<StoredGroup, 'objects' | 'bytes'> & {
    readonly objects: string;
    readonly bytes: string;
  })[];
}

export const UNATTRIBUTED = 'unattributed';

/**
 * Lists every object of the buckets and adds up what belongs together.
 * @param onPage called after each page with how far the work has come
 */
export async function measureStorage(
  api: Pick<R2Api, 'listObjects'>,
  options: {
    readonly map: StorageMap;
    readonly buckets: readonly string[];
    readonly run: string;
    readonly resume?: MeasureProgress | undefined;
    /** Called when a page cannot be read, before this rejects. */
    readonly onFailure?: ((progress: MeasureProgress) => void) | undefined;
    readonly onPage?: ((progress: MeasureProgress, objects: bigint) => void) | undefined;
  },
): Promise<StoredGroup[]> {
  const { map, resume } = options;
  const groups = new Map<string, { -readonly [key in keyof StoredGroup]: StoredGroup[key] }>();
  for (const group of resume?.groups ?? []) {
    groups.set(keyOf(group), { ...group, objects: BigInt(group.objects), bytes: BigInt(group.bytes) });
  }
  const done = [...(resume?.done ?? [])];
  let objects = [...groups.values()].reduce((sum, group) => sum + group.objects, 0n);
  for (const bucket of options.buckets) {
    if (done.includes(bucket)) continue;
    let token = resume?.bucket === bucket ? resume.token : undefined;
    do {
      const page = await api.listObjects(bucket, token).catch((error: unknown) => {
        options.onFailure?.(progressOf(options.run, done, bucket, token, groups));
        throw error;
      });
      for (const { key, bytes, storageClass } of page.objects) {
        const owner = map.ownerOf(bucket, key);
        const about = { bucket, prefix: owner?.prefix ?? '', client: owner?.client ?? UNATTRIBUTED, storageClass };
        const group = groups.get(keyOf(about));
        if (group === undefined) groups.set(keyOf(about), { ...about, objects: 1n, bytes });
        else {
          group.objects += 1n;
          group.bytes += bytes;
        }
      }
      objects += BigInt(page.objects.length);
      token = page.next;
      if (token === undefined) done.push(bucket);
      options.onPage?.(progressOf(options.run, done, token === undefined ? undefined : bucket, token, groups), objects);
    } while (token !== undefined);
  }
  return [...groups.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function progressOf(
  run: string,
  done: readonly string[],
  bucket: string | undefined,
  token: string | undefined,
  groups: ReadonlyMap<string, StoredGroup>,
): MeasureProgress {
  // Made only when it is written down: JSON.stringify calls it.
  const list = () =>
    [...groups.values()].map((group) => ({ ...group, objects: String(group.objects), bytes: String(group.bytes) }));
  return {
    run,
    done: [...done],
    bucket,
    token,
    get groups() {
      return list();
    },
  };
}

const keyOf = ({ bucket, prefix, storageClass }: Pick<StoredGroup, 'bucket' | 'prefix' | 'storageClass'>): string =>
  JSON.stringify([bucket, prefix, storageClass]);

/**
 * One day's part of a month's storage, in GB-months of 10^9 bytes: an exact decimal string whose days add up to bytes / 10^9 over a month
 * of unchanged storage, whatever its length. R2 bills the average of the daily peaks of a month
 * (https://developers.cloudflare.com/r2/pricing/#storage-usage).
 *
 * @param day YYYY-MM-DD
 */
export function gbMonths(bytes: bigint, day: string): string {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  const days = BigInt(new Date(Date.UTC(year, month, 0)).getUTCDate());
  // In 10^-12 GB-months: 1,000 per byte. What is cut off on one day is made up for on a later one.
  const upTo = (count: number): bigint => (bytes * 1_000n * BigInt(count)) / days;
  const pico = (upTo(date) - upTo(date - 1)).toString().padStart(13, '0');
  return `${pico.slice(0, -12)}.${pico.slice(-12)}`.replace(/\.?0+$/, '');
}
