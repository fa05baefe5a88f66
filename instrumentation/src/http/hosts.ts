/** A host that a rule is about. */
export interface HostPattern {
  /** Lower case; for a wildcard what follows the `*`, with its dot. */
  readonly name: string;
  readonly wildcard: boolean;
  /** Undefined: any port. */
  readonly port: number | undefined;
}

const PATTERN = /^(\*\.)?(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::(\d{1,5}))?$/;

/** `api.example.com`, `api.example.com:8443`, `*.example.com`, `[::1]:3000`; undefined for anything else. */
export function parseHostPattern(text: string): HostPattern | undefined {
  const match = PATTERN.exec(text.trim().toLowerCase());
  if (match === null || Number(match[3] ?? 1) > 65_535 || Number(match[3] ?? 1) === 0) return undefined;
  const name = match[2]!.replace(/^\[|\]$/g, '');
  const wildcard = match[1] !== undefined;
  return {
    name: wildcard ? `.${name}` : name,
    wildcard,
    port: match[3] === undefined ? undefined : Number(match[3]),
  };
}

export function hostMatches(pattern: HostPattern, host: string, port: number): boolean {
  if (pattern.port !== undefined && pattern.port !== port) return false;
  return pattern.wildcard ? host.endsWith(pattern.name) : host === pattern.name;
}

/** Where a request goes. The host is lower case, IPv6 without brackets. */
export interface Origin {
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly port: number;
}

/** `https://api.example.com` → protocol, host, port; undefined for what is no http(s) URL. */
export function parseOrigin(origin: string): Origin | undefined {
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return undefined;
  }
  const { protocol } = url;
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const port = url.port === '' ? (protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { protocol, host: url.hostname.replace(/^\[|\]$/g, ''), port };
}
