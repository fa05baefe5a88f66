// node guard.js <command> [args…]: runs the command and ends it when our standard input closes, which happens when the
// process that started us goes away, however it went. A Go program cannot notice that itself.
import { spawn } from 'node:child_process';

const GRACE_MS = 15_000;
const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  process.stderr.write('guard: no command given\n');
  process.exit(2);
}

const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
// The parent's way to the process itself: our own id is only the guard's.
process.stdout.write(`${JSON.stringify({ guarded: child.pid })}\n`);
let stopping = false;
const stop = () => {
  if (stopping) return;
  stopping = true;
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
};

process.stdin.on('end', stop).on('close', stop).on('error', stop).resume();
process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', stop);
// Writing to a parent that is gone must not end us before the child has ended.
process.stdout.on('error', stop);
process.stderr.on('error', stop);

child.on('error', (error) => {
  process.stderr.write(`guard: ${error.message}\n`);
  process.exit(127);
});
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGTERM' && stopping ? 0 : 1)));
