import type { ExporterConfig } from './config.ts';
import { ClickHouseTransport } from './sender/clickhouse.ts';
import { OtlpTransport } from './sender/otlp.ts';
import type { BatchLimits, Transport } from './types.ts';

const MAX_BATCH_BYTES = 1024 * 1024;

/** The destination that the configuration names. */
export function createTransport(config: ExporterConfig): Transport {
  const { timeoutMs, gzip } = config.otlp;
  if (config.exporter === 'clickhouse') return new ClickHouseTransport({ ...config.clickhouse, timeoutMs, gzip });
  return new OtlpTransport(config.otlp);
}

/** At most this much in one request. */
export function batchLimits(config: ExporterConfig): BatchLimits {
  return { maxEvents: config.batchSize, maxBytes: MAX_BATCH_BYTES };
}
