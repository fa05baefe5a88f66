import fs from 'node:fs';
import { join } from 'node:path';
import { REJECTED } from '../aside.ts';
import type { ExporterConfig } from '../config.ts';
import { namesIn, sizeOf } from '../spool/root.ts';
import { batchLimits } from '../transport.ts';
import type { BatchLimits } from '../types.ts';
import { type Delivered, deliver, fromRuns } from './deliver.ts';
import type { Run } from './history.ts';

const TAKEN = /^rejected-\d+-\d+\.retrying$/;

/**
 * Sends again what was refused for good. The file is renamed first, so that services go on with a new one; what is refused again goes there.
 * A run that is cut off leaves the renamed file to the next.
 */
export async function retryRejected(root: string, config: ExporterConfig, timeoutMs: number): Promise<Delivered> {
  const path = join(root, REJECTED);
  if (sizeOf(path) > 0) fs.renameSync(path, join(root, `rejected-${Date.now()}-${process.pid}.retrying`));
  const total = { sent: 0, refused: 0, done: true };
  for (const name of namesIn(root).filter((found) => TAKEN.test(found))) {
    const taken = join(root, name);
    for (let offset = 0; offset < sizeOf(taken) && total.done; ) {
      const bytes = fs.readFileSync(taken).subarray(offset);
      const delivered = await deliver(config, root, fromRuns(runs(bytes, path, batchLimits(config))), timeoutMs);
      total.sent += delivered.sent;
      total.refused += delivered.refused;
      total.done = delivered.done;
      // A service may have been writing its line while the file was renamed.
      offset += bytes.length;
    }
    if (total.done) fs.unlinkSync(taken);
  }
  return total;
}

/** The events of the file, each id once; lines that cannot be read go back to `unreadable`. */
function* runs(bytes: Buffer, unreadable: string, { maxEvents, maxBytes }: BatchLimits): Generator<Run> {
  const seen = new Set<string>();
  let run: Run | undefined;
  let size = 0;
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(at, end);
    at = end + 1;
    if (line.length === 0) continue;
    const parsed = parse(line.toString());
    if (parsed === undefined) {
      fs.appendFileSync(unreadable, Buffer.concat([line, Buffer.from('\n')]), { mode: 0o600 });
      continue;
    }
    if (seen.has(parsed.key)) continue;
    seen.add(parsed.key);
    const record = Buffer.from(parsed.record);
    const full =
      run !== undefined &&
      (run.header !== parsed.header || run.records.length >= maxEvents || size + record.length > maxBytes);
    if (run !== undefined && full) yield run;
    if (run === undefined || full) [run, size] = [{ header: parsed.header, records: [] }, 0];
    run.records.push(record);
    size += record.length;
  }
  if (run !== undefined) yield run;
}

interface Attribute {
  key?: unknown;
  value?: { stringValue?: unknown; intValue?: unknown };
}

function parse(line: string): { header: string; record: string; key: string } | undefined {
  try {
    const { header, record } = JSON.parse(line) as { header?: unknown; record?: { attributes?: Attribute[] } };
    if (typeof header !== 'object' || header === null || typeof record !== 'object') return undefined;
    const text = JSON.stringify(record);
    const named = (name: string) => record.attributes?.find(({ key }) => key === name)?.value;
    const id = named('usage.id')?.stringValue;
    // A correction carries the id of what it corrects.
    const key = typeof id === 'string' ? `${id} ${String(named('usage.version')?.intValue)}` : text;
    return { header: JSON.stringify(header), record: text, key };
  } catch {
    return undefined;
  }
}
