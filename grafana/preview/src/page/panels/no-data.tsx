import type { FieldConfigSource } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';

/** What Grafana shows in the place of a picture when there is nothing to draw: the panel's own text, or "No data". */
export function NoData({ fieldConfig }: { readonly fieldConfig: FieldConfigSource }) {
  const theme = useTheme2();
  return (
    <div
      data-preview="no-data"
      style={{
        display: 'flex',
        alignItems: 'center',
        justifyContent: 'center',
        width: '100%',
        height: '100%',
        textAlign: 'center',
        color: theme.colors.text!.secondary,
        fontSize: theme.typography.size!.lg,
      }}
    >
      {fieldConfig.defaults.noValue ?? 'No data'}
    </div>
  );
}
