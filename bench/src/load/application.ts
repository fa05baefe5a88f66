/** An application of one line: the time from the start of the process to it. */
const { user, system } = process.cpuUsage();
const loaded = {
  wallMillis: performance.now(),
  cpuMillis: (user + system) / 1000,
  rssMiB: process.memoryUsage.rss() / 2 ** 20,
};
console.log(JSON.stringify(loaded));
process.exit(0);
