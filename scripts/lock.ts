import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Creates the lock file with this process's id in it, whole or not at all. False when somebody holds it. */
function take(path: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

/** The live holder's process id; undefined when the lock is gone or its holder died. */
function holder(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    if (Number.isInteger(pid) && pid > 0 && isAlive(pid)) return pid;
    // Left behind by a process that died. Removed only if it is still that one.
    const age = Date.now() - statSync(path).mtimeMs;
    if (age > 1_000) rmSync(path, { force: true });
  } catch {
    // gone meanwhile
  }
  return undefined;
}

/**
 * Runs `work` while holding the lock file `path`; waits for another process that holds it, saying so every 10 s.
 * A lock whose process is dead is taken over.
 */
export async function withLock<T>(path: string, say: (line: string) => void, work: () => Promise<T>): Promise<T> {
  let told = 0;
  while (!take(path)) {
    const pid = holder(path);
    if (pid !== undefined && Date.now() - told > 10_000) {
      say(`Another process (${pid}) is building the same; waiting for it …`);
      told = Date.now();
    }
    await sleep(500);
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
