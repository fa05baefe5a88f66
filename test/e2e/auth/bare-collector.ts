import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningCollector, startCollector } from '../../../clickhouse/dist/stack/index.js';

export interface BareCollector {
  /** Its OTLP/HTTP receiver, in both spellings. */
  readonly http: string;
  readonly https: string;
  readonly grpcPort: number;
  readonly metricsUrl: string;
  log(): string;
  stop(): Promise<void>;
}

/** The real Collector with otel-collector.yaml and no ClickHouse behind it: what it takes waits in its queue. */
export async function startBareCollector(
  path: string,
  scratch: string,
  env: Readonly<Record<string, string>>,
): Promise<BareCollector> {
  const said: string[] = [];
  const running: RunningCollector = await startCollector({
    path,
    config: join(import.meta.dirname, '..', '..', '..', 'otel-collector.yaml'),
    queueDir: mkdtempSync(join(scratch, 'queue-')),
    clickhouse: { url: 'http://127.0.0.1:9', user: 'nobody', password: 'none', database: 'client_cost' },
    otlpPort: 0,
    otlpGrpcPort: 0,
    env: { COLLECTOR_METRICS_INTERVAL_MS: '1000', ...env },
    log: (line) => said.push(line),
  });
  return {
    http: running.httpUrl,
    https: running.httpUrl.replace('http:', 'https:'),
    grpcPort: Number(new URL(running.grpcUrl).port),
    metricsUrl: running.metricsUrl,
    log: () => said.join('\n'),
    stop: () => running.stop(),
  };
}
