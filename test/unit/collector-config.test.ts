import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..', '..');

interface Exporter {
  endpoint: string;
  create_schema: boolean;
  compress: string;
  async_insert: boolean;
  connection_params: Record<string, string>;
  sending_queue: {
    enabled: boolean;
    storage?: string;
    block_on_overflow: boolean;
    num_consumers: number;
    batch?: { sizer: string; min_size: number; max_size: number };
  };
  retry_on_failure: { enabled: boolean; max_elapsed_time: number };
}
interface Pipeline {
  receivers: string[];
  processors: string[];
  exporters: string[];
}
interface Protocol {
  endpoint: string;
  auth?: { authenticator: string };
  tls?: Record<string, unknown>;
}
interface Config {
  extensions: Record<string, Record<string, unknown>>;
  receivers: Record<string, { protocols: Record<string, Protocol> }>;
  processors: Record<string, { error_mode?: string; log_conditions?: string[] }>;
  exporters: Record<string, Exporter>;
  service: { extensions: string[]; pipelines: Record<string, Pipeline> };
}

const text = readFileSync(join(root, 'otel-collector.yaml'), 'utf8');
const config = parse(text, { merge: true }) as Config;
const exporters = Object.entries(config.exporters);
const pipelines = Object.entries(config.service.pipelines);

describe('otel-collector.yaml: settings whose defaults lose data', () => {
  it.each(exporters)('%s: queue on disk, batches behind it, retry without end', (_name, exporter) => {
    expect(exporter.sending_queue.enabled).toBe(true);
    expect(exporter.sending_queue.storage).toBe('file_storage');
    // By bytes: large events must not become one insert that nobody has the memory for.
    expect(exporter.sending_queue.batch?.sizer).toBe('bytes');
    expect(exporter.retry_on_failure.enabled).toBe(true);
    expect(exporter.retry_on_failure.max_elapsed_time).toBe(0);
  });

  it.each(exporters)('%s: an acknowledged insert is written', (_name, exporter) => {
    expect(exporter.async_insert).toBe(false);
    expect(exporter.compress).toBe('none');
    expect(exporter.create_schema).toBe(false);
    expect(exporter.connection_params).toEqual({
      throw_on_max_partitions_per_insert_block: '0',
      wait_end_of_query: '1',
      send_progress_in_http_headers: '0',
      wait_for_async_insert: '1',
      materialized_views_ignore_errors: '0',
    });
  });

  it('a full queue of usage events makes the sender wait, and drops nothing', () => {
    expect(config.exporters['clickhouse/usage']?.sending_queue.block_on_overflow).toBe(true);
  });

  it('the queue is flushed to the disk before the acknowledgement, and never replaced by an empty one', () => {
    expect(config.extensions.file_storage).toMatchObject({ fsync: true, create_directory: true, recreate: false });
    expect(config.service.extensions).toContain('file_storage');
  });

  it('no pipeline acknowledges early or samples', () => {
    for (const [name, { processors, receivers }] of pipelines) {
      expect(receivers.join(), name).toMatch(/^\$\{env:OTLP_RECEIVER:-otlp\}$/);
      expect(processors[0], name).toBe('memory_limiter');
      for (const processor of processors)
        expect(processor).toMatch(/^(memory_limiter|filter\/\w+|transform\/event_name)$/);
    }
  });
});

describe('otel-collector.yaml: usage events go their own way', () => {
  it('have an exporter, and so a queue, that nothing else uses', () => {
    const users = pipelines.filter(([, { exporters: used }]) => used.includes('clickhouse/usage'));
    expect(users.map(([name]) => name)).toEqual(['logs/usage']);
    expect(config.service.pipelines['logs/usage']?.exporters).toEqual(['clickhouse/usage']);
  });

  it('every log record goes down exactly one of the two log pipelines', () => {
    expect(config.processors['filter/usage_only']?.log_conditions).toEqual(['log.event_name != "client_cost.usage"']);
    expect(config.processors['filter/all_but_usage']?.log_conditions).toEqual([
      'log.event_name == "client_cost.usage"',
    ]);
    expect(config.service.pipelines['logs/usage']?.processors).toContain('filter/usage_only');
    expect(config.service.pipelines['logs/other']?.processors).toContain('filter/all_but_usage');
    for (const name of ['filter/usage_only', 'filter/all_but_usage']) {
      expect(config.processors[name]?.error_mode).toBe('ignore');
    }
  });

  it('a full queue of other telemetry holds up no sender', () => {
    expect(config.exporters['clickhouse/telemetry']?.sending_queue.block_on_overflow).toBe(false);
  });
});

