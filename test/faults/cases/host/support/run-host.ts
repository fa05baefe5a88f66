import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FaultRun, Outcome } from '../../../support/fault.ts';
import type { HostOrder, HostReport } from './host-main.ts';
import { PROVIDERS, type Provider } from './providers.ts';

const here = import.meta.dirname;
const REGISTER = createRequire(import.meta.url).resolve('../../../../../instrumentation/dist/register.js');
const DEADLINE_MS = 60_000;
/** Who the stand-in on loopback is, where the host decides what is billed. */
const SERVICE_OF: Partial<Record<Provider, string>> = { places: 'google_places', r2: 'cloudflare_r2' };

/** One way to break us, or the ground that we stand on. */
export interface Breakage {
  readonly name: string;
  /** What break.cts does: a name of its table, with an argument. */
  readonly break?: string;
  /** In front of us, or when we are loaded already. Default: after. */
  readonly when?: 'before' | 'after';
  /** Of the process, with and without us. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The service itself runs differently under it: what it sees without us is seen under it too. */
  readonly ground?: boolean;
  /** All calls are recorded all the same. */
  readonly recorded?: boolean;
  /** What must be said, once. */
  readonly said?: RegExp;
  /** The breakage is one that strikes by chance, or that counts: it must have struck. */
  readonly strikes?: boolean;
  readonly providers?: readonly Provider[];
}

interface Ran {
  readonly report: HostReport | undefined;
  readonly stderr: string;
  readonly code: number | string | null;
  /** `usage.id` of what was recorded. */
  readonly recorded: ReadonlySet<string>;
}

/** An OTLP endpoint that keeps the ids of the usage events it is sent. */
async function startSink(): Promise<{ url: string; ids: Set<string>; close(): void }> {
  const ids = new Set<string>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      for (const [, id] of Buffer.concat(parts).toString().matchAll(ID)) ids.add(id!);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ids, close };
}

const ID = /"usage\.id","value":\{"stringValue":"([0-9a-f-]{36})"/g;

let runs = 0;

async function runOnce(
  run: FaultRun,
  order: HostOrder,
  breakage: Breakage,
  watched: boolean,
  seed: number,
): Promise<Ran> {
  const dir = join(run.dir, `run-${++runs}`);
  mkdirSync(dir, { recursive: true });
  const out = join(dir, 'report.json');
  const spool = join(dir, 'spool');
  const sink = await startSink();
  const rules = { operation: 'call', path: '/*', quantity: { from: 'response.json', path: '$.usage.pages' } };
  const rulesFile = join(dir, 'providers.json');
  writeFileSync(
    rulesFile,
    JSON.stringify({ providers: [{ service: 'test', hosts: ['127.0.0.1'], operations: [rules] }] }),
  );
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|CLIENT_COST_|NODE_|VITEST|GOOGLE|HOST_|TEST$)/.test(name),
  );
  const breaking = breakage.break === undefined ? [] : ['--require', join(here, 'break.cts')];
  const ours = watched ? ['--require', REGISTER] : [];
  const required = breakage.when === 'before' ? [...breaking, ...ours] : [...ours, ...breaking];
  const args = [
    '--disable-warning=ExperimentalWarning',
    ...(breakage.flags ?? []),
    ...required,
    join(here, 'host-main.ts'),
  ];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...Object.fromEntries(inherited),
      HOST_ORDER: JSON.stringify(order),
      HOST_OUT: out,
      HOST_BREAK: breakage.break ?? '',
      HOST_SEED: String(seed),
      ...(process.env.HOST_STACKS === undefined ? {} : { HOST_STACKS: '1' }),
      CLIENT_COST_SPOOL_DIR: spool,
      CLIENT_COST_EXIT_TIMEOUT_MS: '500',
      CLIENT_COST_PROVIDER_HOSTS: `127.0.0.1=${SERVICE_OF[order.provider] ?? 'openai'}`,
      ...(order.provider === 'http' ? { CLIENT_COST_HTTP_PROVIDERS: rulesFile } : {}),
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      METADATA_SERVER_DETECTION: 'none',
      GOOGLE_CLOUD_PROJECT: 'test',
      ...breakage.env,
    },
  });
  let stderr = '';
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const code = await new Promise<number | string | null>((resolve) => {
    child.on('close', (status, signal) => resolve(status ?? signal));
  });
  clearTimeout(timer);
  sink.close();
  const recorded = new Set(sink.ids);
  if (existsSync(spool)) {
    for (const name of readdirSync(spool, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.seg')) continue;
      try {
        for (const [, id] of readFileSync(join(spool, name), 'utf8').matchAll(ID)) recorded.add(id!);
      } catch {
        // a folder
      }
    }
  }
  const report = existsSync(out) ? (JSON.parse(readFileSync(out, 'utf8')) as HostReport) : undefined;
  return { report, stderr, code, recorded };
}

/** Requests that are under way together arrive in any order. */
function comparable(result: unknown): string | undefined {
  const { requests } = (result ?? {}) as { requests?: unknown };
  if (!Array.isArray(requests)) return JSON.stringify(result);
  const sorted = requests.map((request) => JSON.stringify(request)).sort();
  return JSON.stringify({ ...(result as object), requests: sorted });
}

