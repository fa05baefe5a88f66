// The embedded engine as a child process. Its options come as one line of JSON on standard input (passwords show up in
// no process list); it answers with one line of JSON, and ends when standard input closes, so never outlives its parent.
import { createInterface } from 'node:readline';
import { type Engine, type EngineOptions, startEngine } from '../engine/index.ts';

let engine: Engine | undefined;
let starting: Promise<void> | undefined;
let ending = false;

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  await starting?.catch(() => {});
  await engine?.close().catch((error: Error) => process.stderr.write(`engine: ${error.message}\n`));
  process.exit(code);
}

const logger = {
  info: () => {},
  warn: (message: string) => process.stderr.write(`${message}\n`),
  error: (message: string) => process.stderr.write(`${message}\n`),
};

async function start(line: string): Promise<void> {
  const options = JSON.parse(line) as EngineOptions;
  engine = await startEngine({ ...options, logger });
  process.stdout.write(`${JSON.stringify({ url: engine.url, port: engine.port })}\n`);
}

process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
process.on('SIGTERM', () => void end(0)).on('SIGINT', () => void end(0));

createInterface({ input: process.stdin })
  .once('line', (line) => {
    starting = start(line);
    starting.catch((error: Error) => {
      process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
      void end(1);
    });
  })
  .once('close', () => void end(0));
