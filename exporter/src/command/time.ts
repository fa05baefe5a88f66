const AGO: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A time as people write it, in epoch milliseconds: `2026-11-23T00:00Z`, `2026-11-23`, `24h`, `90m`, `2d` (ago). UTC where no offset is given.
 * Throws on anything else.
 */
export function parseTime(text: string, now = Date.now()): number {
  const ago = /^(\d{1,6})([mhd])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * AGO[ago[2]!]!;
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  const time = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`);
  if (Number.isNaN(time))
    throw new Error(`${JSON.stringify(text)} is no time: write 2026-11-23T00:00Z, or 24h for a day ago`);
  return time;
}
