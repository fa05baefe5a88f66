// What the project is built from is pinned: `node scripts/lock-check.ts`. Exit code 1 with a line for everything that is not.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** npm packages whose install scripts run, and why that is right. A new one fails until it is looked at. */
export const INSTALL_SCRIPTS: Readonly<Record<string, string>> = {
  chdb: 'optional: the embedded engine; the script is empty (node -e "")',
  node: 'development only, in no image: lets npm install node-<platform> of its own version and links the binary. That package is not in the lock file',
  protobufjs: 'comes with @googlemaps/places (examples): compares two version numbers, and writes nothing',
};

/** Licences that code under Apache-2.0 may be distributed with, without a condition beyond naming it. */
const LICENCES = new Set([
  'Apache-2.0',
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'Unlicense',
  'Zlib',
]);

const EXACT = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
/** A version or range of the registry, or another name for one (`npm:string-width@^4`). */
const OF_REGISTRY = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?[\d^~<>=*xX|\s.\w+-]*$/;

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly dev?: boolean;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lock {
  readonly lockfileVersion?: number;
  readonly packages?: Readonly<Record<string, LockEntry>>;
}

/** What is wrong with a package-lock.json. `licences`: whether its production packages are shipped. */
export function lockProblems(lock: Lock, options: { readonly licences: boolean }): string[] {
  const problems: string[] = [];
  if (lock.lockfileVersion !== 3) problems.push(`lockfileVersion is ${lock.lockfileVersion}, not 3`);
  const packages = Object.entries(lock.packages ?? {});
  if (packages.length < 2) problems.push('it names no packages');
  for (const [path, entry] of packages) {
    for (const [name, spec] of Object.entries({ ...entry.dependencies, ...entry.optionalDependencies })) {
      if (!OF_REGISTRY.test(spec))
        problems.push(`${path || 'the root'} needs ${name} from ${spec}, which is no registry`);
    }
    if (entry.link === true || !/(^|\/)node_modules\//.test(path)) continue;
    const name = path.replace(/^.*node_modules\//, '');
    if (!EXACT.test(entry.version ?? '')) problems.push(`${path}: version ${entry.version} is not exact`);
    if (entry.inBundle !== true && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? ''))
      problems.push(`${path}: no checksum (sha512)`);
    // Whoever installs takes their own registry; a checksum holds whatever it is.
    if (entry.resolved !== undefined) problems.push(`${path}: names an address, ${entry.resolved}`);
    if (entry.hasInstallScript === true && INSTALL_SCRIPTS[name] === undefined)
      problems.push(`${path}: has an install script that nobody has explained (scripts/lock-check.ts)`);
    if (options.licences && entry.dev !== true && !fits(entry.license))
      problems.push(`${path}: licence ${entry.license ?? 'unknown'}; not known to fit Apache-2.0`);
  }
  return problems;
}

/** One of several (`OR`) is enough; of `AND` each must fit. */
function fits(licence: string | undefined): boolean {
  if (licence === undefined) return false;
  const plain = licence.replace(/[()]/g, '');
  if (/ AND .* OR | OR .* AND /.test(plain)) return false;
  if (plain.includes(' OR ')) return plain.split(' OR ').some((one) => LICENCES.has(one));
  return plain.split(' AND ').every((one) => LICENCES.has(one));
}

/** What of a package.json is not pinned to one version, or not what the lock file says. */
export function manifestProblems(manifest: LockEntry, locked: LockEntry | undefined): string[] {
  const problems: string[] = [];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
    const wanted = manifest[kind] ?? {};
    for (const [name, spec] of Object.entries(wanted)) {
      if (!EXACT.test(spec)) problems.push(`${kind}: ${name} ${spec} is not exact`);
    }
    const sorted = (value: object) => JSON.stringify(Object.entries(value).sort());
    if (sorted(wanted) !== sorted(locked?.[kind] ?? {})) problems.push(`${kind} are not those of the lock file`);
  }
  return problems;
}

/** What of a go.mod has no checksum in go.sum. Modules that a `replace` takes from this repository have none. */
export function goProblems(mod: string, sum: string): string[] {
  const sums = new Set(sum.split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')));
  const local = new Set([...mod.matchAll(/^(?:replace )?\s*(\S+)(?: v\S+)? => \.\.?\//gm)].map(([, name]) => name));
  const needed = [...mod.matchAll(/^(?:require )?\s+?(\S+\.\S+\/\S+|\S+\.\S+) (v\d\S*)/gm)];
  const problems = needed
    .filter(([, name, version]) => !local.has(name!) && !sums.has(`${name} ${version}/go.mod`))
    .map(([, name, version]) => `${name} ${version} has no checksum in go.sum`);
  return needed.length === 0 ? ['it names no modules'] : problems;
}

/** Everything that is not pinned in a checkout, a line each. */
export function checkout(root: string): string[] {
  const problems: string[] = [];
  const say = (file: string, found: readonly string[]) =>
    problems.push(...found.map((problem) => `${file}: ${problem}`));
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(root, file), 'utf8')) as T;
  for (const file of ['package-lock.json', 'grafana/preview/package-lock.json']) {
    const lock = read<Lock>(file);
    // The pictures' package is shipped to nobody.
    say(file, lockProblems(lock, { licences: file === 'package-lock.json' }));
    const folder = dirname(file);
    const members = folder === '.' ? ['', ...(read<{ workspaces: string[] }>('package.json').workspaces ?? [])] : [''];
    for (const member of members) {
      const manifest = join(folder, member, 'package.json');
      say(manifest, manifestProblems(read(manifest), lock.packages?.[member]));
    }
  }
  const text = (file: string) => readFileSync(join(root, file), 'utf8');
  say('collector/go.mod', goProblems(text('collector/go.mod'), text('collector/go.sum')));
  for (const [line, version] of text('collector/manifest.yaml').matchAll(/^ +- gomod: \S+ (\S+)$/gm)) {
    if (!/^v\d+\.\d+\.\d+/.test(version ?? '')) say('collector/manifest.yaml', [`${line.trim()}: not exact`]);
  }
  const others = globSync('**/package-lock.json', { cwd: root, exclude: (name) => name === 'node_modules' });
  if (others.length !== 2 || existsSync(join(root, 'yarn.lock')))
    problems.push(`lock files that nobody looks at: ${others.join(', ')}`);
  return problems;
}

if (process.argv[1] === import.meta.filename) {
  const problems = checkout(resolve(import.meta.dirname, '..'));
  for (const problem of problems) console.error(problem);
  if (problems.length === 0)
    console.log('Every package and module is pinned with a checksum; install scripts and licences are known.');
  process.exitCode = problems.length === 0 ? 0 : 1;
}
