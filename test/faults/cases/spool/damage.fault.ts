import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ExporterConfig } from '../../../../exporter/dist/index.js';
import type { Fault, FaultRun, Outcome, Random } from '../../support/fault.ts';
import { type Service, type Sink, startService, startSink } from './lab.ts';

const dist = join(import.meta.dirname, '..', '..', '..', '..', 'exporter', 'dist');
const require = createRequire(import.meta.url);
const { readExporterConfig } = require(join(dist, 'config.js')) as {
  readExporterConfig(env: Record<string, string>): ExporterConfig;
};
const { sendLeftovers } = require(join(dist, 'command', 'send.js')) as {
  sendLeftovers(root: string, config: ExporterConfig, timeoutMs: number): Promise<{ done: boolean }>;
};

/** Folders of killed processes with the events that wait in them. */
interface Left {
  readonly root: string;
  /** Ids that were sent before the kill. */
  readonly sent: ReadonlySet<string>;
  readonly ids: readonly string[];
}

/** Three processes that were killed; each had sent some of its events, in several batches. */
async function leave(run: FaultRun, sink: Sink, events: number): Promise<Left> {
  const root = join(run.dir, 'template');
  const services: Service[] = [];
  for (const name of ['a', 'b', 'c']) {
    const body = `for (let i = 0; i < 6; i++) emit('${name}-' + i);
      exporter.flush().then(() => { for (let i = 6; i < ${events}; i++) emit('${name}-' + i); tell(); setInterval(() => {}, 1000); });`;
    const service = startService(run.dir, root, sink, body, { CLIENT_COST_FLUSH_INTERVAL_MS: '600000', PAD: '3' });
    await service.until(() => service.lines.length > 0, 'all events');
    service.kill();
    await service.ended;
    services.push(service);
  }
  return { root, sent: new Set(sink.ids.keys()), ids: services.flatMap(({ acknowledged }) => acknowledged) };
}

/** Lines of a file that are events, as text, with their id. */
function eventLines(path: string): { text: string; id: string }[] {
  const lines = readFileSync(path).toString('latin1').split('\n').slice(0, -1);
  return lines.flatMap((text) => {
    const id = /"usage\.id","value":\{"stringValue":"([^"]+)"/.exec(text)?.[1];
    return text.startsWith('E') && id !== undefined ? [{ text, id }] : [];
  });
}

const segments = (root: string) =>
  globSync('*/*.seg', { cwd: root })
    .sort()
    .map((name) => join(root, name));

/**
 * Damages a copy of what was left, sends it, and looks for events of undamaged lines that did not arrive, and for ones nobody emitted.
 * @param damage true where something unreadable must be kept as `.damaged`
 */
async function tries(
  run: FaultRun,
  count: number,
  damage: (root: string, i: number, random: Random) => boolean,
): Promise<Outcome> {
  const sink = await startSink();
  try {
    const left = await leave(run, sink, 12);
    const config = readExporterConfig({ CLIENT_COST_OTLP_ENDPOINT: sink.url });
    const original = new Map(
      segments(left.root)
        .flatMap(eventLines)
        .map(({ text, id }) => [text, id]),
    );
    const total = { events: 0, lost: 0, doubled: 0, spoilt: 0, wrong: new Set<string>() };
    for (let i = 0; i < count; i++) {
      const root = join(run.dir, `try-${i}`);
      cpSync(left.root, root, { recursive: true });
      const kept = damage(root, i, run.random);
      const intact = new Set(
        segments(root)
          .flatMap(eventLines)
          .flatMap(({ text }) => original.get(text) ?? []),
      );
      const ids = sink.ids as Map<string, number>;
      ids.clear();
      const { done } = await sendLeftovers(root, config, 20_000);
      if (!done) total.wrong.add(`try ${i}: not everything was sent or set aside`);
      total.events += intact.size;
      total.spoilt += left.ids.length - intact.size;
      // What was sent before need not come again.
      total.lost += [...intact].filter((id) => !ids.has(id) && !left.sent.has(id)).length;
      total.doubled += [...ids.keys()].filter((id) => !left.ids.includes(id)).length;
      if (kept && globSync('*.damaged', { cwd: root }).length === 0) total.wrong.add(`try ${i}: damage was not kept`);
      rmSync(root, { recursive: true });
    }
    const { wrong, spoilt, ...counts } = total;
    return { tries: count, ...counts, wrong: [...wrong], remark: `${spoilt} events in damaged lines, kept aside` };
  } finally {
    await sink.close();
  }
}

