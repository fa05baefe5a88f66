import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = ['README.md', ...globSync('{docs/**,clickhouse,exporter,instrumentation,grafana}/*.md', { cwd: root })];

const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

it.each(pages)('%s: links lead to files and headings that exist', (page) => {
  const missing: string[] = [];
  for (const [, target = ''] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? page : join(dirname(page), file);
    if (!existsSync(join(root, path))) missing.push(target);
    else if (anchor !== undefined && path.endsWith('.md')) {
      const headings = [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => slug(text));
      if (!headings.includes(anchor)) missing.push(target);
    }
  }
  expect(missing).toEqual([]);
});

it('docs/grafana.md names panels, variables, links and rules that are there', () => {
  const dashboards = globSync('grafana/dashboards/*.json', { cwd: root }).map((path) => JSON.parse(read(path)));
  const known = new Set<string>(
    dashboards.flatMap(({ title, panels, templating, links }) => [
      title,
      ...panels.map((panel: { title: string }) => panel.title),
      ...templating.list.map((variable: { label?: string }) => variable.label),
      ...links.map((link: { title: string }) => link.title),
      ...[...JSON.stringify(panels).matchAll(/"title":"([^"]+)"/g)].map(([, text = '']) => text),
    ]),
  );
  const page = read('docs/grafana.md');
  const named = [...page.matchAll(/\*\*(.+?)\*\*/g)].map(([, text = '']) => text);
  expect(named.length).toBeGreaterThan(25);
  expect(named.filter((name) => !known.has(name))).toEqual([]);

  const { groups } = parse(read('grafana/provisioning/alerting/rules.yaml'));
  const uids = groups.flatMap(({ rules }: { rules: { uid: string }[] }) => rules.map(({ uid }) => uid));
  const rules = [...page.matchAll(/`(cc-[a-z-]+)`/g)].map(([, uid = '']) => uid);
  expect(rules.length).toBe(5);
  expect(rules.filter((uid) => !uids.includes(uid))).toEqual([]);
});
