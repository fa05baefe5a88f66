import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { collector, skipWithoutCollector } from '../support/stack.ts';

const config = join(import.meta.dirname, '..', '..', 'otel-collector.yaml');

/** Every time in the Collector's effective configuration, defaults included: what it bounds. None of them is how long data is kept or tried. */
const TIMES: readonly (readonly [RegExp, string, string])[] = [
  [/^exporters\.[^.]+\.retry_on_failure\.initial_interval$/, '1s', 'first pause between attempts'],
  [/^exporters\.[^.]+\.retry_on_failure\.max_interval$/, '30s', 'longest pause between attempts'],
  [/^exporters\.[^.]+\.retry_on_failure\.max_elapsed_time$/, '0s', '0: attempts never end'],
  [/^exporters\.[^.]+\.sending_queue\.batch\.flush_timeout$/, '1s', 'how long events gather'],
  [/^exporters\.[^.]+\.timeout$/, '3m0s', 'one attempt; the next one follows'],
  [/^exporters\.[^.]+\.ttl$/, '0s', '0: the tables it would make have no TTL; it makes none'],
  [/^extensions\.file_storage\.timeout$/, '10s', 'waiting for the lock of a queue file'],
  [/^extensions\.file_storage\.compaction\.check_interval$/, '5s', 'how often shrinking is considered'],
  [/^extensions\.health_check\.check_collector_pipeline\.interval$/, '5m', 'off'],
  [/^extensions\.health_check\.(read_header|write)_timeout$/, '0s', 'a connection of the health check'],
  [/^processors\.memory_limiter\.check_interval$/, '1s', 'how often memory is looked at'],
  [/^processors\.memory_limiter\.max_gc_interval_when_(hard|soft)_limited$/, '30s', 'garbage collection'],
  [/^processors\.memory_limiter\.min_gc_interval_when_hard_limited$/, '0s', 'garbage collection'],
  [/^processors\.memory_limiter\.min_gc_interval_when_soft_limited$/, '10s', 'garbage collection'],
  [/^receivers\.[^.]+\.protocols\.grpc\.keepalive\.server_parameters\.max_connection_idle$/, '10m0s', 'a connection'],
  [/^receivers\.[^.]+\.protocols\.http\.idle_timeout$/, '2m0s', 'a connection'],
  [/^receivers\.[^.]+\.protocols\.http\.read_header_timeout$/, '10s', 'a request before its acknowledgement'],
  [/^receivers\.[^.]+\.protocols\.http\.read_timeout$/, '1m0s', 'a request before its acknowledgement'],
  [/^receivers\.[^.]+\.protocols\.http\.write_timeout$/, '1m30s', 'a request before its acknowledgement'],
  [/^service\.telemetry\.logs\.sampling\.tick$/, '10s', 'its own log'],
  [/^receivers\.[^.]+\.protocols\.(grpc|http)\.tls\.reload_interval$/, '1m0s', 'how often certificates are read'],
];

function flat(value: unknown, path = ''): [string, unknown][] {
  if (value === null || typeof value !== 'object') return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, path === '' ? key : `${path}.${key}`));
}

describe.skipIf(skipWithoutCollector)('the Collector’s effective configuration', () => {
  const print = () =>
    flat(
      parse(
        execFileSync(collector!.path, ['print-config', '--config', config, '--mode', 'unredacted'], {
          encoding: 'utf8',
          env: {},
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      ),
    );

  it('has no time after which data is given up, and no time that nobody has looked at', () => {
    const times = print().filter(
      ([, value]) => typeof value === 'string' && /^(\d+(\.\d+)?(h|m|s|ms|us|ns))+$/.test(value),
    );
    expect(times.length).toBeGreaterThan(20);
    const unknown = times.filter(
      ([path, value]) => !TIMES.some(([pattern, expected]) => pattern.test(path) && value === expected),
    );
    expect(unknown).toEqual([]);
    for (const [pattern, , what] of TIMES)
      expect(
        times.some(([path]) => pattern.test(path)),
        what,
      ).toBe(true);
  });

  it('takes no record that is too large for a batch: the batcher would drop it', () => {
    const all = new Map(print());
    const of = (pattern: RegExp) => [...all].filter(([path]) => pattern.test(path)).map(([, value]) => Number(value));
    const batches = of(/sending_queue\.batch\.max_size$/);
    const bodies = of(/http\.max_request_body_size$/);
    const messages = of(/grpc\.max_recv_msg_size_mib$/).map((mib) => mib * 2 ** 20);
    expect([batches.length, bodies.length, messages.length]).toEqual([2, 4, 4]);
    expect(Math.min(...batches)).toBeGreaterThan(Math.max(...bodies, ...messages) * 1.1);
  });
});
