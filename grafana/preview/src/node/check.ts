import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import type { PanelJson, Picture, QueryResult } from '../types.ts';

const { createTheme, FieldType, formattedValueToString, getDisplayProcessor } = createRequire(import.meta.url)(
  '@grafana/data',
) as typeof import('@grafana/data');

/** What one panel's DOM is like; measured in the page. */
interface Seen {
  readonly id: number;
  readonly type: string;
  readonly threw: string;
  readonly text: string;
  /** Canvases with at least one pixel drawn. */
  readonly drawn: number;
  /** Texts of single values that are wider than their place. */
  readonly cut: readonly string[];
  /** Pairs of texts that lie over each other. */
  readonly overlapping: readonly string[];
  /** Texts that lie outside of the panel. */
  readonly outside: readonly string[];
  readonly errorIcon: boolean;
  /** Variables that nobody replaced, in texts and links. */
  readonly unreplaced: readonly string[];
  /** A table that is wider than its panel. */
  readonly tooWide: boolean;
}

/** Runs in the page: no imports, no names of this file. */
function look(): Seen[] {
  const textOf = (element: Element): DOMRect => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect();
  };
  // As much of it as one sees: a long name ends in "…" at its element's end.
  const seenOf = (element: Element): DOMRect => {
    const text = textOf(element);
    const right = Math.min(text.right, innerRight(element));
    return new DOMRect(text.left, text.top, right - text.left, text.height);
  };
  // An element in the run of the text has no place of its own.
  const innerRight = (element: Element): number => {
    const style = getComputedStyle(element);
    if (style.display === 'inline') return Number.POSITIVE_INFINITY;
    return element.getBoundingClientRect().right - Number.parseFloat(style.paddingRight);
  };
  const overlap = (a: DOMRect, b: DOMRect): boolean => {
    const [wide, high] = [
      Math.min(a.right, b.right) - Math.max(a.left, b.left),
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
    ];
    return wide > 2 && high > Math.min(a.height, b.height) * 0.4;
  };
  return [...document.querySelectorAll<HTMLElement>('[data-panel]')].map((panel) => {
    const content = panel.querySelector<HTMLElement>('[data-testid="data-testid panel content"]') ?? panel;
    const drawn = [...content.querySelectorAll('canvas')].filter((canvas) => {
      const { width, height } = canvas;
      if (width === 0 || height === 0) return false;
      return (
        canvas
          .getContext('2d')
          ?.getImageData(0, 0, width, height)
          .data.some((byte) => byte !== 0) ?? false
      );
    });
    const frame = panel.getBoundingClientRect();
    const leaves = [...content.querySelectorAll<HTMLElement>('*')].filter(
      (element) => element.childElementCount === 0 && (element.textContent ?? '').trim() !== '',
    );
    const single = panel.dataset.panelType === 'stat' || panel.dataset.panelType === 'bargauge';
    return {
      id: Number(panel.dataset.panel),
      type: panel.dataset.panelType ?? '',
      threw: panel.querySelector('[data-preview="threw"]')?.textContent ?? '',
      text: content.textContent ?? '',
      drawn: drawn.length,
      cut: single
        ? leaves.filter((leaf) => textOf(leaf).right > innerRight(leaf) + 0.5).map((leaf) => leaf.textContent ?? '')
        : [],
      overlapping: single
        ? leaves.flatMap((leaf, at) =>
            leaves
              .slice(at + 1)
              .filter((other) => overlap(seenOf(leaf), seenOf(other)))
              .map((other) => `"${leaf.textContent}" and "${other.textContent}"`),
          )
        : [],
      outside: single
        ? leaves
            .filter((leaf) => {
              const box = leaf.getBoundingClientRect();
              return box.right > frame.right + 1 || box.left < frame.left - 1 || box.bottom > frame.bottom + 1;
            })
            .map((leaf) => leaf.textContent ?? '')
        : [],
      unreplaced: [
        ...((panel.textContent ?? '').match(/\$\{[^}]*\}/g) ?? []),
        ...[...content.querySelectorAll('a')].map(({ href }) => href).filter((href) => /\$\{|%7B/.test(href)),
      ],
      tooWide: [...content.querySelectorAll('[role="grid"]')].some((grid) => grid.scrollWidth > grid.clientWidth + 1),
      errorIcon: panel.querySelector('[data-testid="data-testid Panel status error"]') !== null,
    };
  });
}

