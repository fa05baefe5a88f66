/** How service-main.ts ends when its parent says so. */
export const ENDS = {
  /** Events are pending, calls are under way. */
  exit: () => process.exit(3),
  exitKilledBefore: () => {
    process.prependListener('exit', () => process.kill(process.pid, 'SIGKILL'));
    process.exit();
  },
  exitKilledAfter: () => {
    process.on('exit', () => process.kill(process.pid, 'SIGKILL'));
    process.exit();
  },
  throw: () => {
    setTimeout(() => {
      throw new Error('nobody catches this');
    });
  },
  reject: () => {
    void Promise.reject(new Error('nobody handles this'));
  },
  abort: () => process.abort(),
  /** Fills the heap, a piece at a time so that calls go on meanwhile, until V8 gives up. */
  memory: () => {
    const kept: object[] = [];
    const more = () => {
      for (let i = 0; i < 100_000; i++) kept.push({ i });
      setImmediate(more);
    };
    more();
  },
} as const;

export type End = keyof typeof ENDS;
