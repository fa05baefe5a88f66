import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Certificate, makeAuthority, makeCertificate } from './make.ts';

/** A part of the deployment: its folder gets `tls.crt`, `tls.key` and the authority's `ca.crt`. */
export interface Wanted {
  readonly name: string;
  readonly folder: string;
  readonly use: 'server' | 'client';
  /** Names and IP addresses that a server is reached by. */
  readonly hosts?: readonly string[];
}

export interface FolderOptions {
  /** Where `ca.crt` and `ca.key` are kept; no part needs to see the key. */
  readonly authority: string;
  readonly wanted: readonly Wanted[];
  /** Renewed when fewer days are left. Default 30. */
  readonly renewDays?: number | undefined;
  /** How long new ones are good for. Default 90 days. */
  readonly days?: number | undefined;
  /** Make all of them anew although the ones there are good. */
  readonly renew?: boolean | undefined;
  readonly now?: Date | undefined;
}

export interface FolderResult {
  readonly file: string;
  readonly what: 'made' | 'renewed' | 'kept';
  /** ISO day. */
  readonly until: string;
}

/**
 * Certificates for the parts of one deployment, signed by an authority of its own: what is missing is made, what soon runs out (or is for
 * other hosts) is renewed, the rest stays.
 *
 * @throws Error when the authority cannot sign (`ca.crt` without `ca.key` is somebody else's) or a file cannot be written
 */
export async function fillFolders(options: FolderOptions): Promise<FolderResult[]> {
  const { wanted, renewDays = 30, days = 90, now = new Date() } = options;
  const results: FolderResult[] = [];
  let authority = read(options.authority, 'ca');
  const what = authority === undefined ? 'made' : 'kept';
  if (authority === undefined) {
    if (existsSync(join(options.authority, 'ca.crt'))) {
      throw new Error(
        `${options.authority}/ca.crt has no ca.key beside it: whoever has the key must make what is missing`,
      );
    }
    authority = await makeAuthority('client-cost internal authority');
    write(options.authority, 'ca', authority, 0o600);
  }
  results.push({ file: join(options.authority, 'ca.crt'), what, until: until(authority.cert) });
  for (const about of wanted) {
    const file = join(about.folder, 'tls.crt');
    const before = read(about.folder, 'tls');
    if (before !== undefined && options.renew !== true && good(before, authority, about, renewDays, now)) {
      results.push({ file, what: 'kept', until: until(before.cert) });
      continue;
    }
    const made = await makeCertificate(authority, { ...about, to: new Date(now.getTime() + days * 86_400_000) });
    // Readable for the group: each part runs as a user of its own and is given the group of whoever makes these.
    write(about.folder, 'tls', made, 0o640);
    put(about.folder, 'ca.crt', authority.cert, 0o644);
    results.push({ file, what: before === undefined ? 'made' : 'renewed', until: until(made.cert) });
  }
  return results;
}

function good(mine: Certificate, authority: Certificate, { hosts = [] }: Wanted, days: number, now: Date): boolean {
  const certificate = new X509Certificate(mine.cert);
  if (!certificate.verify(new X509Certificate(authority.cert).publicKey)) return false;
  if (Date.parse(certificate.validTo) - now.getTime() < days * 86_400_000) return false;
  return hosts.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
}

const until = (cert: string): string => new Date(new X509Certificate(cert).validTo).toISOString().slice(0, 10);

function read(folder: string, name: string): Certificate | undefined {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  if (!existsSync(cert) || !existsSync(key)) return undefined;
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** The key first, so that nobody waits for a certificate's key. */
function write(folder: string, name: string, { cert, key }: Certificate, keyMode: number): void {
  put(folder, `${name}.key`, key, keyMode);
  put(folder, `${name}.crt`, cert, 0o644);
}

/** Whole or not at all: who reads in between finds the old file. */
function put(folder: string, file: string, text: string, mode: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const path = join(folder, file);
  writeFileSync(`${path}.new`, text, { mode });
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
}
