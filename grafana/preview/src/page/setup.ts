import {
  type DataTransformerInfo,
  displayNameOverrideProcessor,
  FieldColorModeId,
  type FieldConfigPropertyItem,
  Registry,
  standardTransformers,
  standardTransformersRegistry,
  ThresholdsMode,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';

/** What Grafana's own start does before it draws a panel: texts and the registry of transformations. */
export async function setUp(): Promise<void> {
  await initPluginTranslations('client-cost-preview');
  standardTransformersRegistry.setInit(() =>
    // Some are exported under two names.
    [...new Map(Object.values(standardTransformers).map((info) => [info.id, info])).values()].map((info) => ({
      id: info.id,
      name: info.name,
      transformation: () => Promise.resolve(info as DataTransformerInfo),
      editor: () => null,
      imageDark: '',
      imageLight: '',
    })),
  );
}

type Item = FieldConfigPropertyItem<unknown, unknown, Record<string, unknown>>;

/**
 * The registry that applies overrides. Grafana builds it of its standard options and of each panel plugin's own; here an entry is made for each property
 * that is asked for, since values need no editor and no check: the dashboards' JSON is checked elsewhere.
 */
export function fieldConfigRegistry(properties: Iterable<string>): Registry<Item> {
  return new Registry<Item>(() =>
    [...new Set(properties)].map((id) => {
      const isCustom = id.startsWith('custom.');
      return {
        id,
        path: isCustom ? id.slice('custom.'.length) : id,
        name: id,
        settings: { expandTemplateVars: true },
        isCustom,
        editor: () => null,
        override: () => null,
        // A name may hold the series' labels.
        process: id === 'displayName' ? displayNameOverrideProcessor : (value: unknown) => value,
        shouldApply: () => true,
      } as unknown as Item;
    }),
  );
}

/** What Grafana fills in where a panel's JSON says nothing. */
const THRESHOLDS = {
  mode: ThresholdsMode.Absolute,
  steps: [
    { value: Number.NEGATIVE_INFINITY, color: 'green' },
    { value: 80, color: 'red' },
  ],
};

const GRAPH_CUSTOM = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  barAlignment: 0,
  barWidthFactor: 0.6,
  showPoints: 'auto',
  pointSize: 5,
  spanNulls: false,
  stacking: { mode: 'none', group: 'A' },
  axisPlacement: 'auto',
  axisGridShow: true,
  thresholdsStyle: { mode: 'off' },
};

const CUSTOM: Readonly<Record<string, object>> = {
  timeseries: GRAPH_CUSTOM,
  trend: GRAPH_CUSTOM,
  barchart: { axisPlacement: 'auto', axisGridShow: true, lineWidth: 1, fillOpacity: 80, gradientMode: 'none' },
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
};

const IN_PALETTE = new Set(['timeseries', 'trend', 'barchart']);

/** Defaults of a panel type's field configuration: standard options and the plugin's own (`custom`). */
export function fieldDefaults(type: string): Record<string, unknown> {
  const mode = IN_PALETTE.has(type) ? FieldColorModeId.PaletteClassic : FieldColorModeId.Thresholds;
  return { color: { mode }, thresholds: THRESHOLDS, mappings: [], custom: CUSTOM[type] ?? {} };
}
