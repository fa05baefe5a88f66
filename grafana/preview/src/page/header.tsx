import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, ToolbarButton } from '@grafana/ui';
import type { Picture } from '../types.ts';

const LABEL = "Preview: rendered with Grafana's components, not by Grafana";

function Variable({
  label,
  text,
  theme,
}: {
  readonly label: string;
  readonly text: string;
  readonly theme: GrafanaTheme2;
}) {
  const box = {
    height: 32,
    display: 'flex',
    alignItems: 'center',
    padding: '0 8px',
    border: `1px solid ${theme.colors.border!.weak}`,
  };
  return (
    <div style={{ display: 'flex', fontSize: 14 }}>
      <span
        style={{
          ...box,
          background: theme.colors.background!.secondary,
          borderRight: 0,
          borderRadius: '2px 0 0 2px',
          fontWeight: 500,
          fontSize: 12,
        }}
      >
        {label}
      </span>
      <span style={{ ...box, gap: 8, background: theme.components.input!.background, borderRadius: '0 2px 2px 0' }}>
        {text}
        <Icon name="angle-down" />
      </span>
    </div>
  );
}

/** The page's head: where one is, what is chosen, and that this is a preview. */
export function Header({ picture, theme }: { readonly picture: Picture; readonly theme: GrafanaTheme2 }) {
  const { dashboard, variables, range } = picture;
  const links = dashboard.links ?? [];
  return (
    <header style={{ display: 'flex', flexDirection: 'column', gap: 16, marginBottom: 16 }}>
      <div style={{ display: 'flex', justifyContent: 'space-between', alignItems: 'center', gap: 16 }}>
        <h1 style={{ fontSize: 20, margin: 0, whiteSpace: 'nowrap' }}>{dashboard.title}</h1>
        <span
          style={{
            fontSize: 12,
            padding: '4px 10px',
            borderRadius: 12,
            color: theme.colors.warning.text,
            border: `1px solid ${theme.colors.warning.border}`,
          }}
        >
          {LABEL}
        </span>
      </div>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8, alignItems: 'center' }}>
        {variables
          .filter((variable) => !variable.hidden)
          .map(({ name, label, text }) => (
            <Variable key={name} label={label} text={text} theme={theme} />
          ))}
        <div style={{ flex: 1 }} />
        {links.map((link) => (
          <ToolbarButton
            key={link.title}
            icon={link.type === 'dashboards' ? 'apps' : 'external-link-alt'}
            variant="canvas"
          >
            {link.title}
          </ToolbarButton>
        ))}
        {dashboard.timepicker?.hidden === true ? null : (
          <ToolbarButton icon="clock-nine" variant="canvas" isOpen={false}>
            {range.label}
          </ToolbarButton>
        )}
      </div>
    </header>
  );
}
