import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, makeAuthority, makeCertificate } from './make.ts';

/** What the folder holds besides `ca.crt`: `{name}.crt` and `{name}.key`. */
export interface Wanted {
  readonly name: string;
  readonly use: 'server' | 'client';
  /** Names and IP addresses that a server is reached by. */
  readonly hosts?: readonly string[];
}

export interface FolderOptions {
  readonly folder: string;
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
 * other hosts) is renewed, the rest stays. A folder whose `ca.crt` has no `ca.key` beside it is somebody else's: nothing is made there.
 *
 * @throws Error when the authority in the folder cannot sign or a file cannot be written
 */
export async function fillFolder(options: FolderOptions): Promise<FolderResult[]> {
  const { folder, wanted, renewDays = 30, days = 90, now = new Date() } = options;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const results: FolderResult[] = [];
  const kept = (file: string, cert: string): void => void results.push({ file, what: 'kept', until: until(cert) });
  let authority = read(folder, 'ca');
  if (authority === undefined) {
    if (existsSync(join(folder, 'ca.crt'))) {
      throw new Error(
        `${folder}/ca.crt has no ca.key beside it: its certificates are somebody else's, who must make the missing ones`,
      );
    }
    authority = await makeAuthority('client-cost internal authority');
    write(folder, 'ca', authority);
    results.push({ file: 'ca.crt', what: 'made', until: until(authority.cert) });
  } else kept('ca.crt', authority.cert);
  for (const about of wanted) {
    const file = `${about.name}.crt`;
    const before = read(folder, about.name);
    if (before !== undefined && options.renew !== true && good(before, authority, about, renewDays, now)) {
      kept(file, before.cert);
      continue;
    }
    const made = await makeCertificate(authority, { ...about, to: new Date(now.getTime() + days * 86_400_000) });
    write(folder, about.name, made);
    results.push({ file, what: before === undefined ? 'made' : 'renewed', until: until(made.cert) });
  }
  return results;
}

function good(mine: Certificate, authority: Certificate, { hosts = [] }: Wanted, days: number, now: Date): boolean {
  const certificate = new X509Certificate(mine.cert);
  if (!certificate.verify(new X509Certificate(authority.cert).publicKey)) return false;
  if (Date.parse(certificate.validTo) - now.getTime() < days * 86_400_000) return false;
  return hosts.every((host) => certificate.checkHost(host) !== undefined || certificate.checkIP(host) !== undefined);
}

const until = (cert: string): string => new Date(new X509Certificate(cert).validTo).toISOString().slice(0, 10);

function read(folder: string, name: string): Certificate | undefined {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  if (!existsSync(cert) || !existsSync(key)) return undefined;
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** Each file whole or not at all: a reader that comes in between finds the old one. The key first, so that a pair is never of two. */
function write(folder: string, name: string, { cert, key }: Certificate): void {
  const put = (file: string, text: string, mode: number): void => {
    const path = join(folder, file);
    writeFileSync(`${path}.new`, text, { mode });
    chmodSync(`${path}.new`, mode);
    renameSync(`${path}.new`, path);
  };
  // Readable for the group: the parts run as users of their own and share one group with whoever makes these.
  put(`${name}.key`, key, name === 'ca' ? 0o600 : 0o640);
  put(`${name}.crt`, cert, 0o644);
}
