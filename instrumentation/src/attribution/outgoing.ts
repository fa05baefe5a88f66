import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { activeContext } from '../instrument/within.ts';
import { warnOnce } from '../log.ts';
import { addClientToBaggage } from './baggage.ts';
import { isBillable, isTelemetry } from './billable.ts';
import { currentScope } from './index.ts';
import type { OwnHosts } from './own-hosts.ts';

// Both channels exist in every Node.js that this package supports (>= 22.15; node:http's since 22.12, undici's in the
// bundled undici of fetch and in the npm package alike). Where one is missing, nothing is ever published on it.
const HTTP_CHANNEL = 'http.client.request.created';
const UNDICI_CHANNEL = 'undici:request:create';

/** What undici publishes: headers as a flat list of names and values, or (older) as one block of text. */
interface UndiciRequest {
  origin?: unknown;
  method?: unknown;
  path?: unknown;
  /** The Host header, where one is set. */
  host?: unknown;
  headers?: unknown;
  addHeader?: (name: string, value: string) => void;
}

let ownHosts: OwnHosts | undefined;
let subscribed = false;

/**
 * Adds the client to the `baggage` header of every request of this process to an own host. Never inside a billable
 * call, never over a client.id that the application put there.
 */
export function propagateToOwnHosts(hosts: OwnHosts): void {
  ownHosts = hosts;
  if (subscribed) return;
  subscribed = true;
  subscribe(
    HTTP_CHANNEL,
    guarded((message) => onHttpRequest((message as { request: ClientRequest }).request)),
  );
  subscribe(
    UNDICI_CHANNEL,
    guarded((message) => onUndiciRequest((message as { request: UndiciRequest }).request)),
  );
}

function guarded(handle: (message: unknown) => void): (message: unknown) => void {
  return (message) => {
    try {
      handle(message);
    } catch (error) {
      warnOnce('outgoing-baggage', 'the client could not be added to an outgoing request', error);
    }
  };
}

/**
 * The client that a request to these hosts should name; undefined where it should name none. The hosts are asked for last:
 * most requests of a measured service are billable calls, and go past for free.
 */
function clientFor(authorities: () => readonly string[]): string | undefined {
  const active = activeContext();
  const hosts = ownHosts;
  if (hosts === undefined || isBillable(active) || isTelemetry(active)) return undefined;
  return authorities().every((authority) => hosts.has(authority)) ? currentScope().clientId : undefined;
}

function onHttpRequest(request: ClientRequest): void {
  if (request.headersSent || request.method === 'CONNECT') return;
  const clientId = clientFor(() => httpAuthorities(request));
  if (clientId === undefined) return;
  const header = addClientToBaggage(joined(request.getHeader('baggage')), clientId);
  if (header !== undefined) request.setHeader('baggage', header);
}

/**
 * Where a node:http request goes: the host of the connection, and whom it is meant for beyond that one where it is a
 * proxy: the Host header, or the host of an absolute path.
 */
function httpAuthorities(request: ClientRequest): string[] {
  const { host, protocol, path } = request;
  const named = joined(request.getHeader('host')) ?? '';
  const standard = standardPort(protocol);
  const port = /:(\d+)$/.exec(named)?.[1] ?? standard;
  const { socketPath } = request as { socketPath?: string | null };
  const connected = socketPath ? 'localhost' : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return [connected, ...meantFor(named, path, standard)];
}

function meantFor(named: string, path: string, standard: string): string[] {
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(path)?.[1];
  return [
    ...(named === '' ? [] : [/:\d+$/.test(named) ? named : `${named}:${standard}`]),
    ...(absolute === undefined ? [] : [absolute]),
  ];
}

const standardPort = (protocol: string): string => (protocol === 'https:' ? '443' : '80');

function onUndiciRequest(request: UndiciRequest): void {
  // The headers of a CONNECT are for the proxy.
  if (request.method === 'CONNECT') return;
  const clientId = clientFor(() => undiciAuthorities(request));
  if (clientId === undefined) return;
  const { headers } = request;
  if (!Array.isArray(headers)) {
    const present = typeof headers === 'string' && /^baggage:/im.test(headers);
    if (!present) request.addHeader?.('baggage', addClientToBaggage(undefined, clientId) ?? '');
    return;
  }
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (String(headers[i]).toLowerCase() !== 'baggage') continue;
    const merged = addClientToBaggage(joined(headers[i + 1]), clientId);
    if (merged !== undefined) headers[i + 1] = merged;
    return;
  }
  const header = addClientToBaggage(undefined, clientId);
  if (header !== undefined) request.addHeader?.('baggage', header);
}

/** As of a node:http request: the origin that undici connects to may be a proxy. */
function undiciAuthorities(request: UndiciRequest): string[] {
  const url = new URL(String(request.origin));
  const standard = standardPort(url.protocol);
  const connected = `${url.hostname}:${url.port === '' ? standard : url.port}`;
  return [connected, ...meantFor(undiciHost(request), String(request.path ?? '/'), standard)];
}

function undiciHost({ host, headers }: UndiciRequest): string {
  if (typeof host === 'string' && host !== '') return host;
  if (typeof headers === 'string') return /^host: *([^\r\n]+)/im.exec(headers)?.[1] ?? '';
  if (!Array.isArray(headers)) return '';
  const at = headers.findIndex((name, i) => i % 2 === 0 && String(name).toLowerCase() === 'host');
  return at < 0 ? '' : (joined(headers[at + 1]) ?? '');
}

function joined(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.map(String).join(',') : String(value);
}
