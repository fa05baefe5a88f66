import type { Fault } from '../../support/fault.ts';
import { type Breakage, compareHosts } from './support/run-host.ts';

/** Builtins that throw in whatever code of ours calls them: each place of our code where something can fail does fail. */
const GROUPS = [
  'json',
  'date',
  'object',
  'array',
  'collections',
  'text',
  'numbers',
  'promise',
  'timers',
  'urls',
  'buffers',
  'crypto',
  'storage',
  'files',
  'opentelemetry',
];

/** Replaces globals too, which packages know by identity (google-gax: `enums: String`): the service is compared under the same ones. */
const REPLACES_GLOBALS = ['date', 'numbers', 'timers', 'urls'];

const breakages: Breakage[] = GROUPS.map((group) => ({
  name: group,
  break: `builtin:${group}`,
  ground: REPLACES_GLOBALS.includes(group),
}));
const chaos: Breakage[] = ['0.5', '0.1', '0.02', '0.004'].map((p) => ({
  name: `chaos ${p}`,
  break: `chaos:${p}`,
  strikes: true,
  ground: true,
}));

const faults: Fault[] = [
  {
    id: 'host-own-code-throws',
    hop: 'host safety',
    fault:
      'every builtin throws when our code calls it: JSON, Date, Map, promises, timers, files, OpenTelemetry’s API, …',
    promises: ['host-unharmed'],
    times: { short: 8, long: 90 },
    timeoutSeconds: 1_800,
    run: (run) =>
      compareHosts(run, { breakages, ...(run.form === 'short' ? { providers: ['twilio', 'openai'] } : {}) }),
  },
  {
    id: 'host-own-code-chaos',
    hop: 'host safety',
    fault: 'our code throws at random places, at one call of a builtin in 2, 10, 50 and 250',
    promises: ['host-unharmed'],
    times: { short: 2, long: 24 },
    run: (run) =>
      compareHosts(run, {
        breakages: chaos,
        rounds: 2,
        ...(run.form === 'short' ? { providers: ['twilio', 'stripe'] } : {}),
      }),
  },
];
export default faults;