/** What differs between two reports, a line each. */
function differences(bare: HostReport, watched: HostReport): string[] {
  const lines: string[] = [];
  for (const [name, rounds] of Object.entries(bare.results)) {
    const expected = comparable(rounds[0]);
    for (const seen of watched.results[name] ?? [undefined]) {
      const got = comparable(seen);
      if (got === expected) continue;
      const at = Array.from({ length: got?.length ?? 0 }).findIndex((_, i) => got![i] !== expected?.[i]);
      const from = Math.max(0, at - 60);
      lines.push(`"${name}" saw …${got?.slice(from, at + 160)} instead of …${expected?.slice(from, at + 120)}`);
      break;
    }
  }
  const strays = watched.stray.filter((line) => !bare.stray.includes(line));
  for (const line of new Set(strays)) lines.push(`stray ${line}`);
  for (const [event, count] of Object.entries(bare.listeners)) {
    if (watched.listeners[event] !== count)
      lines.push(`${watched.listeners[event]} listeners of ${event} instead of ${count}`);
  }
  return lines;
}

export interface HostFault {
  readonly breakages: readonly Breakage[];
  readonly providers?: readonly Provider[];
  /** Short form: every nth script of each provider, all in the long form. */
  readonly every?: number;
  /** The same in the long form; default: each. */
  readonly longEvery?: number;
  readonly rounds?: number;
}

/** Runs the scripts without us and under each breakage with us, and compares. `run.times` is how many pairs of breakage and provider are tried. */
export async function compareHosts(
  run: FaultRun,
  { breakages, providers = PROVIDERS, every = 4, longEvery = 1, rounds = 1 }: HostFault,
): Promise<Outcome> {
  const only = process.env.HOST_ONLY;
  const pairs = breakages
    .flatMap((breakage) =>
      (breakage.providers ?? providers)
        .filter((one) => providers.includes(one))
        .map((provider) => ({ breakage, provider })),
    )
    .filter(({ breakage, provider }) => only === undefined || `${breakage.name}/${provider}`.includes(only));
  // All breakages have their turn before one has a second, at another provider.
  const chosen: typeof pairs = [];
  const waiting = run.random.shuffle(pairs);
  const seen = new Map<string, number>();
  for (const pair of waiting) seen.set(pair.breakage.name, 0);
  for (let turn = 0; chosen.length < Math.min(run.times, pairs.length); turn++) {
    for (const name of seen.keys()) {
      const own = waiting.filter(({ breakage }) => breakage.name === name);
      if (own[turn] !== undefined && chosen.length < run.times) chosen.push(own[turn]!);
    }
  }
  const bares = new Map<string, Ran>();
  const healthy = new Map<string, Ran>();
  const wrong: string[] = [];
  let events = 0;
  let lost = 0;
  let struck = 0;
  let counted = 0;
  for (const { breakage, provider } of chosen) {
    const order: HostOrder = { provider, rounds, every: run.form === 'long' ? longEvery : every, first: 0 };
    const what = `${breakage.name} / ${provider}`;
    const once = async (known: Map<string, Ran>, key: string, make: () => Promise<Ran>) => {
      if (!known.has(key)) known.set(key, await make());
      return known.get(key)!;
    };
    const bareRun = () => runOnce(run, { ...order, rounds: 1 }, { name: 'bare' }, false, 0);
    const bare = breakage.ground
      ? await once(bares, `${breakage.name} ${provider}`, () =>
          runOnce(run, { ...order, rounds: 1 }, breakage, false, 0),
        )
      : await once(bares, provider, bareRun);
    if (bare.report === undefined) {
      wrong.push(`${what}: does not run without us either: ${bare.code} ${bare.stderr.slice(-300)}`);
      continue;
    }
    const broken = await runOnce(run, order, breakage, true, run.random.int(1, 2 ** 30));
    events += Object.keys(bare.report.results).length * rounds;
    struck += broken.report?.struck ?? 0;
    run.log(
      `${what}: ${broken.code}, struck ${broken.report?.struck}, recorded ${broken.recorded.size} ${process.env.HOST_STACKS ? broken.stderr : ''}`,
    );
    if (broken.report === undefined) {
      wrong.push(`${what}: ended with ${broken.code}: ${broken.stderr.slice(-400)}`);
      continue;
    }
    for (const line of differences(bare.report, broken.report)) wrong.push(`${what}: ${line}`);
    if (breakage.strikes && broken.report.struck === 0) wrong.push(`${what}: nothing was struck`);
    if (breakage.said !== undefined && !breakage.said.test(broken.stderr))
      wrong.push(`${what}: not said (${breakage.said}): ${broken.stderr.slice(0, 300)}`);
    const plain = breakage.ground && breakage.recorded ? await once(bares, provider, bareRun) : bare;
    // Where the service itself does less (no clock, no signature: no request), as many cannot be recorded.
    if (breakage.recorded && JSON.stringify(plain.report?.results) === JSON.stringify(bare.report.results)) {
      counted++;
      const usual = await once(healthy, provider, () => runOnce(run, order, { name: 'healthy' }, true, 0));
      if (usual.recorded.size === 0) wrong.push(`${what}: nothing is recorded when nothing is broken`);
      if (broken.recorded.size < usual.recorded.size) {
        lost += usual.recorded.size - broken.recorded.size;
        wrong.push(`${what}: ${broken.recorded.size} recorded, ${usual.recorded.size} without it`);
      }
    }
  }
  const remark = `${struck} exceptions thrown in us${counted > 0 ? `; in ${counted} the events are counted` : ''}`;
  return { tries: chosen.length, events, lost, doubled: 0, wrong, remark };
}
