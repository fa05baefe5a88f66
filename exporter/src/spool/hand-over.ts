import { join } from 'node:path';
import { log, messageOf, type OnceLog } from '../log.ts';
import type { BatchLimits, BatchSource } from '../types.ts';
import { Folder, type FolderOptions } from './folder.ts';
import { MemoryQueue } from './memory.ts';
import { Sent } from './sent.ts';
import type { SpooledBatch } from './spool.ts';

/** What a process that goes on after this one needs to deliver what waits here. */
export interface HandOver {
  readonly root: string | undefined;
  /** Names of folders under `root`. */
  readonly folders: readonly string[];
  readonly memory: readonly { header: string; record: string }[];
}

/** Reads what another process handed over. */
export class HandedOver {
  /** The last batch lies on disk: without its commit it is there for the next start. */
  onDisk = false;
  private readonly folders: Folder[] = [];
  private readonly memory = new MemoryQueue(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

  constructor(handOver: HandOver, once: OnceLog, keep: { keepMs: number; keepBytes: number }) {
    const options: FolderOptions = {
      sent: handOver.root === undefined ? undefined : new Sent(handOver.root, keep),
      listener: {
        damaged: (path) => log('warn', `damaged lines in ${path}`),
        lost: () => {},
        unreadable: (path, error) => once.say('warn', `read ${path}`, `cannot read ${path}: ${messageOf(error)}`),
        notSynced: () => {},
      },
    };
    for (const name of handOver.folders) {
      try {
        this.folders.push(Folder.openAt(handOver.root!, name, options));
      } catch (error) {
        once.say('warn', `open ${name}`, `cannot open ${join(handOver.root!, name)}: ${messageOf(error)}`);
      }
    }
    for (const { header, record } of handOver.memory) this.memory.push(header, record);
  }

  next(limits: BatchLimits): SpooledBatch | undefined {
    // Memory first: it ends with this process.
    for (const source of [this.memory, ...this.folders] satisfies BatchSource[]) {
      const batch = source.next(limits);
      if (batch === undefined) continue;
      this.onDisk = source !== this.memory;
      return { batch, own: false };
    }
    for (const folder of this.folders) folder.removeIfEmpty();
    return undefined;
  }
}
