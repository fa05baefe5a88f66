import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually, queryRows } from '../support/stack.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'client-cost-start-'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 }));

interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  out: string;
  err: string;
}

/** `client-cost start` in a process group of its own, as a terminal would run it. */
function start(...args: string[]): Started {
  const script = join(import.meta.dirname, '..', 'support', 'start-command.mjs');
  const child = spawn(process.execPath, [script, '--data-dir', dataDir, ...args], {
    detached: true,
    env: { ...process.env, PATH: '' },
  });
  const started: Started = { child, exited: new Promise((resolve) => child.once('close', resolve)), out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    started.out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    started.err += chunk;
  });
  return started;
}

const anyPorts = ['--clickhouse-port', '0', '--otlp-port', '0', '--otlp-grpc-port', '0'];

describe('client-cost start', () => {
  it('stays up, says how to use it, refuses a second one on the same data, and ends on Ctrl-C', async () => {
    const first = start('--collector', 'none', ...anyPorts);
    await eventually('it is up', async () => (first.out.includes('Ctrl-C ends it') ? true : undefined), 60);
    // Whatever this machine has: PATH is empty there.
    expect(first.out).toMatch(/^Grafana {6}none: no grafana on PATH: install it .*docs\/grafana-import\.md/m);
    const value = (name: string) => new RegExp(`export ${name}='(.*)'`).exec(first.out)?.[1] ?? `no ${name}`;
    expect(value('CLIENT_COST_EXPORTER')).toBe('clickhouse');
    const address = {
      url: value('CLICKHOUSE_URL'),
      user: value('CLICKHOUSE_USER'),
      database: value('CLICKHOUSE_DATABASE'),
    };
    const rows = await queryRows(
      { ...address, password: value('CLICKHOUSE_PASSWORD') },
      'SELECT count() AS n FROM usage_events',
    );
    expect(rows).toEqual([{ n: 0 }]);

    const second = start('--collector', 'none', ...anyPorts);
    expect(await second.exited).toBe(1);
    expect(second.err).toMatch(/client-cost start: The data directory .* is in use by process \d+/);
    expect(second.out).toBe('');

    // A terminal's Ctrl-C reaches the whole process group; the parts must still end in order.
    process.kill(-first.child.pid!, 'SIGINT');
    expect(await first.exited).toBe(0);
    expect(first.err).toMatch(/SIGINT: ending\n$/);
  });

  it('names what is wrong with an option', async () => {
    const port = start('--otlp-port', '99999');
    expect(await port.exited).toBe(1);
    expect(port.err).toContain("'99999' is invalid. A port is a number from 0 to 65535.");
    const choice = start('--collector', 'sometimes');
    expect(await choice.exited).toBe(1);
    expect(choice.err).toContain('Allowed choices are auto, required, none.');
  });
});
