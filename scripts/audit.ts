// `npm audit` of every lock file: `node scripts/audit.ts`. Exit code 1 for a known vulnerability that audit-explained.ts does not explain.
// A registry that offers no audit is said ("NOT CHECKED"), and is no failure: nothing is known then.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { EXPLAINED, type Explained } from './audit-explained.ts';

/** One advisory that is about an installed version. */
export interface Advisory {
  readonly id: string;
  readonly package: string;
  readonly severity: string;
  readonly title: string;
}

export type Audit =
  | { readonly kind: 'checked'; readonly advisories: readonly Advisory[] }
  | { readonly kind: 'not checked'; readonly why: string };

interface Via {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly severity: string;
}

/** Reads what `npm audit --json` printed. @throws Error where it is neither a report nor a refusal */
export function readAudit(printed: string): Audit {
  const report = JSON.parse(printed) as {
    readonly auditReportVersion?: number;
    readonly vulnerabilities?: Readonly<Record<string, { readonly via: readonly (Via | string)[] }>>;
    readonly error?: { readonly code?: string; readonly summary?: string };
    readonly message?: string;
  };
  if (report.auditReportVersion === 2 && report.vulnerabilities !== undefined) {
    const advisories = Object.values(report.vulnerabilities)
      .flatMap(({ via }) => via)
      // A name: vulnerable through that package, which has the advisory itself.
      .filter((via): via is Via => typeof via === 'object')
      .map(({ name, title, url, severity }) => ({
        id: /GHSA-[\w-]+/.exec(url)?.[0] ?? url,
        package: name,
        severity,
        title,
      }));
    return {
      kind: 'checked',
      advisories: [...new Map(advisories.map((one) => [`${one.id} ${one.package}`, one])).values()],
    };
  }
  const why = report.message ?? report.error?.summary ?? report.error?.code;
  if (why === undefined) throw new Error(`npm audit printed what is no report: ${printed.slice(0, 300)}`);
  // What else went wrong may be right again in a minute, and must not pass for checked.
  if (!/\b(404|405|501)\b/.test(why)) throw new Error(`npm audit failed: ${why}`);
  return { kind: 'not checked', why };
}

/** What fails: advisories without an explanation, and explanations that are over or of nothing. `today` as `2026-11-23`. */
export function failures(advisories: readonly Advisory[], explained: readonly Explained[], today: string): string[] {
  const matches = (one: Explained, found: Advisory) => one.id === found.id && one.package === found.package;
  return [
    ...advisories
      .filter((found) => !explained.some((one) => matches(one, found)))
      .map(({ id, package: name, severity, title }) => `${id} (${severity}): ${name}: ${title}`),
    ...explained
      .filter((one) => advisories.some((found) => matches(one, found)) && one.until < today)
      .map(({ id, package: name, until }) => `${id}: ${name}: was explained until ${until}; look again`),
    ...explained
      .filter((one) => !advisories.some((found) => matches(one, found)))
      .map(({ id, package: name }) => `${id}: ${name}: is explained, and nobody reports it any more: remove it`),
  ];
}

function audit(folder: string): Audit {
  const npm = spawnSync('npm', ['audit', '--json'], { cwd: folder, encoding: 'utf8', timeout: 120_000 });
  if (npm.error !== undefined) throw npm.error;
  return readAudit(npm.stdout);
}

if (process.argv[1] === import.meta.filename) {
  const root = resolve(import.meta.dirname, '..');
  const found: Advisory[] = [];
  let checked = 0;
  for (const folder of ['.', 'grafana/preview']) {
    const lock = join(folder, 'package-lock.json');
    const result = audit(join(root, folder));
    if (result.kind === 'not checked') {
      console.warn(`NOT CHECKED ${lock}: this registry offers no audit (${result.why})`);
      continue;
    }
    checked++;
    found.push(...result.advisories);
    console.log(`checked ${lock}: ${result.advisories.length} advisories`);
  }
  // What nobody could look up is neither there nor gone.
  const asked = checked === 2 ? EXPLAINED : EXPLAINED.filter(({ id }) => found.some((one) => one.id === id));
  const problems = failures(found, asked, new Date().toISOString().slice(0, 10));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
