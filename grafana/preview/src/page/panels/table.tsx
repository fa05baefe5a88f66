import { cacheFieldDisplayNames } from '@grafana/data';
import { TableNG } from '@grafana/ui/unstable';
import { NoData } from './no-data.tsx';
import type { DrawProps } from './props.ts';

interface Options {
  readonly showHeader?: boolean;
  readonly cellHeight?: never;
  readonly sortBy?: { displayName: string; desc?: boolean }[];
  readonly frameIndex?: number;
  readonly enablePagination?: boolean;
  readonly frozenColumns?: { left?: number };
}

export function Table({ data, width, height }: DrawProps) {
  const options = (data.panel.options ?? {}) as Options;
  const frame = data.frames[options.frameIndex ?? 0] ?? data.frames[0];
  if (frame === undefined || frame.fields.length === 0) return <NoData fieldConfig={data.fieldConfig} />;
  // The table's head says the cached names.
  cacheFieldDisplayNames(data.frames);
  const noValue = data.fieldConfig.defaults.noValue;
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={options.showHeader === false}
      resizable={false}
      sortBy={options.sortBy ?? []}
      cellHeight={options.cellHeight ?? ('sm' as never)}
      timeRange={data.timeRange}
      fieldConfig={data.fieldConfig}
      enablePagination={options.enablePagination ?? false}
      frozenColumns={options.frozenColumns?.left ?? 0}
      structureRev={1}
      {...(noValue === undefined ? {} : { noValue })}
    />
  );
}
