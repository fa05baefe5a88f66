// The calls in a worker thread.
const { Worker } = require('node:worker_threads');
const { join } = require('node:path');

new Worker(join(__dirname, 'calls.cjs'), { argv: process.argv.slice(2) });
