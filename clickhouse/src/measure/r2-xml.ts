/** One object of a list. */
export interface Listed {
  readonly key: string;
  readonly bytes: bigint;
  /** `STANDARD`, `STANDARD_IA`. */
  readonly storageClass: string;
}

export interface Listing {
  readonly objects: readonly Listed[];
  /** The token of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** A page of ListObjectsV2; undefined where the text is none. */
export function listing(xml: string): Listing | undefined {
  if (!/<ListBucketResult[\s>]/.test(xml)) return undefined;
  const encoded = element(xml.replace(/<Contents>[\s\S]*<\/Contents>/, ''), 'EncodingType') === 'url';
  const objects: Listed[] = [];
  for (const [, content = ''] of xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
    const size = element(content, 'Size') ?? '';
    if (!/^\d+$/.test(size)) return undefined;
    const key = element(content, 'Key') ?? '';
    objects.push({
      key: encoded ? urlDecoded(key) : key,
      bytes: BigInt(size),
      storageClass: element(content, 'StorageClass') || 'STANDARD',
    });
  }
  const more = element(xml, 'IsTruncated') === 'true';
  const next = element(xml, 'NextContinuationToken');
  return more && next === undefined ? undefined : { objects, next: more ? next : undefined };
}

/** A page of ListBuckets; undefined where the text is none. */
export function bucketNames(xml: string): { names: string[]; next: string | undefined } | undefined {
  if (!/<ListAllMyBucketsResult[\s>]/.test(xml)) return undefined;
  const names = [...xml.matchAll(/<Bucket>([\s\S]*?)<\/Bucket>/g)].map(
    ([, bucket = '']) => element(bucket, 'Name') ?? '',
  );
  return { names: names.filter((name) => name !== ''), next: element(xml, 'ContinuationToken') || undefined };
}

/** The code and message of an error; empty where there are none. */
export function errorOf(xml: string): { code: string; message: string } {
  return { code: element(xml, 'Code') ?? '', message: (element(xml, 'Message') ?? '').slice(0, 200) };
}

/** The text of the first element of that name. The lists of S3 hold no attributes, comments or CDATA sections. */
function element(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  if (start < 0) return undefined;
  const from = start + name.length + 2;
  const end = xml.indexOf(`</${name}>`, from);
  return end < 0 ? undefined : unescaped(xml.slice(from, end));
}

const NAMES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescaped(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    if (!Number.isNaN(code)) return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
    return NAMES[name] ?? whole;
  });
}

function urlDecoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}
