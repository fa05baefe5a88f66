// Starts a whole stack, prints the process ids and waits to be killed. For test/e2e/stack.test.ts.
import { startStack } from '../../clickhouse/dist/stack/index.js';

const stack = await startStack({ dataDir: process.argv[2], collector: process.argv[3] });
console.log(JSON.stringify(stack.pids()));
setInterval(() => {}, 1_000);