const torn: Fault = {
  id: 'spool-torn',
  hop: 'spool',
  fault: 'a file that ends at any byte of it, as a write that was cut off leaves it',
  promises: ['spool-torn', 'spool-replayed'],
  times: { short: 60, long: 2500 },
  run: (run) => {
    // Spread over the whole file; more tries than bytes would repeat them.
    const start = run.random.next();
    return tries(run, run.times, (root, i) => {
      const path = segments(root)[1]!;
      const bytes = readFileSync(path);
      const end = Math.floor(((i + start) / run.times) * bytes.length);
      writeFileSync(path, bytes.subarray(0, end));
      // A line that was cut must be kept; an acknowledgement beyond the end is not believed, so it is read.
      return end > 0 && bytes[end - 1] !== 0x0a;
    });
  },
};

const KINDS = {
  flip(path: string, random: Random) {
    const bytes = readFileSync(path);
    for (let n = random.int(1, 8); n > 0; n--) {
      const at = random.int(0, bytes.length - 1);
      bytes[at] = bytes[at]! ^ (1 << random.int(0, 7));
    }
    writeFileSync(path, bytes);
  },
  zero(path: string, random: Random) {
    const bytes = readFileSync(path);
    const from = random.int(0, bytes.length - 1);
    bytes.fill(0, from, Math.min(bytes.length, from + random.pick([64, 512, 4096])));
    writeFileSync(path, bytes);
  },
  zeroTail(path: string, random: Random) {
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(random.pick([1, 512, 4096]))]));
  },
  cut(path: string, random: Random) {
    writeFileSync(path, readFileSync(path).subarray(0, random.int(0, statSync(path).size)));
  },
  noise(path: string, random: Random) {
    const bytes = readFileSync(path);
    const at = random.int(0, bytes.length);
    const noise = Buffer.from(Array.from({ length: random.int(1, 300) }, () => random.int(0, 255)));
    writeFileSync(path, Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]));
  },
  acknowledgement(path: string, random: Random) {
    const ack = path.replace('.seg', '.ack');
    if (!existsSync(ack) || statSync(ack).size === 0) return;
    random.pick([
      () => rmSync(ack, { force: true }),
      () => writeFileSync(ack, readFileSync(ack).subarray(0, random.int(0, statSync(ack).size))),
      () => KINDS.flip(ack, random),
    ])();
  },
};

const damaged: Fault = {
  id: 'spool-damaged',
  hop: 'spool',
  fault: 'bit flips, zero blocks, noise, cuts in spool files and acknowledgements, files swapped between processes',
  promises: ['spool-torn', 'spool-replayed'],
  times: { short: 60, long: 2500 },
  run: (run) =>
    tries(run, run.times, (root, _i, random) => {
      const paths = segments(root);
      for (let n = random.int(1, 3); n > 0; n--) {
        const path = random.pick(paths);
        const kind = random.pick([...Object.keys(KINDS), 'swap', 'swapAcknowledgements'] as const);
        if (kind in KINDS && statSync(path).size > 0) KINDS[kind as keyof typeof KINDS](path, random);
        else if (kind === 'swap') swap(path, random.pick(paths));
        else swap(path.replace('.seg', '.ack'), random.pick(paths).replace('.seg', '.ack'));
      }
      return false;
    }),
};

function swap(one: string, other: string): void {
  if (one === other) return;
  try {
    copyFileSync(one, `${one}.tmp`);
    renameSync(other, one);
    renameSync(`${one}.tmp`, other);
  } catch {
    // an acknowledgement that an earlier damage removed
  }
}

export default [torn, damaged];
