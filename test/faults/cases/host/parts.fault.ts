import { join } from 'node:path';
import type { Fault, FaultRun } from '../../support/fault.ts';
import { type Breakage, compareHosts } from './support/run-host.ts';

/** Nothing is lost, though something of ours is broken: the events do not hang on it. */
const recorded = true;

function parts(dir: string): Breakage[] {
  return [
    {
      name: 'exporter throws',
      break: 'exporter:throw',
      strikes: true,
      said: /recording a billable call failed \(event\)/,
    },
    { name: 'exporter mute', break: 'exporter:mute' },
    { name: 'exporter cannot be made', break: 'exporter:make', strikes: true, said: /the exporter could not be made/ },
    { name: 'serializer throws', break: 'serializer:serializeEvent', strikes: true, said: /could not be recorded/ },
    {
      name: 'header throws',
      break: 'serializer:serializeHeader',
      strikes: true,
      said: /NOT recorded|could not be made/,
    },
    { name: 'disk full', break: 'disk-full', recorded, strikes: true, said: /ENOSPC|memory/ },
    { name: 'spool folder is a file', env: { CLIENT_COST_SPOOL_DIR: '/etc/hostname' }, recorded, said: /memory/ },
    {
      name: 'spool folder cannot be made',
      env: { CLIENT_COST_SPOOL_DIR: '/proc/client-cost' },
      recorded,
      said: /memory/,
    },
    { name: 'spool folder on a device', env: { CLIENT_COST_SPOOL_DIR: '/dev/full' }, recorded, said: /memory/ },
    { name: 'nobody listens', env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, recorded },
    {
      name: 'endpoint is no URL',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'not a url' },
      said: /OTEL_EXPORTER_OTLP_ENDPOINT/,
    },
    { name: 'every setting is nonsense', env: nonsense(), said: /CLIENT_COST_/ },
    {
      name: 'price file is missing',
      env: { CLIENT_COST_PRICES: join(dir, 'none.json') },
      recorded,
      said: /none\.json/,
    },
    { name: 'price file is a folder', env: { CLIENT_COST_PRICES: dir }, recorded, said: /CLIENT_COST_PRICES|price/ },
    { name: 'price file is no JSON', env: { CLIENT_COST_PRICES: '/etc/hostname' }, recorded, said: /price/ },
    {
      name: 'file of HTTP providers is missing',
      env: { CLIENT_COST_HTTP_PROVIDERS: join(dir, 'none.json') },
      said: /none\.json/,
    },
    { name: 'price book throws', break: 'prices', recorded, strikes: true, said: /could not be priced/ },
    { name: 'recorder throws', break: 'recorder:throws', strikes: true },
    { name: 'recorder gives undefined', break: 'recorder:undefined', strikes: true },
    { name: 'recorder’s end throws', break: 'recorder:end', strikes: true },
    { name: 'application’s providers throw', break: 'providers:throw', recorded, strikes: true, said: /client-cost/ },
    { name: 'application’s providers are mute', break: 'providers:mute', recorded, strikes: true },
    { name: 'application’s spans throw', break: 'spans:throw', recorded, strikes: true },
    { name: 'application’s spans are mute', break: 'spans:mute', recorded, strikes: true },
    { name: 'context manager throws', break: 'context-manager:throws', recorded, strikes: true },
    { name: 'context manager is mute', break: 'context-manager:mute', recorded, strikes: true },
    { name: 'context manager’s with throws', break: 'context-manager:with', recorded, strikes: true },
    { name: 'context manager’s active throws', break: 'context-manager:active', recorded, strikes: true },
    { name: 'context manager throws afterwards', break: 'context-manager:after', recorded, strikes: true },
    { name: 'diag logger throws', break: 'diag:throw', recorded },
    { name: 'diag logger is mute', break: 'diag:mute', recorded },
    { name: 'SDK is not there', env: { CLIENT_COST_SDK: 'off' }, recorded },
    { name: 'SDK file is missing', env: { OTEL_CONFIG_FILE: join(dir, 'none.yaml') } },
  ];
}

function nonsense(): Record<string, string> {
  const names = [
    'SPOOL_MAX_BYTES',
    'SPOOL_FSYNC',
    'EXIT_TIMEOUT_MS',
    'FLUSH_INTERVAL_MS',
    'BATCH_SIZE',
    'EXPORTER',
    'OWN_HOSTS',
    'CLIENT_HEADER',
  ];
  return Object.fromEntries(names.map((name) => [`CLIENT_COST_${name}`, '\u{1f4a5} -1e999 ;rm']));
}

const fault: Fault = {
  id: 'host-parts-broken',
  hop: 'host safety',
  fault: 'exporter, serializer, recorder, prices, disk, settings, or the application’s own OpenTelemetry broken',
  promises: ['host-unharmed'],
  times: { short: 11, long: 99 },
  timeoutSeconds: 1_800,
  run: (run: FaultRun) =>
    compareHosts(run, {
      breakages: parts(run.dir),
      every: 8,
      longEvery: 3,
      ...(run.form === 'short' ? { providers: ['twilio', 'stripe'] } : {}),
    }),
};
export default fault;
