import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { createRequire } from 'node:module';
import { isBillable, isTelemetry } from '../attribution/billable.ts';
import { activeContext } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { type HostPattern, hostMatches, type Origin, parseHostPattern, parseOrigin } from './hosts.ts';
import type { HttpRule } from './types.ts';
import type { UndiciRequest } from './undici.ts';

/*
 * Outgoing HTTP requests of this process, seen where Node.js publishes them: node:http and node:https (thus axios, got,
 * gaxios, node-fetch, …) and undici (the global fetch, the npm package). Nothing is patched; what is done to a request is
 * done to that one object, and only when a rule is about its host. This file is all that a start loads.
 */

export type { HttpAnswer, HttpCallEnd, HttpCallStart, HttpRequest, HttpRule } from './types.ts';

/** A rule and the hosts that it is about. The rule is loaded when the first request to one of them is made. */
interface Registration {
  readonly hosts: readonly HostPattern[];
  readonly load: () => HttpRule<unknown>;
  rule: HttpRule<unknown> | undefined;
  failed: boolean;
}

/** A host that rules are about, with the rules in the order in which they were registered. */
export interface KnownHost extends Origin {
  readonly rules: readonly HttpRule<unknown>[];
}

const HTTP_CHANNEL = 'http.client.request.created';
const UNDICI_CHANNEL = 'undici:request:create';
const MAX_HOSTS = 1_000;

const lazyRequire = createRequire(__filename);
let watchers: typeof import('./watchers.ts') | undefined;
let registrations: readonly Registration[] = [];
/** By origin (`https://host:port`), and by Host header and protocol: null where no rule is about it. */
type Known = Map<unknown, KnownHost | null>;
const byOrigin: Known = new Map();
const byHost: Readonly<Record<string, Known>> = { 'http:': new Map(), 'https:': new Map() };

/**
 * Records what a rule says is billable among the requests to some hosts. Several rules may be about one host: the first
 * whose `matches` answers has the request. Requests inside a call that a provider's instrumentation records, and those of
 * telemetry itself, are passed by.
 *
 * @param hosts `api.example.com`, `*.example.com`, `api.example.com:8443`; without a port any port
 * @param load gives the rule, when the first request to one of the hosts is made
 * @returns stops it
 */
export function observeHttp<Match>(hosts: readonly string[], load: () => HttpRule<Match>): () => void {
  const patterns: HostPattern[] = [];
  for (const host of hosts) {
    const pattern = parseHostPattern(host);
    if (pattern !== undefined) patterns.push(pattern);
    else
      warnOnce(
        `http:host:${host.slice(0, 80)}`,
        `${JSON.stringify(host.slice(0, 80))} is not a host such as "*.example.com:8443"`,
      );
  }
  const registration: Registration = {
    hosts: patterns,
    load: load as () => HttpRule<unknown>,
    rule: undefined,
    failed: false,
  };
  change([...registrations, registration]);
  return () => change(registrations.filter((one) => one !== registration));
}

function change(next: readonly Registration[]): void {
  const before = registrations.length;
  registrations = next;
  for (const known of [byOrigin, ...Object.values(byHost)]) known.clear();
  if (before === 0 && next.length > 0) {
    subscribe(HTTP_CHANNEL, onHttpRequest);
    subscribe(UNDICI_CHANNEL, onUndiciRequest);
  } else if (before > 0 && next.length === 0) {
    unsubscribe(HTTP_CHANNEL, onHttpRequest);
    unsubscribe(UNDICI_CHANNEL, onUndiciRequest);
  }
}

function onHttpRequest(message: unknown): void {
  try {
    const { request } = message as { request: ClientRequest };
    const { path, protocol } = request;
    // A path that is a whole URL is one for a proxy: the host in it counts.
    const proxied = path.charCodeAt(0) === 47 ? undefined : originOf(path);
    const known =
      proxied === undefined
        ? lookUp(byHost[protocol], request.getHeader('host') ?? hostOfRawHeaders(request), `${protocol}//`)
        : lookUp(byOrigin, proxied, '');
    if (known === null || uninteresting()) return;
    watching().watchHttpRequest(request, proxied === undefined ? path : path.slice(proxied.length), known);
  } catch (error) {
    warnOnce('http:created', 'an outgoing request could not be looked at', error);
  }
}

/** Headers given as an array are written at once, and can be read nowhere else. */
function hostOfRawHeaders(request: ClientRequest): string {
  const written = (request as { _header?: unknown })._header;
  return /\r\nhost: *([^\r\n]+)/i.exec(String(written))?.[1] ?? request.host;
}

function onUndiciRequest(message: unknown): void {
  try {
    const { request } = message as { request: UndiciRequest };
    const { origin } = request;
    const path = typeof request.path === 'string' ? request.path : '/';
    const proxied = path.charCodeAt(0) === 47 ? undefined : originOf(path);
    // A URL object would be another key each time.
    const known = lookUp(byOrigin, proxied ?? (typeof origin === 'string' ? origin : String(origin)), '');
    if (known === null || uninteresting()) return;
    watching().watchUndiciRequest(request, proxied === undefined ? path : path.slice(proxied.length), known);
  } catch (error) {
    warnOnce('http:create', 'an outgoing request could not be looked at', error);
  }
}

function originOf(url: string): string {
  return /^https?:\/\/[^/?#]*/i.exec(url)?.[0] ?? url;
}

/** What looks at requests, loaded with the first one that a rule is about. */
function watching(): typeof import('./watchers.ts') {
  watchers ??= lazyRequire('./watchers.js') as typeof import('./watchers.ts');
  return watchers;
}

/** @internal For tests of the sources, where there is no `watchers.js` to load: `import '../http/testing/eager.ts'`. */
export function setWatchers(loaded: typeof import('./watchers.ts')): void {
  watchers = loaded;
}

/** A request of a call that is recorded elsewhere, or of telemetry. */
function uninteresting(): boolean {
  const active = activeContext();
  return isBillable(active) || isTelemetry(active);
}

function lookUp(known: Known | undefined, key: unknown, prefix: string): KnownHost | null {
  const host = known?.get(key);
  return host !== undefined || known === undefined ? (host ?? null) : find(known, key, prefix);
}

function find(known: Known, key: unknown, prefix: string): KnownHost | null {
  const origin = parseOrigin(`${prefix}${key}`);
  const rules = registrations.flatMap((one) => {
    if (origin === undefined || !one.hosts.some((host) => hostMatches(host, origin.host, origin.port))) return [];
    return loadRule(one) ?? [];
  });
  const host = origin === undefined || rules.length === 0 ? null : { ...origin, rules };
  if (known.size >= MAX_HOSTS) known.clear();
  known.set(key, host);
  return host;
}

function loadRule(registration: Registration): HttpRule<unknown> | undefined {
  if (registration.rule === undefined && !registration.failed) {
    try {
      registration.rule = registration.load();
    } catch (error) {
      registration.failed = true;
      const host = registration.hosts[0]?.name ?? '';
      warnOnce(`http:load:${host}`, `requests to ${host} are NOT recorded: their rule could not be loaded`, error);
    }
  }
  return registration.rule;
}
