// node --require @client-cost/instrumentation/register app.js   (or --import; CommonJS and ESM applications)
import { createRequire } from 'node:module';

try {
  (createRequire(__filename)('./preload.js') as typeof import('./preload.ts')).preload();
} catch (error) {
  // A broken installation must not keep a service from starting.
  const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
  process.stderr.write(`client-cost: nothing is recorded, because register could not be loaded: ${reason}\n`);
}
