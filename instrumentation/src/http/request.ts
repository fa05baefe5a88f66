import type { HttpRequest } from './types.ts';

/** Where a request goes, without its headers. */
export type Target = Pick<HttpRequest, 'protocol' | 'host' | 'port' | 'method' | 'path' | 'search'>;

/** A request as rules see it; headers and query are read when asked for. */
export class SeenRequest implements HttpRequest {
  readonly protocol: 'http:' | 'https:';
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly #header: (name: string) => string | undefined;
  #query: URLSearchParams | undefined;

  constructor(target: Target, header: (name: string) => string | undefined) {
    this.protocol = target.protocol;
    this.host = target.host;
    this.port = target.port;
    this.method = target.method;
    this.path = target.path;
    this.search = target.search;
    this.#header = header;
  }

  query(name: string): string | undefined {
    if (this.search === '') return undefined;
    this.#query ??= new URLSearchParams(this.search);
    return this.#query.get(name) ?? undefined;
  }

  header(name: string): string | undefined {
    return this.#header(name.toLowerCase());
  }
}

/** A path as requests carry it, in two. */
export function splitPath(path: string): { path: string; search: string } {
  const fragment = path.indexOf('#');
  const whole = fragment === -1 ? path : path.slice(0, fragment);
  const at = whole.indexOf('?');
  return at === -1 ? { path: whole, search: '' } : { path: whole.slice(0, at), search: whole.slice(at) };
}

/**
 * A `baggage` header without its `client.id`: who pays is no business of a provider, whoever put it there.
 * @returns undefined where it can stay as it is
 */
export function withoutClient(header: string): string | undefined {
  if (!header.includes('client.id')) return undefined;
  const members = header.split(',');
  const kept = members.filter((member) => !/^\s*client\.id\s*=/.test(member));
  return kept.length === members.length ? undefined : kept.join(',').trim();
}

export function headerText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.map(String).join(', ') : String(value);
}
