import type { GrafanaTheme2, InterpolateFunction } from '@grafana/data';
import { PanelChrome } from '@grafana/ui';
import { Component, type ReactNode } from 'react';
import type { PanelData } from './panel-data.ts';
import { drawings } from './panels/index.ts';

/** A drawing that throws is said in its place, and found by the check. */
class Caught extends Component<{ readonly children: ReactNode }, { readonly message?: string }> {
  override state: { readonly message?: string } = {};
  static getDerivedStateFromError(error: Error) {
    return { message: error.message };
  }
  override render() {
    if (this.state.message === undefined) return this.props.children;
    return <div data-preview="threw">{this.state.message}</div>;
  }
}

interface Props {
  readonly data: PanelData;
  readonly width: number;
  readonly height: number;
  readonly theme: GrafanaTheme2;
  readonly replace: InterpolateFunction;
}

/** One panel in Grafana's frame: title, description, error state, and what is drawn in it. */
export function Panel({ data, width, height, theme, replace }: Props) {
  const { panel, errors } = data;
  const Drawing = drawings[panel.type];
  const title = replace(panel.title ?? '');
  // Grafana leaves no padding around a table's and a text's frame.
  const padding = panel.type === 'table' ? 'none' : 'md';
  return (
    <PanelChrome
      title={title}
      {...(panel.description ? { description: () => replace(panel.description ?? '') } : {})}
      width={width}
      height={height}
      padding={padding}
      displayMode={panel.transparent === true ? 'transparent' : 'default'}
      hoverHeader={title === ''}
      {...(errors.length > 0 ? { statusMessage: errors.join('\n') } : {})}
      {...(data.timeRangeNote === undefined
        ? {}
        : {
            titleItems: <span style={{ color: theme.colors.text!.secondary, fontSize: 12 }}>{data.timeRangeNote}</span>,
          })}
    >
      {(innerWidth, innerHeight) => (
        <Caught>
          {Drawing === undefined ? (
            <div data-preview="threw">No published component draws a panel of type {panel.type}</div>
          ) : (
            <Drawing data={data} width={innerWidth} height={innerHeight} theme={theme} replace={replace} />
          )}
        </Caught>
      )}
    </PanelChrome>
  );
}
