import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import * as units from '@grafana/grafana-foundation-sdk/units';
import { linkProblems, variableNames } from './links.ts';
import { type AnyQuery, datasourceProblems, hasColumn, queryProblems } from './queries.ts';

const UNITS: ReadonlySet<unknown> = new Set(Object.values(units));
const isUnit = (unit: unknown): boolean => UNITS.has(unit) || /^time:[DMYHms :.-]+$/.test(String(unit));

/** Grafana's named colours: each has a shade for the light and one for the dark theme, which a fixed one has not. */
const COLOR =
  /^(?:(?:super-light|light|semi-dark|dark)-)?(?:red|orange|yellow|green|blue|purple)$|^(?:text|transparent)$/;

/** What is wrong with one panel. */
export function panelProblems(panel: Panel, dashboard: Dashboard, all: readonly Dashboard[]): string[] {
  const name = `${dashboard.uid}: panel ${JSON.stringify(panel.title ?? '')}`;
  if (panel.type === 'text') return panel.title ? [] : [`${name}: it has no title`];
  const problems: string[] = [];
  const say = (text: string) => problems.push(`${name}: ${text}`);
  const targets = (panel.targets ?? []) as AnyQuery[];
  const sql = targets.map(({ rawSql = '' }) => rawSql);
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};

  if (!panel.title?.trim()) say('it has no title');
  if (!/^\p{Lu}.*\.$/su.test(panel.description ?? '')) say('its description is no sentence');
  if (!defaults.noValue) say('it does not say what an empty answer means (noValue)');
  problems.push(...datasourceProblems(name, panel.datasource));
  if (targets.length === 0) say('it has no query');
  targets.forEach((query) => {
    problems.push(...queryProblems(`${name} ${query.refId ?? ''}`, query, variableNames(dashboard)));
  });
  const refIds = targets.map(({ refId }) => refId);
  if (new Set(refIds).size !== refIds.length) say(`refIds ${refIds.join(', ')} are not unique`);

  // A table has columns of several kinds: each says its own unit. Of everything else the default holds.
  if (panel.type === 'table' ? overrides.length === 0 : defaults.unit === undefined) say('it has no unit');
  if (defaults.unit !== undefined && !isUnit(defaults.unit)) say(`Grafana has no unit ${defaults.unit}`);
  const titles: unknown[] = [];
  for (const { matcher, properties } of overrides) {
    const value = (id: string): unknown => properties.find((property) => property.id === id)?.value;
    const unit = value('unit');
    if (matcher.id === 'byName') {
      const made = /^Trend #([A-Z])$/.exec(String(matcher.options))?.[1];
      const known =
        made === undefined ? sql.some((text) => hasColumn(text, String(matcher.options))) : refIds.includes(made);
      if (!known) say(`an override is for ${String(matcher.options)}, which no query has`);
      if (panel.type === 'table' && unit === undefined) say(`column ${String(matcher.options)} has no unit`);
      if (panel.type === 'table') titles.push(value('displayName'));
    }
    if (unit !== undefined && !isUnit(unit)) say(`Grafana has no unit ${String(unit)}`);
    for (const { url } of (value('links') ?? []) as { url: string }[]) {
      problems.push(...linkProblems(url, { name: `${name}, column ${String(matcher.options)}`, dashboard, all, sql }));
    }
  }
  const shown = titles.filter((title) => title !== undefined);
  if (new Set(shown).size !== shown.length) say(`two columns have the same heading: ${shown.join(', ')}`);
  for (const color of colorsIn(panel.fieldConfig)) {
    if (!COLOR.test(color)) say(`the colour ${color} is none of Grafana's, which suit both themes`);
  }
  for (const { url = '' } of panel.links ?? []) problems.push(...linkProblems(url, { name, dashboard, all, sql: [] }));
  return problems;
}

/** Every value under a key that holds a colour. */
function colorsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'color' || key === 'fixedColor' || key.endsWith('Color')) && typeof inner === 'string'
      ? [inner]
      : colorsIn(inner),
  );
}
