import type { GrafanaTheme2, InterpolateFunction } from '@grafana/data';
import type { PanelData } from '../panel-data.ts';

/** What every drawing gets; `width` and `height` are the inside of the panel, pixels. */
export interface DrawProps {
  readonly data: PanelData;
  readonly width: number;
  readonly height: number;
  readonly theme: GrafanaTheme2;
  readonly replace: InterpolateFunction;
}
