import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCli } from '../cli/program.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'client-cost-certificates-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const said = { out: '', err: '' };
  const code = await runCli(['certificates', join(dir, 'tls'), ...argv], {
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    env: {},
    tty: false,
    now: () => new Date(now),
  });
  return { code, ...said };
}
let now = Date.now();
const of = (name: string, file = 'tls.crt') => new X509Certificate(readFileSync(join(dir, 'tls', name, file)));
const ARGV = ['--server', 'collector=collector,127.0.0.1', '--client', 'service'];

it('makes an authority and what it signs, keeps what is good, renews what runs out or has other hosts', async () => {
  expect(await run(...ARGV)).toMatchObject({ code: 0, out: expect.stringMatching(/^made .*\nmade .*\nmade .*\n$/) });
  const [authority, collector, service] = [of('authority', 'ca.crt'), of('collector'), of('service')];
  expect(authority.ca).toBe(true);
  expect(collector.verify(authority.publicKey) && service.verify(authority.publicKey)).toBe(true);
  expect(collector.checkHost('collector')).toBe('collector');
  expect(collector.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(collector.checkHost('elsewhere')).toBeUndefined();
  expect([collector.keyUsage, service.keyUsage]).toEqual([['1.3.6.1.5.5.7.3.1'], ['1.3.6.1.5.5.7.3.2']]);
  expect(of('service', 'ca.crt').fingerprint256).toBe(authority.fingerprint256);
  const mode = (...path: string[]) => statSync(join(dir, 'tls', ...path)).mode & 0o777;
  expect([mode('authority', 'ca.key'), mode('collector', 'tls.key'), mode('collector', 'tls.crt')]).toEqual([
    0o600, 0o640, 0o644,
  ]);

  expect((await run(...ARGV)).out).toMatch(/^kept .*\nkept .*\nkept .*\n$/);
  expect(of('collector').fingerprint256).toBe(collector.fingerprint256);
  const other = await run('--server', 'collector=collector,127.0.0.1,new.example', '--client', 'service');
  expect(other.out).toMatch(/^kept .*\nrenewed .*\nkept .*\n$/);
  now += 61 * 86_400_000;
  expect((await run(...ARGV)).out).toMatch(/^kept .*\nrenewed .*\nrenewed .*\n$/);
  expect(of('collector').verify(of('authority', 'ca.crt').publicKey)).toBe(true);
  expect((await run(...ARGV, '--renew')).out).toMatch(/^kept .*\nrenewed .*\nrenewed .*\n$/);
});

it('an authority without its key is somebody else’s, and a malformed argument is named', async () => {
  await run(...ARGV);
  rmSync(join(dir, 'tls', 'authority', 'ca.key'));
  expect(await run(...ARGV)).toMatchObject({ code: 1, err: expect.stringContaining('has no ca.key beside it') });
  expect(await run('--server', 'collector')).toMatchObject({
    code: 2,
    err: expect.stringContaining('expected a name'),
  });
  expect(await run('--client', '../x')).toMatchObject({ code: 2 });
});
