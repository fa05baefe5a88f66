import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { failures, readAudit } from '../../scripts/audit.ts';
import { checkout, goProblems, type Lock, lockProblems, manifestProblems } from '../../scripts/lock-check.ts';

const root = join(import.meta.dirname, '..', '..');
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
const changed = (path: string, change: object): Lock => ({
  ...lock,
  packages: { ...lock.packages, [path]: { ...lock.packages?.[path], ...change } },
});

describe('what the project is built from is pinned', () => {
  it('everything in this checkout', () => {
    expect(checkout(root)).toEqual([]);
  });

  test.each([
    ['no checksum', { integrity: undefined }, /no checksum/],
    ['a weak checksum', { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, /no checksum/],
    ['an address', { resolved: 'https://example.com/express.tgz' }, /names an address/],
    ['a range', { version: '^5.0.0' }, /not exact/],
    ['a dependency from git', { dependencies: { x: 'git+https://example.com/x.git' } }, /no registry/],
    ['a dependency from an address', { dependencies: { x: 'https://example.com/x.tgz' } }, /no registry/],
    ['a dependency from GitHub', { dependencies: { x: 'github:somebody/x' } }, /no registry/],
    ['a dependency from a file', { optionalDependencies: { x: 'file:../x' } }, /no registry/],
    ['an install script', { hasInstallScript: true }, /install script/],
    ['a licence that does not fit', { license: 'GPL-3.0-only' }, /licence GPL-3.0-only/],
    ['one of two licences', { license: '(MIT AND GPL-3.0-only)' }, /licence/],
    ['no licence', { license: undefined }, /licence unknown/],
  ])('%s is seen', (_name, change, problem) => {
    expect(lockProblems(changed('node_modules/express', change), { licences: true }).join('\n')).toMatch(problem);
  });

  it('a choice of licences, and what is for development only, pass', () => {
    expect(
      lockProblems(changed('node_modules/express', { license: '(MIT OR GPL-3.0-only)' }), { licences: true }),
    ).toEqual([]);
    expect(lockProblems(changed('node_modules/vitest', { license: 'GPL-3.0-only' }), { licences: true })).toEqual([]);
  });

  it('a package.json with a range, or another than in the lock file, is seen', () => {
    expect(manifestProblems({ dependencies: { express: '^5.0.0' } }, { dependencies: { express: '^5.0.0' } })).toEqual([
      'dependencies: express ^5.0.0 is not exact',
    ]);
    expect(manifestProblems({ dependencies: { express: '5.3.0' } }, {})).toEqual([
      'dependencies are not those of the lock file',
    ]);
  });

  it('a Go module without a checksum is seen', () => {
    const mod = readFileSync(join(root, 'collector/go.mod'), 'utf8');
    const sum = readFileSync(join(root, 'collector/go.sum'), 'utf8');
    expect(goProblems(mod, sum)).toEqual([]);
    const without = sum.split('\n').filter((line) => !line.startsWith('github.com/golang/snappy '));
    expect(goProblems(mod, without.join('\n'))).toEqual([
      expect.stringMatching(/^github\.com\/golang\/snappy v\S+ has no checksum/),
    ]);
    expect(goProblems('module x\n', sum)).toEqual(['it names no modules']);
  });
});

describe('npm audit', () => {
  const via = {
    source: 1,
    name: 'left',
    title: 'Bad',
    url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
    severity: 'high',
  };
  const report = (vulnerabilities: object) => JSON.stringify({ auditReportVersion: 2, vulnerabilities });
  const found = { id: 'GHSA-aaaa-bbbb-cccc', package: 'left', severity: 'high', title: 'Bad' };
  const explained = { id: found.id, package: 'left', why: 'not called', until: '2026-12-31' };

  it('reads a report; what is vulnerable through another counts once', () => {
    expect(readAudit(report({}))).toEqual({ kind: 'checked', advisories: [] });
    expect(readAudit(report({ left: { via: [via] }, right: { via: ['left'] }, both: { via: [via] } }))).toEqual({
      kind: 'checked',
      advisories: [found],
    });
  });

  it('a registry without an audit is said, anything else is an error', () => {
    expect(readAudit('{"message":"405 Method Not Allowed","error":{"summary":""}}')).toEqual({
      kind: 'not checked',
      why: '405 Method Not Allowed',
    });
    expect(() => readAudit('{"message":"getaddrinfo ENOTFOUND"}')).toThrow('ENOTFOUND');
    expect(() => readAudit('{}')).toThrow('no report');
    expect(() => readAudit('<html>')).toThrow();
  });

  it('fails for what is not explained, no longer explained, or explained for nothing', () => {
    expect(failures([found], [explained], '2026-11-23')).toEqual([]);
    expect(failures([found], [], '2026-11-23')).toEqual(['GHSA-aaaa-bbbb-cccc (high): left: Bad']);
    expect(failures([found], [{ ...explained, package: 'other' }], '2026-11-23')).toHaveLength(2);
    expect(failures([found], [explained], '2027-01-01')).toEqual([expect.stringContaining('look again')]);
    expect(failures([], [explained], '2026-11-23')).toEqual([expect.stringContaining('remove it')]);
  });
});
