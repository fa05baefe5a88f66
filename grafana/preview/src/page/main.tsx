import { createTheme, type GrafanaTheme2, ThemeContext } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import type { PanelJson, Picture } from '../types.ts';
import { Header } from './header.tsx';
import { interpolator } from './interpolate.ts';
import { gridHeight, place } from './layout.ts';
import { Panel } from './panel.tsx';
import { type PanelData, preparePanel } from './panel-data.ts';
import { setUp } from './setup.ts';

const PADDING = 16;

interface DashboardProps {
  readonly picture: Picture;
  readonly data: ReadonlyMap<number, PanelData>;
  readonly theme: GrafanaTheme2;
  readonly width: number;
}

function Row({ panel, theme }: { readonly panel: PanelJson; readonly theme: GrafanaTheme2 }) {
  return <h2 style={{ fontSize: 16, margin: '6px 0 0', color: theme.colors.text!.primary }}>{panel.title}</h2>;
}

function Dashboard({ picture, data, theme, width }: DashboardProps) {
  const replace = interpolator(picture);
  const inner = width - 2 * PADDING;
  const { panels } = picture.dashboard;
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <main style={{ padding: PADDING, width, boxSizing: 'border-box', background: theme.colors.background!.canvas }}>
        <Header picture={picture} theme={theme} />
        <div style={{ position: 'relative', height: gridHeight(panels) }}>
          {panels.map((panel) => {
            const { left, top, width: w, height } = place(panel.gridPos, inner);
            const ready = data.get(panel.id);
            return (
              <div
                key={panel.id}
                data-panel={panel.id}
                data-panel-type={panel.type}
                style={{ position: 'absolute', left, top, width: w, height }}
              >
                {ready === undefined ? (
                  <Row panel={panel} theme={theme} />
                ) : (
                  <Panel data={ready} width={w} height={height} theme={theme} replace={replace} />
                )}
              </div>
            );
          })}
        </div>
      </main>
    </ThemeContext.Provider>
  );
}

async function main(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const picture = (await (await fetch(`/pictures/${query.get('picture')}.json`)).json()) as Picture;
  await setUp();
  const theme = createTheme({ colors: { mode: query.get('theme') === 'light' ? 'light' : 'dark' } });
  const replace = interpolator(picture);
  const data = new Map<number, PanelData>();
  for (const panel of picture.dashboard.panels) {
    if (panel.type !== 'row') data.set(panel.id, await preparePanel(panel, picture, theme, replace));
  }
  // Texts are measured as they are drawn: with the fonts there, once and for all.
  await Promise.all(
    ['400 14px Inter', '500 14px Inter', '400 14px "Roboto Mono"'].map((font) => document.fonts.load(font)),
  );
  createRoot(document.getElementById('root') as HTMLElement).render(
    <Dashboard picture={picture} data={data} theme={theme} width={document.documentElement.clientWidth} />,
  );
}

main().then(
  () => document.body.setAttribute('data-drawn', 'true'),
  (error: unknown) => {
    document.body.setAttribute('data-failed', error instanceof Error ? (error.stack ?? error.message) : String(error));
  },
);
