import fc from 'fast-check';
import { readExporterConfig } from '../../../../exporter/dist/index.js';
import { addClientToBaggage, clientOfBaggage } from '../../../../instrumentation/dist/attribution/baggage.js';
import { normalizeClientId } from '../../../../instrumentation/dist/attribution/client-id.js';
import { OwnHosts } from '../../../../instrumentation/dist/attribution/own-hosts.js';
import { readConfig } from '../../../../instrumentation/dist/config.js';
import { parseProviderHosts } from '../../../../instrumentation/dist/provider-hosts.js';
import { readWebhookSettings } from '../../../../instrumentation/dist/twilio/webhook/settings.js';
import type { Fault } from '../../support/fault.ts';
import { anyDecimals, mutated } from '../../support/fuzz-decimals.ts';
import { drive, outcomeOf, target } from '../../support/fuzz-drive.ts';

const NAMES = [
  'CLIENT_COST_EXPORTER',
  'CLIENT_COST_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_LOGS_HEADERS',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_EXPORTER_OTLP_COMPRESSION',
  'OTEL_EXPORTER_OTLP_CERTIFICATE',
  'CLIENT_COST_OTLP_TOKEN',
  'CLIENT_COST_OTLP_TOKEN_FILE',
  'CLIENT_COST_CLICKHOUSE_URL',
  'CLIENT_COST_CLICKHOUSE_USER',
  'CLIENT_COST_CLICKHOUSE_PASSWORD_FILE',
  'CLIENT_COST_CLICKHOUSE_DATABASE',
  'CLIENT_COST_SPOOL_DIR',
  'CLIENT_COST_SPOOL_MAX_BYTES',
  'CLIENT_COST_SPOOL_FSYNC',
  'CLIENT_COST_SPOOL_KEEP_HOURS',
  'CLIENT_COST_SPOOL_KEEP_BYTES',
  'CLIENT_COST_EXIT_TIMEOUT_MS',
  'CLIENT_COST_FLUSH_INTERVAL_MS',
  'CLIENT_COST_BATCH_SIZE',
  'CLIENT_COST_DISABLED',
  'CLIENT_COST_CLIENT_HEADER',
  'CLIENT_COST_TRUST_BAGGAGE',
  'CLIENT_COST_OWN_HOSTS',
  'CLIENT_COST_SDK',
  'CLIENT_COST_PROVIDER_HOSTS',
  'CLIENT_COST_TWILIO_WEBHOOK_URL',
  'TWILIO_AUTH_TOKEN',
];
const REAL = [
  'http://localhost:4318',
  'https://user:secret@collector:4318/x?y=1',
  'http://[::1]:4318',
  'otlp',
  'clickhouse',
  'none',
  'gzip',
  'always',
  'true',
  'x-client-id',
  'a=b,c=%20d',
  'api.example.com:8443=openai',
  '*.svc,!10.0.0.0/8',
  '10000',
  '1e3',
  '/nonexistent/file',
  '0',
];
const values = fc.oneof(
  { weight: 4, arbitrary: mutated(fc.constantFrom(...REAL)) },
  { weight: 2, arbitrary: fc.constantFrom(...REAL) },
  { weight: 2, arbitrary: anyDecimals },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      'a'.repeat(50_000),
      '='.repeat(5000),
      ','.repeat(5000),
      '%'.repeat(999),
      'a.'.repeat(5000),
      ':'.repeat(5000),
      'http://',
      'file:///etc/passwd',
      'http://x:99999',
      'ftp://x',
    ),
  },
);

const isHttp = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

const settings = target({
  name: 'environment variables',
  share: 3,
  inputs: fc.array(fc.tuple(fc.constantFrom(...NAMES), values), { minLength: 1, maxLength: 6 }),
  check(entries) {
    const env = Object.fromEntries(entries);
    const exporter = readExporterConfig(env);
    const { otlp, clickhouse, batchSize, spoolMaxBytes, exitTimeoutMs, flushIntervalMs } = exporter;
    if (!isHttp(otlp.url) || !isHttp(clickhouse.url)) return `the address is ${otlp.url} or ${clickhouse.url}`;
    const numbers = [batchSize, spoolMaxBytes, exitTimeoutMs, flushIntervalMs, otlp.timeoutMs];
    if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return `numbers: ${numbers.join(' ')}`;
    for (const value of Object.values(otlp.headers)) if (/[\r\n\0]/.test(value)) return 'a header breaks its line';
    const { ownHosts, clientHeader } = readConfig(env);
    if (clientHeader !== undefined && /[\s:]/.test(clientHeader)) return `the header is ${clientHeader}`;
    new OwnHosts(ownHosts);
    parseProviderHosts(env.CLIENT_COST_PROVIDER_HOSTS);
    readWebhookSettings(env);
    return undefined;
  },
});

const clientIds = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ maxLength: 300 }),
  fc.anything({ maxDepth: 1 }),
  fc.constantFrom('acme', ' acme ', 'ä', 'a,b;c=d%20', 'x'.repeat(257), '\0', 'a\nb'),
);
const ids = target({
  name: 'client ids in headers and baggage',
  share: 3,
  inputs: fc.tuple(
    clientIds,
    fc.oneof(
      fc.constant(undefined),
      mutated(fc.constantFrom('client.id=acme', 'a=1,client.id=b%20c;p=1,d=2', 'client.id=', 'client.id')),
      fc.string({ unit: 'binary', maxLength: 60 }),
    ),
  ),
  check([value, given]) {
    // What Node.js hands out of a header is Latin-1.
    const header = given?.replace(/[^\0-\xff]/g, '?');
    const id = normalizeClientId(value, 'fuzz');
    const carriedIn = normalizeClientId(clientOfBaggage(header), 'baggage');
    for (const one of [id, carriedIn]) {
      if (one === undefined) continue;
      if (one === '' || one.length > 256 || !one.isWellFormed()) return `became ${JSON.stringify(one)}`;
    }
    if (id === undefined) return undefined;
    const carried = addClientToBaggage(header, id);
    if (carried === undefined) return undefined;
    if (/[\r\n\0]/.test(carried) && !/[\r\n\0]/.test(header ?? '')) return 'baggage breaks its line';
    const back = clientOfBaggage(carried);
    return back === id
      ? undefined
      : `${JSON.stringify(id)} came back as ${JSON.stringify(back)} in ${JSON.stringify(carried)}`;
  },
});

const fault: Fault = {
  id: 'fuzz-settings',
  hop: 'fuzz',
  fault: 'any value in any environment variable of a measured service; any client id in a header, any baggage',
  promises: ['host-unharmed'],
  times: { short: 2000, long: 40_000 },
  timeoutSeconds: 300,
  async run(run) {
    return outcomeOf(await drive(run, [settings, ids]));
  },
};

export default fault;
