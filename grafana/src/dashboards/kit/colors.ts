import { FieldColorModeId, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';

/** Names of Grafana's own palette: each has a shade for the light and one for the dark theme. */
export const COLOR = {
  calm: 'green',
  warning: 'orange',
  critical: 'red',
  plain: 'text',
  spent: 'blue',
  expected: 'light-blue',
} as const;

/** Steps of thresholds; the first one counts for everything below the second. */
export const steps = (base: string, ...above: readonly (readonly [value: number, color: string])[]) => ({
  build: () => ({
    mode: ThresholdsMode.Absolute,
    steps: [{ value: null, color: base }, ...above.map(([value, color]) => ({ value, color }))],
  }),
});

export const byThreshold = { build: () => ({ mode: FieldColorModeId.Thresholds }) };
export const fixed = (fixedColor: string) => ({ build: () => ({ mode: FieldColorModeId.Fixed, fixedColor }) });
