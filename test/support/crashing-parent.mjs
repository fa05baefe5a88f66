// Starts a whole stack, prints the process ids and waits to be killed. For test/e2e/stack.test.ts and grafana-start.test.ts.
import { startStack } from '../../clickhouse/dist/stack/index.js';

const [, , dataDir, collector, grafana = 'none'] = process.argv;
const stack = await startStack({ dataDir, collector, grafana });
console.log(JSON.stringify(stack.pids()));
setInterval(() => {}, 1_000);
