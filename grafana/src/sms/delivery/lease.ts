import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { transaction } from '../store/open.ts';
import type { SmsDeps } from '../types.ts';

/** Senders that live in this process: another with our process id is an earlier life of a container. */
const alive = new Set<string>();

/** Who sends: at most one process per file. */
export interface Lease {
  /** Takes or keeps it. `gained`: it was somebody else's, or nobody's. */
  hold(): 'held' | 'gained' | 'other';
  release(): void;
}

/** A lease that is not renewed for `ms` is free, and at once where its holder is known to be gone. */
export function createLease({ db, clock }: SmsDeps, ms: number): Lease {
  const me = `${hostname()}/${process.pid}/${randomUUID()}`;
  return {
    hold: () =>
      transaction(db, () => {
        const now = clock.now();
        const row = db.prepare("SELECT holder, until FROM lease WHERE name = 'sender'").get() as
          | { holder: string; until: number }
          | undefined;
        if (row !== undefined && row.holder !== me && row.until > now && !isGone(row.holder)) return 'other';
        // Written twice in its life, not at every look: each commit waits for the disk.
        if (row?.holder === me && row.until > now + ms / 2) return 'held';
        alive.add(me);
        db.prepare(
          `INSERT INTO lease (name, holder, until) VALUES ('sender', ?, ?)
          ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until`,
        ).run(me, now + ms);
        return row?.holder === me ? 'held' : 'gained';
      }),
    release() {
      alive.delete(me);
      db.prepare("DELETE FROM lease WHERE name = 'sender' AND holder = ?").run(me);
    },
  };
}

function isGone(holder: string): boolean {
  const [host, pid] = holder.split('/');
  if (host !== hostname()) return false;
  if (Number(pid) === process.pid) return !alive.has(holder);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
