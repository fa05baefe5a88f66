import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, FaultRun } from '../../support/fault.ts';
import { PROVIDERS } from './support/providers.ts';
import { type Breakage, compareHosts } from './support/run-host.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..');
const ground = true;
const recorded = true;

/** A service that stands on unusual ground does what it does there without us. */
function grounds(dir: string): Breakage[] {
  const clocks = ['nan', 'infinite', 'zero', 'future', 'backwards', 'still'].map(
    (clock): Breakage => ({
      name: `clock: ${clock}`,
      break: `clock:${clock}`,
      ground,
      recorded,
      // The AWS SDK sets its clock by the server's, in whole seconds: it tries two or three times, also without us.
      ...(clock === 'future' ? { providers: PROVIDERS.filter((one) => one !== 'r2') } : {}),
    }),
  );
  const polluted = ['enumerable', 'attributes', 'toJSON', 'array'].flatMap((what): Breakage[] =>
    (['before', 'after'] as const).map((when) => ({
      name: `prototypes polluted ${when} us: ${what}`,
      break: `polluted:${what}`,
      when,
      ground,
      recorded,
    })),
  );
  // Without FinalizationRegistry from the start Node's own fetch does not load.
  const absent = ['crypto', 'registry', 'getBuiltinModule'].flatMap((what): Breakage[] =>
    (what === 'registry' ? (['after'] as const) : (['before', 'after'] as const)).map((when) => ({
      name: `no ${what} ${when} us`,
      break: `absent:${what}`,
      when,
      ground,
      recorded,
    })),
  );
  const flags: Breakage[] = [
    { name: 'frozen intrinsics', flags: ['--frozen-intrinsics'], ground, recorded },
    { name: 'no code from strings', flags: ['--disallow-code-generation-from-strings'], ground, recorded },
    {
      name: 'no writing to disk',
      flags: ['--permission', '--allow-fs-read=*', `--allow-fs-write=${dir}/run-*`],
      env: { CLIENT_COST_SPOOL_DIR: '/tmp/client-cost-not-allowed' },
      ground,
      // Nor may the process start another one at its end: what is in memory then is gone, and it was said.
      said: /memory/,
    },
    { name: 'no __proto__', flags: ['--disable-proto=delete'], ground, recorded },
    { name: '__proto__ throws', flags: ['--disable-proto=throw'], ground, recorded },
    { name: 'warnings are errors', flags: ['--throw-deprecation', '--trace-warnings'], ground, recorded },
    { name: 'rejections are fatal', flags: ['--unhandled-rejections=warn-with-error-code'], ground, recorded },
    {
      name: 'insecure HTTP parser, small heap',
      flags: ['--insecure-http-parser', '--max-old-space-size=128'],
      ground,
      recorded,
    },
  ];
  return [
    ...clocks,
    ...polluted,
    ...absent,
    ...flags,
    { name: 'performance.now is NaN', break: 'performance', ground, recorded },
    { name: 'environment frozen before us', break: 'env:frozen', when: 'before', ground, recorded },
    { name: 'environment that throws, before us', break: 'env:throws', when: 'before', ground, recorded },
    { name: 'environment that throws, after us', break: 'env:throws', ground, recorded },
    { name: 'few listeners at most', break: 'listener-limit', when: 'before', ground, recorded },
    { name: 'the application patches the SDK', break: 'own-patches', ground, recorded },
    {
      name: 'another instrumentation before us',
      break: 'other-instrumentations',
      when: 'before',
      ground,
      providers: ['openai'],
      // It knows the SDK up to major 6.
      env: { HOST_FROM: 'root' },
    },
    { name: 'two copies of us', break: 'second-copy', env: { HOST_COPY: secondCopy(dir) }, recorded },
  ];
}

/** Another installed copy of our two packages. */
function secondCopy(dir: string): string {
  const copy = join(dir, 'copy', 'instrumentation');
  mkdirSync(join(dir, 'copy', 'node_modules', '@client-cost'), { recursive: true });
  for (const name of ['instrumentation', 'exporter']) {
    mkdirSync(join(dir, 'copy', name), { recursive: true });
    cpSync(join(root, name, 'dist'), join(dir, 'copy', name, 'dist'), { recursive: true });
    cpSync(join(root, name, 'package.json'), join(dir, 'copy', name, 'package.json'));
  }
  symlinkSync(join(root, 'node_modules', '@opentelemetry'), join(dir, 'copy', 'node_modules', '@opentelemetry'));
  for (const name of ['@pydantic', 'import-in-the-middle', 'sms-segments-calculator', 'tokenx'])
    symlinkSync(join(root, 'node_modules', name), join(dir, 'copy', 'node_modules', name));
  symlinkSync(join(dir, 'copy', 'exporter'), join(dir, 'copy', 'node_modules', '@client-cost', 'exporter'));
  return join(copy, 'dist', 'register.js');
}

const fault: Fault = {
  id: 'host-ground',
  hop: 'host safety',
  fault:
    'clocks that lie, polluted prototypes, frozen intrinsics, missing builtins, Node’s permission model, listener limits, patched SDKs, two copies of us',
  promises: ['host-unharmed'],
  times: { short: 7, long: 105 },
  timeoutSeconds: 1_800,
  run: (run: FaultRun) =>
    compareHosts(run, {
      breakages: grounds(run.dir),
      every: 8,
      longEvery: 3,
      ...(run.form === 'short' ? { providers: ['twilio', 'stripe'] } : {}),
    }),
};
export default fault;
