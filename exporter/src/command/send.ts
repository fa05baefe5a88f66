import type { ExporterConfig } from '../config.ts';
import { log, messageOf } from '../log.ts';
import { Folder, type FolderOptions } from '../spool/folder.ts';
import { orphans } from '../spool/root.ts';
import { Sent } from '../spool/sent.ts';
import { batchLimits } from '../transport.ts';
import { type Delivered, deliver, fromRuns } from './deliver.ts';
import { acknowledged, type Span } from './history.ts';

/** Sends what dead processes left in `root`. What could not be sent in time is left for anybody to take over. */
export async function sendLeftovers(root: string, config: ExporterConfig, timeoutMs: number): Promise<Delivered> {
  const options: FolderOptions = {
    sent: new Sent(root, config),
    listener: {
      damaged: (path) => log('warn', `damaged lines in a spool file; the file is kept as ${path}`),
      lost: () => {},
      unreadable: (path, error) => log('warn', `cannot read ${path}: ${messageOf(error)}`),
      notSynced: () => {},
    },
  };
  const folders = orphans(root).flatMap((name) => Folder.adopt(root, name, options) ?? []);
  // A send may take longer than others wait for a sign of life.
  const heartbeat = setInterval(() => folders.forEach((folder) => void folder.touch()), 10_000).unref();
  try {
    const delivered = await deliver(
      config,
      root,
      (limits) => {
        for (const folder of folders) {
          const batch = folder.next(limits);
          if (batch !== undefined) return batch;
        }
        return undefined;
      },
      timeoutMs,
    );
    const unread = folders.some((folder) => !folder.removeIfEmpty());
    return { ...delivered, done: delivered.done && !unread };
  } finally {
    clearInterval(heartbeat);
    for (const folder of folders) folder.release();
  }
}

/** Sends again what was acknowledged within the time. Reads only: living services are not disturbed. */
export function resend(root: string, config: ExporterConfig, span: Span, timeoutMs: number): Promise<Delivered> {
  return deliver(config, root, fromRuns(acknowledged(root, span, batchLimits(config))), timeoutMs);
}
