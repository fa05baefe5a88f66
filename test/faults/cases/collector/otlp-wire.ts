/**
 * OTLP requests as one tree and two encodings, protobuf and JSON, with no validation whatever: what a broken or hostile sender could send.
 * Field numbers: opentelemetry-proto 1.x.
 */

/** A protobuf message with the names of OTLP/JSON. Times and 64-bit numbers are bigints; bytes and broken strings are Uint8Arrays. */
export interface Tree {
  readonly [field: string]: unknown;
}

export type Signal = 'logs' | 'traces' | 'metrics';

type Kind =
  | 'string'
  | 'hex'
  | 'bytes'
  | 'bool'
  | 'varint'
  | 'sint'
  | 'fixed32'
  | 'fixed64'
  | 'double'
  | 'doubles'
  | 'fixed64s'
  | 'varints'
  | readonly string[];
type Schema = Record<string, readonly [number, Kind]>;

const SCHEMAS: Record<string, Schema> = {
  logs: { resourceLogs: [1, ['resourceLogs']] },
  resourceLogs: { resource: [1, ['resource']], scopeLogs: [2, ['scopeLogs']], schemaUrl: [3, 'string'] },
  scopeLogs: { scope: [1, ['scope']], logRecords: [2, ['log']], schemaUrl: [3, 'string'] },
  log: {
    timeUnixNano: [1, 'fixed64'],
    severityNumber: [2, 'varint'],
    severityText: [3, 'string'],
    body: [5, ['any']],
    attributes: [6, ['keyValue']],
    flags: [8, 'fixed32'],
    traceId: [9, 'hex'],
    spanId: [10, 'hex'],
    observedTimeUnixNano: [11, 'fixed64'],
    eventName: [12, 'string'],
  },
  traces: { resourceSpans: [1, ['resourceSpans']] },
  resourceSpans: { resource: [1, ['resource']], scopeSpans: [2, ['scopeSpans']], schemaUrl: [3, 'string'] },
  scopeSpans: { scope: [1, ['scope']], spans: [2, ['span']], schemaUrl: [3, 'string'] },
  span: {
    traceId: [1, 'hex'],
    spanId: [2, 'hex'],
    traceState: [3, 'string'],
    parentSpanId: [4, 'hex'],
    name: [5, 'string'],
    kind: [6, 'varint'],
    startTimeUnixNano: [7, 'fixed64'],
    endTimeUnixNano: [8, 'fixed64'],
    attributes: [9, ['keyValue']],
    events: [11, ['spanEvent']],
    links: [13, ['link']],
    status: [15, ['status']],
  },
  spanEvent: { timeUnixNano: [1, 'fixed64'], name: [2, 'string'], attributes: [3, ['keyValue']] },
  link: { traceId: [1, 'hex'], spanId: [2, 'hex'], traceState: [3, 'string'], attributes: [4, ['keyValue']] },
  status: { message: [2, 'string'], code: [3, 'varint'] },
  metrics: { resourceMetrics: [1, ['resourceMetrics']] },
  resourceMetrics: { resource: [1, ['resource']], scopeMetrics: [2, ['scopeMetrics']], schemaUrl: [3, 'string'] },
  scopeMetrics: { scope: [1, ['scope']], metrics: [2, ['metric']], schemaUrl: [3, 'string'] },
  metric: {
    name: [1, 'string'],
    description: [2, 'string'],
    unit: [3, 'string'],
    gauge: [5, ['points']],
    sum: [7, ['points']],
    histogram: [9, ['histogramPoints']],
    exponentialHistogram: [10, ['exponentialPoints']],
    summary: [11, ['summaryPoints']],
  },
  points: { dataPoints: [1, ['point']], aggregationTemporality: [2, 'varint'], isMonotonic: [3, 'bool'] },
  point: {
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    asDouble: [4, 'double'],
    exemplars: [5, ['exemplar']],
    asInt: [6, 'fixed64'],
    attributes: [7, ['keyValue']],
    flags: [8, 'varint'],
  },
  exemplar: {
    timeUnixNano: [2, 'fixed64'],
    asDouble: [3, 'double'],
    spanId: [4, 'hex'],
    traceId: [5, 'hex'],
    asInt: [6, 'fixed64'],
    filteredAttributes: [7, ['keyValue']],
  },
  histogramPoints: { dataPoints: [1, ['histogramPoint']], aggregationTemporality: [2, 'varint'] },
  histogramPoint: {
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    bucketCounts: [6, 'fixed64s'],
    explicitBounds: [7, 'doubles'],
    exemplars: [8, ['exemplar']],
    attributes: [9, ['keyValue']],
    min: [11, 'double'],
    max: [12, 'double'],
  },
  exponentialPoints: { dataPoints: [1, ['exponentialPoint']], aggregationTemporality: [2, 'varint'] },
  exponentialPoint: {
    attributes: [1, ['keyValue']],
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    scale: [6, 'sint'],
    zeroCount: [7, 'fixed64'],
    positive: [8, ['buckets']],
    negative: [9, ['buckets']],
    min: [12, 'double'],
    max: [13, 'double'],
  },
  buckets: { offset: [1, 'sint'], bucketCounts: [2, 'varints'] },
  summaryPoints: { dataPoints: [1, ['summaryPoint']] },
  summaryPoint: {
    startTimeUnixNano: [2, 'fixed64'],
    timeUnixNano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    quantileValues: [6, ['quantile']],
    attributes: [7, ['keyValue']],
  },
  quantile: { quantile: [1, 'double'], value: [2, 'double'] },
  resource: { attributes: [1, ['keyValue']] },
  scope: { name: [1, 'string'], version: [2, 'string'], attributes: [3, ['keyValue']] },
  keyValue: { key: [1, 'string'], value: [2, ['any']] },
  any: {
    stringValue: [1, 'string'],
    boolValue: [2, 'bool'],
    intValue: [3, 'varint'],
    doubleValue: [4, 'double'],
    arrayValue: [5, ['array']],
    kvlistValue: [6, ['kvlist']],
    bytesValue: [7, 'bytes'],
  },
  array: { values: [1, ['any']] },
  kvlist: { values: [1, ['keyValue']] },
};

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function eight(write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(8);
  write(buffer);
  return buffer;
}
const fixed64 = (value: unknown) => eight((b) => b.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value as bigint))));
const double = (value: unknown) => eight((b) => b.writeDoubleLE(value as number));
const raw = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value)));
const zigzag = (value: unknown) => varint(BigInt((Number(value) << 1) ^ (Number(value) >> 31)));

