/**
 * As much of Go's text/template as the annotations use, with the data that Grafana gives them (pkg/services/ngalert/state/template):
 * `.Labels.x`, `.Values.x.Value`, `if … else … end`, `printf`, `eq`, `urlquery`, `externalURL`. Anything else is an error, so that
 * a template that this file cannot vouch for never passes. grafana-alerting.test.ts runs the same templates in Go where there is one.
 */
export interface TemplateData {
  readonly Labels: Readonly<Record<string, string>>;
  readonly Values: Readonly<Record<string, number>>;
}

type Value = string | number | boolean | undefined;

const ACTION = /\{\{\s*([\s\S]*?)\s*\}\}/g;
const TOKEN = /"(?:[^"\\]|\\.)*"|\S+/g;

/** The text; throws for what Go would refuse and for what this file does not know. Grafana's own address always ends with a slash. */
export function render(template: string, data: TemplateData, externalUrl = 'http://localhost:3000/'): string {
  const open: { taken: boolean; outer: boolean }[] = [];
  let out = '';
  let writing = true;
  let at = 0;
  for (const match of template.matchAll(ACTION)) {
    if (writing) out += template.slice(at, match.index);
    at = match.index + match[0].length;
    const action = match[1]!;
    if (action.startsWith('if ')) {
      const taken: boolean = writing && truthy(evaluate(action.slice(3), data, externalUrl));
      open.push({ taken, outer: writing });
      writing = taken;
    } else if (action === 'else') {
      const block = open.at(-1);
      if (block === undefined) throw new Error(`else without if: ${template}`);
      writing = block.outer && !block.taken;
    } else if (action === 'end') {
      const block = open.pop();
      if (block === undefined) throw new Error(`end without if: ${template}`);
      writing = block.outer;
    } else if (writing) {
      out += show(evaluate(action, data, externalUrl));
    }
  }
  if (open.length > 0) throw new Error(`if without end: ${template}`);
  return out + template.slice(at);
}

function evaluate(pipeline: string, data: TemplateData, externalUrl: string): Value {
  const [head, ...rest] = pipeline.match(TOKEN) ?? [];
  const args = rest.map((token) => operand(token, data));
  switch (head) {
    case undefined:
      throw new Error('an empty action');
    case 'printf':
      return printf(String(args[0]), args.slice(1));
    case 'eq':
      return args.slice(1).some((arg) => arg === args[0]);
    case 'urlquery':
      return encodeURIComponent(String(args[0])).replaceAll('%20', '+');
    case 'externalURL':
      return externalUrl;
    default:
      if (rest.length > 0) throw new Error(`not known here: ${pipeline}`);
      return operand(head, data);
  }
}

function operand(token: string, data: TemplateData): Value {
  if (token.startsWith('"')) return JSON.parse(token) as string;
  if (/^-?\d+\.\d+$/.test(token)) return Number(token);
  const [, map, key, field] = /^\.(Labels|Values)\.(\w+)(\.Value)?$/.exec(token) ?? [];
  if (map === 'Labels' && field === undefined) return data.Labels[key!];
  if (map !== 'Values') throw new Error(`not known here: ${token}`);
  const value = data.Values[key!];
  if (field === undefined) return value === undefined ? undefined : true;
  // Grafana shows the template's source and the error in the place of such an annotation.
  if (value === undefined) throw new Error(`nil data; no entry for key "${key}"`);
  return value;
}

function printf(format: string, args: readonly Value[]): string {
  let next = 0;
  return format.replace(/%(%|\.(\d)f|.)/g, (_match, verb: string, digits: string | undefined) => {
    if (verb === '%') return '%';
    const value = args[next++];
    if (digits === undefined || typeof value !== 'number') throw new Error(`not known here: ${format}`);
    return fixed(value, Number(digits));
  });
}

/** As Go prints it: what lies exactly in the middle goes to the even digit, where JavaScript goes up. */
function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  const cut = value
    .toFixed(20)
    .slice(0, digits - 20)
    .replace(/\.$/, '');
  const tie = /^50*$/.test(value.toFixed(20).slice(digits - 20));
  return tie && /[02468]$/.test(cut) ? cut : text;
}

const truthy = (value: Value): boolean => value !== undefined && value !== '' && value !== 0 && value !== false;

const show = (value: Value): string => (value === undefined ? '[no value]' : String(value));
