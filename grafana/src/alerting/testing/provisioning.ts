/**
 * What Grafana's file provisioning does to the texts of an alerting file: `$` expansion as in pkg/services/provisioning/values/values.go,
 * pkg/setting/expanders.go and Go's os.Expand, and which fields it is applied to (rules_types.go, contact_point_types.go,
 * notification_policy_types.go).
 */
import type { AlertingFile, AlertRule } from '../files.ts';

export interface Expanded {
  readonly text: string;
  /** Variables that are not set: Grafana puts nothing in their place and says nothing. */
  readonly unset: readonly string[];
}

type Env = Readonly<Record<string, string>>;

const SPECIAL = /^[*#$@!?0-9-]$/;
const NAME = /^[A-Za-z_0-9]+/;

/** Go's `os.Expand`: `$name` and `${name}`; a `$` before anything else stays. */
export function expand(text: string, value: (name: string) => string): string {
  let out = '';
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '$' || at + 1 >= text.length) {
      out += text[at];
      continue;
    }
    const [name, width] = shellName(text.slice(at + 1));
    if (name !== '') out += value(name);
    // Nothing but bad syntax is eaten; a lone dollar stays.
    else if (width === 0) out += '$';
    at += width;
  }
  return out;
}

/** The name after a `$` and how many characters it takes. */
function shellName(rest: string): [name: string, width: number] {
  if (rest.startsWith('{')) {
    if (rest.length > 2 && SPECIAL.test(rest[1]!) && rest[2] === '}') return [rest[1]!, 3];
    const end = rest.indexOf('}', 1);
    if (end === -1) return ['', 1];
    return end === 1 ? ['', 2] : [rest.slice(1, end), end + 1];
  }
  if (SPECIAL.test(rest[0]!)) return [rest[0]!, 1];
  const name = NAME.exec(rest)?.[0] ?? '';
  return [name, name.length];
}

/** Grafana's `interpolateValue`: `$$` is a dollar; `${X}` and `$__env{X}` go first, then what came out is expanded once more. */
export function interpolate(text: string, env: Env): Expanded {
  const unset: string[] = [];
  const value = (name: string): string => {
    if (env[name] === undefined) unset.push(name);
    return env[name] ?? '';
  };
  const parts = text.split('$$').map((part) => expand(braced(part, value), value));
  return { text: parts.join('$'), unset };
}

/** Grafana's `setting.ExpandVar` without `$__file{}`: only what stands in braces. */
function braced(text: string, value: (name: string) => string): string {
  return text.replace(/\$(|__\w+)\{([^}]+)\}/g, (match, kind: string, name: string) =>
    kind === '' || kind === '__env' ? value(name) : match,
  );
}

/** Labels are expanded, annotations are not (9.1 on), or only what is in braces (newer than 13.0), or, before 9.1, like labels. */
export type AnnotationExpansion = 'raw' | 'braced' | 'all';

/** A file as Grafana holds it after reading, with the variables that it found empty. */
export function provision(
  file: AlertingFile,
  env: Env,
  annotations: AnnotationExpansion = 'raw',
): { readonly file: AlertingFile; readonly unset: readonly string[] } {
  const unset = new Set<string>();
  const value = (text: string): string => {
    const expanded = interpolate(text, env);
    for (const name of expanded.unset) unset.add(name);
    return expanded.text;
  };
  const note: Record<AnnotationExpansion, (text: string) => string> = {
    raw: (text) => text,
    braced: (text) => braced(text, (name) => env[name] ?? ''),
    all: value,
  };
  const rule = (read: AlertRule): AlertRule => ({
    ...deep({ ...read, data: [] }, value),
    // The model of a query is taken as it is, so that macros like $__timeFilter survive.
    data: read.data.map((query) => ({ ...deep({ ...query, model: undefined }, value), model: query.model })),
    annotations: deep(read.annotations, note[annotations]),
  });
  const { groups, ...rest } = file;
  const read = {
    ...deep(rest, value),
    ...(groups && { groups: groups.map((group) => ({ ...group, rules: group.rules.map(rule) })) }),
  };
  return { file: read, unset: [...unset].sort() };
}

/** The same with every text in it changed. */
function deep<T>(of: T, change: (text: string) => string): T {
  if (typeof of === 'string') return change(of) as T;
  if (Array.isArray(of)) return of.map((item) => deep(item, change)) as T;
  if (typeof of === 'object' && of !== null) {
    return Object.fromEntries(Object.entries(of).map(([key, item]) => [key, deep(item, change)])) as T;
  }
  return of;
}