/** Wire type and payload of one value. */
function scalar(kind: Exclude<Kind, readonly string[]>, value: unknown): [number, Buffer] {
  const list = value as unknown[];
  switch (kind) {
    case 'string':
    case 'bytes':
      return [2, raw(value)];
    case 'hex':
      return [2, value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value), 'hex')];
    case 'bool':
      return [0, varint(value ? 1n : 0n)];
    case 'varint':
      return [0, varint(BigInt(value as bigint))];
    case 'sint':
      return [0, zigzag(value)];
    case 'fixed32': {
      const buffer = Buffer.alloc(4);
      buffer.writeUInt32LE(Number(value) >>> 0);
      return [5, buffer];
    }
    case 'fixed64':
      return [1, fixed64(value)];
    case 'double':
      return [1, double(value)];
    case 'doubles':
      return [2, Buffer.concat(list.map(double))];
    case 'fixed64s':
      return [2, Buffer.concat(list.map(fixed64))];
    case 'varints':
      return [2, Buffer.concat(list.map((item) => varint(BigInt(item as bigint))))];
  }
}

function message(name: string, tree: Tree): Buffer {
  const parts: Buffer[] = [];
  for (const [field, value] of Object.entries(tree)) {
    const entry = SCHEMAS[name]![field];
    if (entry === undefined) throw new Error(`${name} has no field ${field}`);
    const [number, kind] = entry;
    const put = (type: number, payload: Buffer) => {
      parts.push(varint(BigInt((number << 3) | type)));
      if (type === 2) parts.push(varint(BigInt(payload.length)));
      parts.push(payload);
    };
    if (typeof kind === 'string') put(...scalar(kind, value));
    else for (const one of Array.isArray(value) ? value : [value]) put(2, message(kind[0]!, one as Tree));
  }
  return Buffer.concat(parts);
}

/** The request as `application/x-protobuf`. */
export function asProtobuf(signal: Signal, tree: Tree): Buffer {
  return message(signal, tree);
}

/** The request as `application/json`; bytes that are no text become what is nearest. */
export function asJson(tree: Tree): string {
  return JSON.stringify(tree, (key, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    const holder = value as { type?: unknown; data?: unknown } | null;
    // Buffers arrive here already turned by their own toJSON.
    if (holder?.type === 'Buffer' && Array.isArray(holder.data)) {
      const bytes = Buffer.from(holder.data as number[]);
      return key === 'bytesValue'
        ? bytes.toString('base64')
        : /Id$/.test(key)
          ? bytes.toString('hex')
          : bytes.toString();
    }
    return value;
  });
}