interface Override {
  readonly matcher: { readonly id: string; readonly options?: unknown };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

/** Standard options of one column: the panel's defaults, then the overrides by name. */
function configOf(panel: PanelJson, name: string): Record<string, unknown> {
  const config: Record<string, unknown> = { ...panel.fieldConfig?.defaults };
  for (const { matcher, properties } of (panel.fieldConfig?.overrides ?? []) as readonly Override[]) {
    if (matcher.id !== 'byName' || matcher.options !== name) continue;
    for (const { id, value } of properties) config[id] = value;
  }
  return config;
}

/**
 * The texts that a stat panel must show, from the rows of its first query: each number of the last row in its unit and decimals. Only Grafana's formatting is
 * taken from Grafana; which number stands where is worked out here.
 */
export function expectedTexts(panel: PanelJson, results: readonly QueryResult[]): string[] {
  const result = results[0];
  const values =
    (panel.options?.reduceOptions as { values?: boolean; calcs?: string[]; fields?: string } | undefined) ?? {};
  if (result === undefined || 'error' in result || values.values === true || (values.fields ?? '') !== '') return [];
  if ((values.calcs ?? ['lastNotNull'])[0] !== 'lastNotNull' || result.format === 0) return [];
  const theme = createTheme();
  return result.columns.flatMap(({ name, type }, at) => {
    if (!/^(?:Nullable\()?(?:U?Int|Float|Decimal)/.test(type)) return [];
    const last = result.rows.findLast((row) => row[at] !== null)?.[at];
    if (last === undefined) return [];
    const config = configOf(panel, name);
    const display = getDisplayProcessor({
      field: { type: FieldType.number, config: { ...config, thresholds: undefined } as object },
      theme,
    });
    return [formattedValueToString(display(Number(last)))];
  });
}

const SHORT_NAME = 20;

const squeeze = (text: string): string => text.replace(/\s+/g, '');

/** What is wrong with a drawn picture, one sentence each; none when it is good. */
export async function problemsOf(page: Page, name: string, picture: Picture, width: number): Promise<string[]> {
  const problems: string[] = [];
  const scroll = await page.evaluate<number>('document.documentElement.scrollWidth');
  if (scroll > width) problems.push(`${name}: the page is ${scroll} px wide at ${width}: it scrolls sideways`);
  const seen = new Map((await page.evaluate(look)).map((one) => [one.id, one]));
  for (const panel of picture.dashboard.panels) {
    if (panel.type === 'row') continue;
    const say = (what: string) =>
      problems.push(`${name}, panel ${panel.id} "${panel.title ?? ''}" (${panel.type}): ${what}`);
    const one = seen.get(panel.id);
    const { results = [] } = picture.panels[panel.id] ?? {};
    const errors = results.flatMap((result) => ('error' in result ? [result.error] : []));
    if (one === undefined) {
      say('is not on the page');
      continue;
    }
    if (one.threw !== '') say(one.threw);
    if (one.text.trim() === '' && one.drawn === 0) say('nothing is drawn');
    if (errors.length > 0 && !name.includes('-error')) say(`its query failed: ${errors[0]}`);
    if (errors.length > 0 && !one.errorIcon) say('its query failed and the panel does not say so');
    // A long name of a client may end in "…"; a value and a short name may not.
    for (const text of one.cut.filter((text) => panel.type === 'stat' || text.length <= SHORT_NAME))
      say(`"${text}" is cut`);
    if (one.tooWide && width >= 1280) say(`its columns are wider than the panel at ${width}`);
    for (const text of one.unreplaced) say(`${text} stands there as it is`);
    for (const pair of one.overlapping) say(`${pair} lie over each other`);
    for (const text of one.outside) say(`"${text}" lies outside of the panel`);
    if (panel.type === 'stat') {
      for (const text of expectedTexts(panel, results)) {
        if (!squeeze(one.text).includes(squeeze(text))) say(`shows "${one.text}", its query says ${text}`);
      }
    }
  }
  return problems;
}
