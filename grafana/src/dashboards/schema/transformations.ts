/** Transformations with options that the SDK leaves open, as Grafana's code reads them; others may come with their options unchecked. */
export type Transformation =
  | {
      id: 'timeSeriesTable';
      options: Record<
        string,
        { stat?: 'lastNotNull' | 'sum' | 'max' | 'mean'; timeField?: string; inlineStat?: boolean }
      >;
    }
  | { id: 'joinByField'; options: { byField: string; mode: 'outer' | 'outerTabular' | 'inner' } }
  | {
      id: 'configFromData';
      options: {
        configRefId: string;
        applyTo?: { id: 'byName' | 'byType' | 'byRegexp' | 'numeric'; options?: string };
        mappings: {
          fieldName: string;
          handlerKey: 'threshold1' | 'min' | 'max' | 'unit' | 'displayName' | 'color' | '__ignore';
          handlerArguments?: { threshold: { color: string } };
          reducerId?: string;
        }[];
      };
    }
  | {
      id: 'organize';
      options: {
        excludeByName?: Record<string, boolean>;
        includeByName?: Record<string, boolean>;
        indexByName?: Record<string, number>;
        renameByName?: Record<string, string>;
      };
    }
  | { id: 'renameByRegex'; options: { regex: string; renamePattern: string } }
  | { id: 'sortBy'; options: { fields?: Record<string, never>; sort: { field: string; desc?: boolean }[] } }
  | { id: 'merge'; options: Record<string, never> }
  | { id: 'prepareTimeSeries'; options: { format: 'wide' | 'multi' | 'long' } }
  | { id: 'filterFieldsByName' | 'labelsToFields' | 'reduce'; options: object };
