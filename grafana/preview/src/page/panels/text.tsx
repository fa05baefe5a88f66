import { renderMarkdown } from '@grafana/data';
import { RenderUserContentAsHTML } from '@grafana/ui';
import type { DrawProps } from './props.ts';

export function Text({ data, replace }: DrawProps) {
  const { content = '', mode = 'markdown' } = (data.panel.options ?? {}) as { content?: string; mode?: string };
  const text = replace(content);
  return (
    <RenderUserContentAsHTML
      component="div"
      className="markdown-html"
      content={mode === 'markdown' ? renderMarkdown(text) : text}
    />
  );
}