describe('otel-collector.yaml: one file for Docker and a local Collector', () => {
  it('every address, folder, user and password comes from the environment, and every variable has a default', () => {
    const protocols = Object.values(config.receivers).flatMap((receiver) => Object.values(receiver.protocols));
    expect(protocols).toHaveLength(8);
    for (const protocol of protocols) {
      expect(protocol.endpoint).toMatch(/^\$\{env:OTLP_HOST:-127\.0\.0\.1\}:\$\{env:OTLP_(HTTP|GRPC)_PORT:-\d+\}$/);
    }
    // A secret may come from a file: ${${env:NAME_FROM:-env:NAME:-}}.
    const variables = [...text.matchAll(/\$\{(?:\$\{)?([^}]*)\}/g)].map((match) => match[1]!);
    expect(variables.length).toBeGreaterThan(10);
    for (const variable of variables) expect(variable).toMatch(/^env:[A-Z_]+:-|^file:/);
  });

  it.each(['otlp/token', 'otlp/tls'])('%s wants a token, on both protocols', (name) => {
    for (const protocol of Object.values(config.receivers[name]!.protocols)) {
      expect(protocol.auth).toEqual({ authenticator: 'bearertokenauth' });
    }
  });

  it('no token is no valid token', () => {
    // A list with an empty text would let in whoever says `Bearer ` over gRPC.
    expect(config.extensions.bearertokenauth).toEqual({
      token: expect.stringMatching(/^ \$\{env:OTLP_TOKEN:-\} $/),
      filename: expect.stringMatching(/^\$\{env:OTLP_TOKEN_FILE:-\}$/),
    });
  });

  it('otlp/tls and otlp/mtls: TLS 1.3, files that may be renewed; otlp/mtls wants a client certificate', () => {
    for (const name of ['otlp/tls', 'otlp/mtls']) {
      for (const { tls } of Object.values(config.receivers[name]!.protocols)) {
        expect(tls, name).toMatchObject({ min_version: expect.stringMatching(/:-1\.3\}$/) });
        expect(tls?.reload_interval, name).toBeDefined();
        expect(tls?.client_ca_file !== undefined, name).toBe(name === 'otlp/mtls');
      }
    }
  });

  it.each(Object.keys(config.receivers))('%s bounds bodies, headers, idle connections and streams', (name) => {
    const { http, grpc } = config.receivers[name]!.protocols;
    expect(http).toMatchObject({
      max_request_body_size: 20 * 1024 * 1024,
      read_header_timeout: '10s',
      read_timeout: '60s',
      write_timeout: '90s',
      keepalive: { idle_timeout: '120s' },
    });
    expect(grpc).toMatchObject({ max_recv_msg_size_mib: 20, max_concurrent_streams: 100 });
  });

  it('docker-compose.yml sets only variables that the file reads', () => {
    const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8')) as {
      services: { collector: { environment: Record<string, string> } };
    };
    for (const name of Object.keys(compose.services.collector.environment)) expect(text).toContain(`env:${name}:-`);
  });

  it('uses only components that the manifest builds', () => {
    const manifest = readFileSync(join(root, 'collector', 'manifest.yaml'), 'utf8');
    const sections: [string, string][] = [
      ...Object.keys(config.processors).map((name): [string, string] => [name, 'processor']),
      ...Object.keys(config.exporters).map((name): [string, string] => [name, 'exporter']),
      ['otlp', 'receiver'],
      ['health_check', 'extension'],
      ['bearertokenauth', 'extension'],
      ['file_storage', ''],
    ];
    for (const [name, kind] of sections) {
      const module = `/${name.split('/')[0]!.replaceAll('_', '')}${kind} v0.161.0`;
      expect(manifest).toContain(module);
    }
  });

  it('manifest and pins agree', () => {
    const manifest = parse(readFileSync(join(root, 'collector', 'manifest.yaml'), 'utf8')) as Record<string, unknown>;
    const pins = readFileSync(join(root, 'collector', 'go.mod'), 'utf8');
    const { replaces, ...sections } = manifest;
    const modules = Object.values(sections).flatMap((section) =>
      Array.isArray(section) ? section.map((item: { gomod: string }) => item.gomod) : [],
    );
    expect(modules.length).toBe(13);
    for (const module of modules) expect(pins).toContain(module);
    expect(replaces).toEqual(['go.opentelemetry.io/collector/exporter/exporterhelper => ../exporterhelper']);
    expect(pins).toContain(`replace ${replaces as string[]}`);
  });
});
