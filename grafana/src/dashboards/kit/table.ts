import { TableCellHeight } from '@grafana/grafana-foundation-sdk/common';
import type { DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/table';
import { COLOR, steps } from './colors.ts';
import { DATASOURCE, tableQuery } from './query.ts';

export interface Column {
  /** Name of the query's column. */
  readonly name: string;
  /** Heading. Absent: the column is hidden, and there for links only. */
  readonly title?: string;
  /** Default `string`: text is left as it is, also where it looks like a number. */
  readonly unit?: string;
  readonly decimals?: number;
  readonly width?: number;
  /** Colour of the text by value: base, then steps. */
  readonly color?: readonly [base: string, ...above: (readonly [value: number, color: string])[]];
  /** Texts and colours for single values. */
  readonly values?: Readonly<Record<string, { readonly text?: string; readonly color?: string }>>;
  readonly link?: { readonly title: string; readonly url: string; readonly newTab?: boolean };
  /** What is shown for null and for an empty text. Default: nothing. */
  readonly noValue?: string;
  /** Long texts go on in the next line. */
  readonly wrap?: boolean;
  /** Any further properties of Grafana's field options. */
  readonly more?: readonly DynamicConfigValue[];
}

export interface TableParts {
  readonly title: string;
  readonly description: string;
  readonly sql: string;
  readonly columns: readonly Column[];
  /** What an empty table says. */
  readonly noValue: string;
}

/** A table. Every column has an override of its own, so that each has a unit and none shows up under the name of SQL. */
export function table({ title, description, sql, columns, noValue }: TableParts): PanelBuilder {
  const panel = new PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .withTarget(tableQuery(sql))
    .noValue(noValue)
    .showHeader(true)
    .cellHeight(TableCellHeight.Sm)
    .minWidth(60);
  for (const column of columns) panel.overrideByName(column.name, properties(column));
  return panel;
}

function properties(column: Column): DynamicConfigValue[] {
  const {
    title,
    unit = 'string',
    decimals,
    width,
    color,
    values,
    link,
    noValue = '',
    wrap = false,
    more = [],
  } = column;
  if (title === undefined) {
    // Grafana 12.2 renamed the one to the other; each version reads the one it knows.
    return [
      { id: 'unit', value: unit },
      { id: 'noValue', value: '' },
      { id: 'custom.hidden', value: true },
      { id: 'custom.hideFrom.viz', value: true },
    ];
  }
  const found: DynamicConfigValue[] = [
    { id: 'displayName', value: title },
    { id: 'unit', value: unit },
    // What an empty table says is not what an empty cell says.
    { id: 'noValue', value: noValue },
  ];
  if (decimals !== undefined) found.push({ id: 'decimals', value: decimals });
  if (width !== undefined) found.push({ id: 'custom.width', value: width });
  if (color !== undefined) {
    const [base, ...above] = color;
    found.push({ id: 'thresholds', value: steps(base, ...above).build() });
  }
  if (values !== undefined) found.push({ id: 'mappings', value: [{ type: 'value', options: indexed(values) }] });
  if (color !== undefined || Object.values(values ?? {}).some((value) => value.color !== undefined)) {
    found.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
    if (color === undefined) found.push({ id: 'thresholds', value: steps(COLOR.plain).build() });
  }
  if (wrap) {
    // As above: before Grafana 12.2, and since.
    found.push(
      { id: 'custom.cellOptions', value: { type: 'auto', wrapText: true } },
      { id: 'custom.wrapText', value: true },
    );
  }
  if (link !== undefined) {
    const { newTab = false } = link;
    found.push({ id: 'links', value: [{ title: link.title, url: link.url, targetBlank: newTab }] });
  }
  return [...found, ...more];
}

const indexed = (values: NonNullable<Column['values']>) =>
  Object.fromEntries(Object.entries(values).map(([value, result], index) => [value, { ...result, index }]));
