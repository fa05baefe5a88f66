import type { InterpolateFunction, ScopedVars } from '@grafana/data';
import type { Picture } from '../types.ts';

/** Follows `a.b["c"].d` into a scoped variable's value. */
function walk(value: unknown, path: string): unknown {
  let current = value;
  for (const [, dotted, quoted] of path.matchAll(/\.?(?:([\w-]+)|\["?([^"\]]+)"?\])/g)) {
    if (current === null || typeof current !== 'object') return undefined;
    current = (current as Record<string, unknown>)[dotted ?? quoted ?? ''];
  }
  return current;
}

/** `${name}`, `${name.path:format}`, `$name` in titles, texts and links, from the bar's variables, the time range and the cell that is drawn. */
export function interpolator(picture: Picture): InterpolateFunction {
  const values = new Map(picture.variables.map((variable) => [variable.name, variable]));
  const timeRange = `from=${picture.range.from}&to=${picture.range.to}`;

  const lookUp = (name: string, path: string, format: string, scoped: ScopedVars): string | undefined => {
    if (name === '__url_time_range') return timeRange;
    if (name === '__from') return String(picture.range.from);
    if (name === '__to') return String(picture.range.to);
    const variable = values.get(name);
    if (variable !== undefined) {
      if (format === 'text') return variable.text;
      if (format === 'queryparam') return `var-${name}=${encodeURIComponent(variable.value)}`;
      if (format === 'percentencode') return encodeURIComponent(variable.value);
      return variable.value;
    }
    const found = scoped[name];
    if (found === undefined) return undefined;
    const value = walk(found.value, path);
    if (value === undefined || value === null) return undefined;
    return format === 'percentencode' ? encodeURIComponent(String(value)) : String(value);
  };

  return (text, scoped = {}) =>
    (text ?? '').replace(
      /\$\{(\w+)([^:}]*)(?::(\w+))?\}|\$(\w+)/g,
      (whole, braced?: string, path?: string, format?: string, plain?: string) =>
        lookUp(braced ?? plain ?? '', path ?? '', format ?? '', scoped as ScopedVars) ?? whole,
    );
}
