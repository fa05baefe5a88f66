// Runs `client-cost start` with the given arguments. For test/e2e/start.test.ts.
import { startCommand } from '../../clickhouse/dist/cli/start.js';

await startCommand().parseAsync(process.argv);
