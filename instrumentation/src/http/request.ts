import type { Origin } from './hosts.ts';
import type { HttpRequest } from './types.ts';

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

  /** @param path as requests carry it, with the query */
  constructor(origin: Origin, method: string, path: string, header: (name: string) => string | undefined) {
    this.protocol = origin.protocol;
    this.host = origin.host;
    this.port = origin.port;
    this.method = method;
    const fragment = path.indexOf('#');
    const whole = fragment === -1 ? path : path.slice(0, fragment);
    const at = whole.indexOf('?');
    this.path = (at === -1 ? whole : whole.slice(0, at)) || '/';
    this.search = at === -1 ? '' : whole.slice(at);
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
