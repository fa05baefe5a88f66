import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A map file that cannot be used; the message names the entry. */
export class StorageMapError extends Error {
  override readonly name = 'StorageMapError';
}

/** Who pays for an object, and by which part of its key that is known. */
export interface Owner {
  readonly client: string;
  /** The beginning of the key that the entry matched; empty for a whole bucket. */
  readonly prefix: string;
}

export interface StorageMap {
  /** Buckets named in the file; a map with `*` says nothing about which there are. */
  readonly buckets: readonly string[];
  /** Whether entries for all buckets (`*`) are there. */
  readonly anyBucket: boolean;
  /** Undefined where no entry matches: unattributed. */
  ownerOf(bucket: string, key: string): Owner | undefined;
  /** The same text for the same entries of a bucket: a measurement made by other entries is not compared with. */
  fingerprint(bucket: string): string;
}

interface Entry {
  readonly name: string;
  readonly bucket: string;
  readonly pattern: RegExp;
  readonly client: string;
}

const PLACEHOLDER = '{client}';
const MAX_CLIENT = 256;

/** Reads and checks a map file. @throws StorageMapError */
export function readStorageMap(path: string): StorageMap {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StorageMapError(`--buckets ${path}: ${(error as Error).message}`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new StorageMapError(`--buckets ${path}: not JSON (${(error as Error).message})`);
  }
  return parseStorageMap(content, path);
}

/**
 * Bucket or bucket/prefix → client: `{"acme-uploads": "acme", "media/globex/": "globex", "media/clients/{client}/": "{client}"}`. `{client}` stands for
 * one part of a key between slashes, `*` in place of a bucket for every bucket. The longest matching part of a key wins.
 *
 * @throws StorageMapError naming every entry that cannot be used
 */
export function parseStorageMap(content: unknown, source = 'map'): StorageMap {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new StorageMapError(`${source}: expected an object such as {"my-bucket/acme/": "acme"}`);
  }
  const problems: string[] = [];
  const entries = Object.entries(content).flatMap(([name, client]) => {
    const entry = entryOf(name, client);
    if (typeof entry !== 'string') return [entry];
    problems.push(`${source}: ${JSON.stringify(name)}: ${entry}`);
    return [];
  });
  if (problems.length > 0) throw new StorageMapError(problems.join('\n'));
  if (entries.length === 0) throw new StorageMapError(`${source}: no entries; expected {"my-bucket/acme/": "acme"}`);
  return mapOf(entries);
}

function entryOf(name: string, client: unknown): Entry | string {
  const slash = name.indexOf('/');
  const bucket = slash < 0 ? name : name.slice(0, slash);
  const prefix = slash < 0 ? '' : name.slice(slash + 1);
  if (bucket !== '*' && !/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket)) {
    return `${JSON.stringify(bucket)} is no name of a bucket (3 to 63 of a-z, 0-9, -) and not "*"`;
  }
  if (typeof client !== 'string' || client.trim() === '' || client.length > MAX_CLIENT) {
    return `expected a client id of 1 to ${MAX_CLIENT} characters, got ${JSON.stringify(client) ?? 'nothing'}`;
  }
  const places = prefix.split(PLACEHOLDER).length - 1;
  if (places > 1) return `has ${PLACEHOLDER} ${places} times; once is possible`;
  if (client.includes(PLACEHOLDER) && places === 0) return `its client has ${PLACEHOLDER}, its prefix has not`;
  if (places === 1 && !client.includes(PLACEHOLDER)) return `has ${PLACEHOLDER}, and its client does not use it`;
  if (bucket === '*' && prefix === '') return `all buckets for one client: name the buckets, or a prefix behind "*/"`;
  const escaped = prefix
    .split(PLACEHOLDER)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('([^/]+)');
  return { name, bucket, pattern: new RegExp(`^${escaped}`, 'u'), client: client.trim() };
}

function mapOf(entries: readonly Entry[]): StorageMap {
  const byBucket = new Map<string, readonly Entry[]>();
  const of = (bucket: string): readonly Entry[] => {
    let own = byBucket.get(bucket);
    if (own === undefined) {
      own = entries.filter((entry) => entry.bucket === bucket || entry.bucket === '*');
      byBucket.set(bucket, own);
    }
    return own;
  };
  const named = entries.map(({ bucket }) => bucket).filter((bucket) => bucket !== '*');
  return {
    buckets: [...new Set(named)].sort(),
    anyBucket: entries.some(({ bucket }) => bucket === '*'),
    ownerOf(bucket, key) {
      let best: (Owner & { readonly own: boolean }) | undefined;
      for (const entry of of(bucket)) {
        const match = entry.pattern.exec(key);
        if (match === null) continue;
        const [prefix, part] = match;
        const own = entry.bucket === bucket;
        // Of equally long ones, the bucket's own entry and the one without a placeholder are the more specific.
        const better =
          best === undefined ||
          prefix.length > best.prefix.length ||
          (prefix.length === best.prefix.length && (own && !best.own ? true : own === best.own && part === undefined));
        if (!better) continue;
        const client = part === undefined ? entry.client : entry.client.replace(PLACEHOLDER, () => part);
        best = { client, prefix, own };
      }
      return best && { client: best.client, prefix: best.prefix };
    },
    fingerprint(bucket) {
      const lines = of(bucket).map(({ name, client }) => `${name}=${client}`);
      return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 16);
    },
  };
}
