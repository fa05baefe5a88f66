/** The value as a bag of unknown properties; undefined where it has none. */
export function bag(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A whole number of 0 or more. */
export function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** A header of an answer, whose names request handlers give in lower case, custom ones perhaps not. */
export function headerOf(headers: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined {
  if (headers === undefined) return undefined;
  const direct = text(headers[name]);
  if (direct !== undefined) return direct;
  const key = Object.keys(headers).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : text(headers[key]);
}

/** Bytes as GB of 10^9 bytes, an exact decimal string. */
export function gigabytes(bytes: number): string {
  const digits = String(bytes).padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '');
}
