import { type DataFrame, FieldType } from '@grafana/data';
import { toFrame } from '../../../src/plugin/frame.ts';
import type { QueryResult } from '../types.ts';

const TYPES = {
  number: FieldType.number,
  string: FieldType.string,
  time: FieldType.time,
  boolean: FieldType.boolean,
  other: FieldType.other,
} as const;

/** A result as the frames that the ClickHouse plugin gives to Grafana; none where the query failed. */
export function toFrames(result: QueryResult): DataFrame[] {
  if ('error' in result) return [];
  return toFrame(result.columns, result.rows, result.format).map(({ fields }) => ({
    refId: result.refId,
    name: result.refId,
    length: fields[0]?.values.length ?? 0,
    fields: fields.map(({ name, type, labels, values }) => ({
      name,
      type: TYPES[type],
      config: {},
      values:
        type === 'other' ? values.map((value) => (value === null ? null : JSON.parse(String(value)))) : [...values],
      ...(labels === undefined ? {} : { labels: { ...labels } }),
    })),
  }));
}
