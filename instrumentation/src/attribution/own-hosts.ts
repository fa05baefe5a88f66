import { BlockList, isIP } from 'node:net';
import { warnOnce } from '../log.ts';

// Loopback and private ranges: RFC 1122, 1918, 6598 (carrier-grade NAT, used by clusters), 4193, 4291. Link-local IPv4
// is not among them: cloud providers' metadata services answer there.
const RANGES: readonly [string, number, 'ipv4' | 'ipv6'][] = [
  ['127.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
];
const OWN_SUFFIXES = ['.internal', '.local', '.svc', '.localhost'];
const MAX_CACHED = 1000;

const privateRanges = new BlockList();
for (const [address, prefix, family] of RANGES) privateRanges.addSubnet(address, prefix, family);

const inList = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** An address without what may surround it: brackets, a zone, the IPv4-in-IPv6 prefix. */
function bareAddress(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  return bare.toLowerCase().startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare;
}

/** Whether an IP address is loopback or private; false for anything that is not an IP address. */
export function isPrivateAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const bare = bareAddress(address);
  return isIP(bare) !== 0 && inList(privateRanges, bare);
}

/** Splits `host:port` (and `[::1]:80`); the host comes back lower-case, without brackets and without a final dot. */
export function splitHost(authority: string): { host: string; port: string } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(authority);
  const host = match ? (match[1] ?? '') : authority;
  return { host: bareAddress(host).toLowerCase().replace(/\.$/, ''), port: match?.[2] ?? '' };
}

type Matcher = (host: string, port: string) => boolean;

/** Answers whether a host belongs to the company itself, by default rules and the user's patterns. */
export class OwnHosts {
  readonly #own: Matcher[] = [];
  readonly #foreign: Matcher[] = [];
  readonly #cache = new Map<string, boolean>();

  /** @param patterns of `CLIENT_COST_OWN_HOSTS`; those with `!` in front win over everything */
  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const negative = pattern.startsWith('!');
      const matcher = compile(negative ? pattern.slice(1) : pattern);
      if (matcher) (negative ? this.#foreign : this.#own).push(matcher);
    }
  }

  /** @param authority `host` or `host:port`, as in a URL or a Host header */
  has(authority: string): boolean {
    const known = this.#cache.get(authority);
    if (known !== undefined) return known;
    const { host, port } = splitHost(authority);
    const own =
      host !== '' &&
      !this.#foreign.some((matches) => matches(host, port)) &&
      (this.#own.some((matches) => matches(host, port)) || isOwnByDefault(host));
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(authority, own);
    return own;
  }
}

function isOwnByDefault(host: string): boolean {
  if (isIP(host) !== 0) return inList(privateRanges, host);
  return !host.includes('.') || OWN_SUFFIXES.some((suffix) => host.endsWith(suffix));
}

function compile(pattern: string): Matcher | undefined {
  const [, network, prefix] = /^(.*)\/(\d{1,3})$/.exec(pattern) ?? [];
  if (network !== undefined) {
    const list = new BlockList();
    try {
      list.addSubnet(bareAddress(network), Number(prefix), isIP(bareAddress(network)) === 6 ? 'ipv6' : 'ipv4');
    } catch {
      warnOnce(
        `own-hosts:${pattern}`,
        `CLIENT_COST_OWN_HOSTS: "${pattern}" is not a network such as "10.2.0.0/16"; ignored`,
      );
      return undefined;
    }
    return (host) => isIP(host) !== 0 && inList(list, host);
  }
  const { host: wanted, port: wantedPort } = isIP(bareAddress(pattern))
    ? { host: bareAddress(pattern), port: '' }
    : splitHost(pattern);
  const samePort = (port: string) => wantedPort === '' || port === wantedPort;
  if (wanted === '*') return (_host, port) => samePort(port);
  const suffix = wanted.startsWith('*.') ? wanted.slice(1) : wanted.startsWith('.') ? wanted : undefined;
  if (suffix !== undefined) return (host, port) => host.endsWith(suffix) && samePort(port);
  return (host, port) => host === wanted && samePort(port);
}
