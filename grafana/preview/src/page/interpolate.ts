import {
  type DataFrame,
  type Field,
  formattedValueToString,
  getFieldDisplayName,
  getFrameDisplayName,
  type InterpolateFunction,
  type ScopedVars,
} from '@grafana/data';
import type { Picture, VariableState } from '../types.ts';

/** What Grafana's packages say about the place that a text is for. */
interface DataContext {
  readonly frame: DataFrame;
  readonly field: Field;
  readonly rowIndex?: number;
  readonly calculatedValue?: { readonly text: string; readonly numeric: number };
}

/** The steps of `.a.b["c"].d`. */
const stepsOf = (path: string): string[] =>
  [...path.matchAll(/\.([\w-]+)|\["?([^"\]]+)"?\]/g)].map(([, dotted, quoted]) => dotted ?? quoted ?? '');

function cell(field: Field | undefined, rowIndex: number | undefined, what = 'text'): string | undefined {
  if (field === undefined || rowIndex === undefined) return undefined;
  const value = field.values[rowIndex] as unknown;
  if (what === 'numeric' || what === 'raw' || what === 'time') return String(value);
  return field.display === undefined ? String(value) : formattedValueToString(field.display(value));
}

/** `__field`, `__series`, `__value` and `__data`: Grafana's application reads them off the context, its packages only hand that on. */
function ofContext(
  name: string,
  path: string,
  { frame, field, rowIndex, calculatedValue }: DataContext,
): string | undefined {
  const [first, ...rest] = stepsOf(path);
  switch (name) {
    case '__field':
      if (first === 'labels') return field.labels?.[rest[0] ?? ''];
      return first === 'name' || first === undefined ? field.name : getFieldDisplayName(field, frame);
    case '__series':
      return getFrameDisplayName(frame);
    case '__value':
      if (calculatedValue !== undefined)
        return first === 'text' ? calculatedValue.text : String(calculatedValue.numeric);
      return cell(field, rowIndex, first ?? 'raw');
    case '__data': {
      const wanted = frame.fields.find((one) => one.name === rest[0] || getFieldDisplayName(one, frame) === rest[0]);
      return first === 'fields' ? cell(wanted, rowIndex, rest[1]) : undefined;
    }
    default:
      return undefined;
  }
}

function ofVariable({ name, value, text }: VariableState, format: string): string {
  if (format === 'text') return text;
  return format === 'queryparam' ? `var-${name}=${encodeURIComponent(value)}` : value;
}

/** `${name}`, `${name.path:format}`, `$name` in titles, texts and links, from the bar's variables, the time range and the cell that is drawn. */
export function interpolator(picture: Picture): InterpolateFunction {
  const { from, to } = picture.range;
  const builtIn = new Map([
    ['__url_time_range', `from=${from}&to=${to}`],
    ['__from', String(from)],
    ['__to', String(to)],
  ]);
  const lookUp = (name: string, path: string, format: string, scoped: ScopedVars): string | undefined => {
    const variable = picture.variables.find((one) => one.name === name);
    if (variable !== undefined) return ofVariable(variable, format);
    const context = scoped.__dataContext?.value as DataContext | undefined;
    return builtIn.get(name) ?? (context === undefined ? undefined : ofContext(name, path, context));
  };
  return (text, scoped = {}) =>
    (text ?? '').replace(
      /\$\{(\w+)([^:}]*)(?::(\w+))?\}|\$(\w+)/g,
      (whole, braced?: string, path = '', format = '', plain?: string) => {
        const found = lookUp(braced ?? plain ?? '', path, format, scoped as ScopedVars);
        return found !== undefined && format === 'percentencode' ? encodeURIComponent(found) : (found ?? whole);
      },
    );
}
