#!/usr/bin/env node
// Queries run in libuv's pool, four threads by default: raised before anything uses the pool.
process.env.UV_THREADPOOL_SIZE ??= '16';

const { main } = await import('./command.ts');
process.exitCode = await main(process.argv.slice(2), process.env);
