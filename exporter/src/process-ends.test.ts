import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Lab } from './testing/child.ts';
import { arrivedAt, eventIds as ids, Sink } from './testing/sink.ts';

let lab: Lab;
let sink: Sink;

beforeEach(async () => {
  lab = new Lab();
  sink = await Sink.start();
});

afterEach(async () => {
  await sink.stop();
  lab.remove();
});

const arrived = () => arrivedAt(sink);
/** Spool folders that still hold something. */
const left = () => readdirSync(lab.spool).filter((name) => name.startsWith('w-') || name.startsWith('r-'));

test('a program that returns delivers everything, in one piece, and leaves no file', async () => {
  const ended = await lab.run(
    sink.url,
    'send(0, 2500); console.log("out"); console.error("err"); process.exitCode = 7;',
  );
  expect(ended).toMatchObject({ code: 7, signal: null, stdout: 'out\n', stderr: 'err\n' });
  expect(arrived()).toEqual(ids(0, 2500));
  expect(sink.accepted).toHaveLength(2500);
  expect(left()).toEqual([]);
  expect(ended.ms).toBeLessThan(4000);
});

test('a program with nothing to send is not held', async () => {
  const bare = await lab.run(sink.url, '', { prelude: false });
  const ended = await lab.run(sink.url, '');
  expect(ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(ended.ms - bare.ms).toBeLessThan(600);
  expect(sink.requests).toEqual([]);
});

test.each([
  ['process.exit(3)', 'send(0, 50); process.exit(3);', 3],
  ['process.exit() inside a timer', 'send(0, 50); setTimeout(() => { send(50, 60); process.exit(4); }, 20);', 4],
])('%s: delivered, exit code kept', async (_name, body, code) => {
  const ended = await lab.run(sink.url, `console.log('out'); ${body}`, { env: { NODE_OPTIONS: '--no-warnings' } });
  expect(ended).toMatchObject({ code, signal: null, stdout: 'out\n', stderr: '' });
  expect(arrived()).toEqual(ids(0, code === 3 ? 50 : 60));
  expect(left()).toEqual([]);
});

test.each([
  ['uncaught exception', 'throw new Error("boom");'],
  ['unhandled rejection', 'Promise.reject(new Error("boom"));'],
])('%s: delivered, the same report and exit code as without us', async (_name, fault) => {
  const without = await lab.run(sink.url, `console.log('out');\n${fault}`, { prelude: false });
  const ended = await lab.run(sink.url, `send(0, 10); console.log('out');\n${fault}`);
  expect(ended).toMatchObject({ code: without.code, signal: without.signal, stdout: 'out\n' });
  const gist = (stderr: string) =>
    stderr.split('\n').filter((line) => !/^\s+at |app-\d+\.cjs|^\s*\^/.test(line) && line !== fault);
  expect(gist(ended.stderr).filter((line) => !line.startsWith('send('))).toEqual(gist(without.stderr));
  expect(ended.code).toBe(1);
  expect(arrived()).toEqual(ids(0, 10));
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s without a handler: delivered, then dies of the signal',
  async (signal) => {
    const ended = await lab.run(sink.url, `setInterval(() => {}, 1000); send(0, 100); console.log('ready');`, {
      onLine: (_line, pid) => process.kill(pid, signal),
    });
    expect(ended).toMatchObject({ code: null, signal, stdout: 'ready\n', stderr: '' });
    expect(arrived()).toEqual(ids(0, 100));
    expect(left()).toEqual([]);
  },
);

test('SIGTERM with the own handler of the application: it decides, once, and events it causes are delivered', async () => {
  const body = `
    process.on('SIGTERM', () => {
      console.log('handlers ' + process.listenerCount('SIGTERM'));
      send(100, 110);
      setTimeout(() => process.exit(0), 100);
    });
    setInterval(() => {}, 1000); send(0, 100); console.log('ready');`;
  const ended = await lab.run(sink.url, body, {
    onLine: (line, pid) => {
      if (line === 'ready') process.kill(pid, 'SIGTERM');
    },
  });
  expect(ended).toMatchObject({ code: 0, signal: null, stdout: 'ready\nhandlers 1\n', stderr: '' });
  expect(arrived()).toEqual(ids(0, 110));
});

test('a handler that ignores the signal keeps the process alive, every time', async () => {
  const body = `
    let n = 0;
    process.on('SIGHUP', () => { console.log('reload ' + ++n); if (n === 3) process.exit(9); });
    setInterval(() => {}, 1000); send(0, 5); console.log('ready');`;
  const ended = await lab.run(sink.url, body, {
    onLine: (line, pid) => {
      if (line !== 'reload 3') setTimeout(() => process.kill(pid, 'SIGHUP'), 50);
    },
  });
  expect(ended).toMatchObject({ code: 9, stdout: 'ready\nreload 1\nreload 2\nreload 3\n' });
  expect(arrived()).toEqual(ids(0, 5));
});

test('a listener that counts listeners to decide who ends the process (signal-exit) still ends it', async () => {
  const body = `
    const listener = () => {
      if (process.listeners('SIGTERM').length === 1) { process.removeListener('SIGTERM', listener); process.kill(process.pid, 'SIGTERM'); }
    };
    process.on('SIGTERM', listener);
    setInterval(() => {}, 1000); send(0, 5); console.log('ready');`;
  const ended = await lab.run(sink.url, body, { onLine: (_line, pid) => process.kill(pid, 'SIGTERM') });
  expect(ended).toMatchObject({ code: null, signal: 'SIGTERM' });
  // Killed by itself at once: the events wait for the next start.
  await lab.run(sink.url, 'send(5, 6);');
  expect(arrived()).toEqual(ids(0, 6));
});

test('a process that outlives the signal (process 1 of a container) sends on, and dies of the next one as well as it can', async () => {
  const body = `
    const kill = process.kill;
    process.kill = (pid, signal) => pid === process.pid && signal === 'SIGHUP' ? true : kill.call(process, pid, signal);
    setInterval(() => {}, 1000); send(0, 5); console.log('ready');
    const names = ['beforeExit', 'exit', 'SIGTERM', 'SIGINT', 'SIGHUP'];
    setTimeout(async () => {
      send(5, 10);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      console.log(JSON.stringify([exporter.pending(), ...names.map((name) => process.listenerCount(name))]));
      kill.call(process, process.pid, 'SIGTERM');
    }, 800);`;
  const ended = await lab.run(sink.url, body, {
    env: { CLIENT_COST_FLUSH_INTERVAL_MS: '50' },
    onLine: (line, pid) => {
      if (line === 'ready') process.kill(pid, 'SIGHUP');
    },
  });
  expect(ended).toMatchObject({ code: null, signal: 'SIGTERM', stdout: 'ready\n[0,1,1,1,1,1]\n', stderr: '' });
  expect(arrived()).toEqual(ids(0, 10));
  expect(left()).toEqual([]);
});

test('what is refused and cannot be kept aside stays in the spool after process.exit()', async () => {
  mkdirSync(lab.spool);
  symlinkSync('nowhere/at/all', join(lab.spool, 'rejected.jsonl'));
  sink.behaviour = ({ ids: sent }) => (sent?.includes('e3') ? { status: 400, body: 'no' } : undefined);
  expect(await lab.run(sink.url, 'send(0, 5); process.exit(3);')).toMatchObject({ code: 3, stderr: '' });
  expect(sink.requests.length).toBeGreaterThan(0);
  expect(left()).toHaveLength(1);
  sink.behaviour = () => undefined;
  await lab.run(sink.url, 'send(5, 6);');
  expect(arrived()).toEqual(ids(0, 6));
});

test('collector down: the program ends soon, with its own code, and the next start replays', async () => {
  const { port, url } = sink;
  await sink.stop();
  const returned = await lab.run(url, 'send(0, 30);');
  const exited = await lab.run(url, 'send(30, 60); process.exit(2);');
  const killed = await lab.run(url, `send(60, 90); process.kill(process.pid, 'SIGKILL');`);
  expect(returned).toMatchObject({ code: 0, stderr: '' });
  expect(exited).toMatchObject({ code: 2, stderr: '' });
  expect(killed.signal).toBe('SIGKILL');
  expect(returned.ms).toBeLessThan(6000);
  sink = await Sink.start(undefined, port);
  await lab.run(url, 'send(90, 91);');
  expect(arrived()).toEqual(ids(0, 91));
  expect(left()).toEqual([]);
});

test('a slow collector holds the end only until the deadline', async () => {
  sink.behaviour = () => ({ status: 200, delayMs: 30_000 });
  const env = { CLIENT_COST_EXIT_TIMEOUT_MS: '700' };
  const returned = await lab.run(sink.url, 'send(0, 3);', { env });
  expect(returned.code).toBe(0);
  expect(returned.ms).toBeGreaterThan(700);
  expect(returned.ms).toBeLessThan(4000);
  const exited = await lab.run(sink.url, 'send(3, 5); process.exit(5);', { env });
  expect(exited.code).toBe(5);
  expect(exited.ms).toBeLessThan(5000);
  sink.behaviour = () => undefined;
  await lab.run(sink.url, 'send(5, 6);');
  expect(arrived()).toEqual(ids(0, 6));
});

test('a worker thread delivers at its own end, and so does the main thread', async () => {
  const body = `
    const { Worker, isMainThread } = require('node:worker_threads');
    if (isMainThread) {
      send(0, 5);
      new Worker(__filename).on('exit', (code) => { console.log('worker ' + code); });
      new Worker(__filename, { argv: ['exit'] }).on('exit', (code) => { console.log('worker ' + code); });
    } else if (process.argv.includes('exit')) { send(15, 20); process.exit(6); }
    else send(5, 15);`;
  const ended = await lab.run(sink.url, body);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout.split('\n').sort()).toEqual(['', 'worker 0', 'worker 6']);
  expect(arrived()).toEqual(ids(0, 20));
  expect(left()).toEqual([]);
});

test('cluster workers each deliver their own', async () => {
  const body = `
    const cluster = require('node:cluster');
    if (cluster.isPrimary) { send(0, 3); cluster.fork({ FROM: 3 }); cluster.fork({ FROM: 6 }); }
    else { const from = Number(process.env.FROM); send(from, from + 3); cluster.worker.disconnect(); }`;
  const ended = await lab.run(sink.url, body);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(arrived()).toEqual(ids(0, 9));
});

test('two exporters of one process share one set of handlers', async () => {
  const body = `
    const second = createUsageExporter({ resource: { attributes: {} } });
    second.emit({ id: 'e1', timeUnixNano: 1n, attributes: {} });
    send(0, 1);
    console.log(['beforeExit', 'exit', 'SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name)).join());
    process.exit(0);`;
  const ended = await lab.run(sink.url, body);
  expect(ended.stdout).toBe('1,1,1,1,1\n');
  expect(arrived()).toEqual(ids(0, 2));
});

test('after shutdown no handler and no timer is left', async () => {
  const body = `
    send(0, 3);
    exporter.shutdown().then((ok) => {
      console.log(ok, JSON.stringify(exporter.stats()));
      console.log(['beforeExit', 'exit', 'SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name)).join());
    });`;
  const ended = await lab.run(sink.url, body);
  expect(ended.stdout).toBe(
    'true {"emitted":3,"delivered":3,"pending":0,"failures":0,"replayed":0,"rejected":0,"dropped":0}\n0,0,0,0,0\n',
  );
  expect(left()).toEqual([]);
});

test.each([
  ['return', '', 0, null],
  ['signal', 'setInterval(() => {}, 1000);', null, 'SIGTERM'],
] as const)('last work may still emit, at once and later: %s', async (_name, alive, code, signal) => {
  const body = `
    const { onProcessEnd } = require(process.env.EXPORTER);
    onProcessEnd(async () => { send(1, 2); await new Promise((resolve) => setTimeout(resolve, 100)); send(2, 3); });
    ${alive} send(0, 1); console.log('ready');`;
  const ended = await lab.run(sink.url, body, {
    onLine: (_line, pid) => {
      if (signal !== null) process.kill(pid, signal);
    },
  });
  expect(ended).toMatchObject({ code, signal, stderr: '' });
  expect(arrived()).toEqual(ids(0, 3));
});
