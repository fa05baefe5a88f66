const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What reaches `unhandledRejection` while something runs that nobody catches: waits for the first, up to five seconds, and for more after it. */
export async function unhandledRejections(run: () => unknown, show: (reason: unknown) => unknown): Promise<unknown[]> {
  const seen: unknown[] = [];
  const note = (reason: unknown) => void seen.push(show(reason));
  process.on('unhandledRejection', note);
  try {
    run();
    for (let i = 0; i < 500 && seen.length === 0; i++) await pause(10);
    await pause(200);
  } finally {
    process.off('unhandledRejection', note);
  }
  return seen;
}
