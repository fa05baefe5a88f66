import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

/** Layout of the directory; a newer one than this is not touched. */
const LAYOUT = 1;

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
  /** Start time of the process in kernel ticks (Linux), so that a reused pid is not taken for the owner. */
  readonly ticks: string | null;
}

/** Somebody else has the directory, or it is not one of ours. */
export class DataDirError extends Error {
  override readonly name = 'DataDirError';
}

/** The engine's directory: `clickhouse/` (the engine's own), `config/`, `uploads/`, `engine.json`, `engine.lock`. */
export class DataDir {
  readonly root: string;
  readonly store: string;
  readonly config: string;
  readonly uploads: string;
  readonly #lock: string;
  readonly #content: string;

  private constructor(root: string, content: string) {
    this.root = root;
    this.store = join(root, 'clickhouse');
    this.config = join(root, 'config');
    this.uploads = join(root, 'uploads');
    this.#lock = join(root, 'engine.lock');
    this.#content = content;
  }

  /**
   * Takes the directory for this process; a lock whose process is gone is taken over.
   * @throws DataDirError naming the process that holds it.
   */
  static acquire(directory: string): DataDir {
    const root = resolve(directory);
    if (directory === '' || /[\\\0]/.test(root)) {
      throw new DataDirError(
        `The data directory ${JSON.stringify(directory)} is no path that the engine can use (empty, or with a backslash or NUL in it).`,
      );
    }
    try {
      mkdirSync(root, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new DataDirError(`Cannot create the data directory ${root}: ${(error as Error).message}`, { cause: error });
    }
    const owner: Owner = {
      pid: process.pid,
      host: hostname(),
      started: new Date().toISOString(),
      ticks: ticks(process.pid),
    };
    const dir = new DataDir(root, JSON.stringify(owner));
    dir.#take();
    try {
      dir.#checkLayout();
      rmSync(dir.uploads, { recursive: true, force: true });
      for (const path of [dir.store, dir.config, dir.uploads]) mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      dir.release();
      throw error;
    }
    return dir;
  }

  /** Notes the engine's version. @throws DataDirError when a newer engine wrote the directory before. */
  recordVersion(version: string): void {
    writeFileSync(join(this.root, 'engine.json'), `${JSON.stringify({ layout: LAYOUT, engine: 'chdb', version })}\n`);
  }

  /** Version of the engine that wrote the directory last; undefined for a new one. */
  recordedVersion(): string | undefined {
    return this.#record()?.version;
  }

  release(): void {
    if (read(this.#lock) === this.#content) rmSync(this.#lock, { force: true });
  }

  #take(): void {
    const mine = `${this.#lock}.${process.pid}.new`;
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        // Linked under its name only when whole: a half-written lock would look stale to others.
        writeFileSync(mine, this.#content, { mode: 0o600 });
        linkSync(mine, this.#lock);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
          throw new DataDirError(`Cannot lock the data directory ${this.root}: ${(error as Error).message}`, {
            cause: error,
          });
        }
      } finally {
        rmSync(mine, { force: true });
      }
      const found = read(this.#lock);
      if (found === undefined) continue;
      this.#refuseIfAlive(found);
      // Stale. Move it away; if it changed meanwhile, somebody was faster: put theirs back.
      const aside = `${this.#lock}.${process.pid}`;
      try {
        renameSync(this.#lock, aside);
      } catch {
        continue;
      }
      if (read(aside) !== found) renameSync(aside, this.#lock);
      else rmSync(aside, { force: true });
    }
    throw new DataDirError(`Cannot lock the data directory ${this.root}: other processes keep taking it.`);
  }

  #refuseIfAlive(content: string): void {
    let owner: Owner;
    try {
      owner = JSON.parse(content) as Owner;
    } catch {
      return; // Not one of ours.
    }
    const where = `The data directory ${this.root} is in use by process ${owner.pid}`;
    if (owner.host !== hostname()) {
      throw new DataDirError(
        `${where} on host ${owner.host} since ${owner.started}. Stop it there; if that host is gone, delete ${this.#lock}.`,
      );
    }
    if (!isAlive(owner)) return;
    throw new DataDirError(
      `${where} since ${owner.started}. One process at a time can own it: stop that one (kill ${owner.pid}), use its address, or choose another directory.`,
    );
  }

  #record(): { layout: number; version: string } | undefined {
    const text = read(join(this.root, 'engine.json'));
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as { layout: number; version: string };
    } catch {
      return undefined; // Torn; it is written anew at every start.
    }
  }

  #checkLayout(): void {
    const record = this.#record();
    if (record !== undefined && record.layout > LAYOUT) {
      throw new DataDirError(
        `The data directory ${this.root} has layout ${record.layout}, this version of client-cost knows up to ${LAYOUT}. Update client-cost, or choose another directory.`,
      );
    }
  }
}

/** @throws DataDirError when `recorded` is a newer release (year.month) than `running`: ClickHouse reads no newer formats. */
export function checkVersion(root: string, recorded: string | undefined, running: string): void {
  if (recorded === undefined) return;
  const [a = 0, b = 0] = recorded.split('.').map(Number);
  const [c = 0, d = 0] = running.split('.').map(Number);
  if (a < c || (a === c && b <= d)) return;
  throw new DataDirError(
    `The data directory ${root} was written by ClickHouse ${recorded}; this engine is ${running} and may not read it. Install the newer chdb, or choose another directory.`,
  );
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = ticks(owner.pid);
  return owner.ticks === null || now === null || now === owner.ticks;
}

/** Field 22 of /proc/<pid>/stat; null where there is no /proc. */
function ticks(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
