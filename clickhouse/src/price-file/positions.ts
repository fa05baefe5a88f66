import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

/** Where in a text, counted from 1; columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SyntaxProblem extends Position {
  readonly message: string;
}

/** JSON with the positions of its values. Comments and trailing commas are errors, as they are for `JSON.parse`. */
export class PositionedJson {
  readonly errors: readonly SyntaxProblem[];
  /** Nested more deeply than the stack reaches: there are no places then. */
  readonly tooDeep: boolean = false;
  readonly #lineStarts: number[] = [0];
  readonly #root: Node | undefined;

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
    const errors: ParseError[] = [];
    try {
      this.#root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.tooDeep = true;
    }
    this.errors = errors.map(({ error, offset }) => ({
      ...this.#position(offset),
      message: words(printParseErrorCode(error)),
    }));
  }

  /**
   * The place of `prices[3].usd_per_million.input`, or of the nearest thing around it that is there. What an entry does not say itself is looked
   * for in `defaults`. A path of a file that is a bare list begins with `prices` all the same.
   *
   * @param of whether the name or the value is meant
   */
  find(path: string, of: 'name' | 'value' = 'value'): Position {
    const root = this.#root;
    if (root === undefined) return { line: 1, column: 1 };
    const start = root.type === 'array' ? path.replace(/^prices/, '') : path;
    const found = walk(root, start, of);
    const inherited = /^prices\[\d+\]\.(.+)$/.exec(path)?.[1];
    if (!found.whole && inherited !== undefined) {
      const general = walk(root, `defaults.${inherited}`, of);
      if (general.whole) return this.#position(general.node.offset);
    }
    return this.#position(found.node.offset);
  }

  /** Names that stand twice in one object: the first one is not used. */
  duplicates(): (SyntaxProblem & { readonly name: string })[] {
    const result: (SyntaxProblem & { name: string })[] = [];
    // A stack of its own: nesting that could be parsed must not be too deep here. What checks sorts by place.
    const waiting: Node[] = this.#root === undefined ? [] : [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const seen = new Set<string>();
      for (const child of node.children ?? []) {
        const key = child.type === 'property' ? child.children?.[0] : undefined;
        const name = key === undefined ? undefined : String(key.value);
        if (key !== undefined && name !== undefined) {
          if (seen.has(name)) {
            const message = `${JSON.stringify(name)} stands twice in one object; only the last one would count`;
            result.push({ ...this.#position(key.offset), message, name });
          }
          seen.add(name);
        }
        waiting.push(child);
      }
    }
    return result;
  }

  #position(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#lineStarts[low]! + 1 };
  }
}

/** Goes along the path as far as it leads. Names may hold dots and brackets: the longest one that fits is taken. */
function walk(root: Node, path: string, of: 'name' | 'value'): { readonly node: Node; readonly whole: boolean } {
  let node = root;
  let name: Node | undefined;
  let rest = path;
  while (rest !== '') {
    const index = node.type === 'array' ? /^\[(\d+)\]/.exec(rest) : null;
    if (index !== null) {
      const item = node.children?.[Number(index[1])];
      if (item === undefined) break;
      [node, name, rest] = [item, undefined, rest.slice(index[0].length)];
      continue;
    }
    const wanted = rest.startsWith('.') ? rest.slice(1) : rest;
    const property = (node.type === 'object' ? (node.children ?? []) : [])
      .filter((child) => {
        const key = String(child.children?.[0]?.value);
        return wanted.startsWith(key) && (wanted.length === key.length || '.['.includes(wanted[key.length]!));
      })
      // Of a name that stands twice the last one counts.
      .reverse()
      .sort((a, b) => String(b.children![0]!.value).length - String(a.children![0]!.value).length)
      .at(0);
    const [key, value] = property?.children ?? [];
    if (key === undefined || value === undefined) break;
    [node, name, rest] = [value, key, wanted.slice(String(key.value).length)];
  }
  const whole = rest === '';
  return { node: whole && of === 'name' && name !== undefined ? name : node, whole };
}

/** `PropertyNameExpected` → `property name expected`. */
function words(code: string): string {
  return code.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}
