type Value = string | number | boolean | undefined | Tree | readonly (string | Tree)[];
export interface Tree {
  readonly [element: string]: Value;
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>';
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A document; a list becomes one element for each of its members, what is undefined is left out. */
export function xml(root: string, tree: Tree, namespace = true): string {
  return `${DECLARATION}<${root}${namespace ? ` xmlns="${NAMESPACE}"` : ''}>${inner(tree)}</${root}>`;
}

function inner(tree: Tree): string {
  return Object.entries(tree)
    .map(([name, value]) => {
      if (value === undefined) return '';
      const values = Array.isArray(value) ? value : [value];
      return values
        .map((one) => `<${name}>${typeof one === 'object' ? inner(one) : escaped(String(one))}</${name}>`)
        .join('');
    })
    .join('');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);

const NAMES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return NAMES[name] ?? whole;
  });

/** The texts of every element of that name, in order: enough for what the SDK sends (`<Key>`, `<PartNumber>`, `<ETag>`). */
export function elements(document: string, name: string): string[] {
  const pattern = new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g');
  return [...document.matchAll(pattern)].map((match) => unescaped(match[1] ?? ''));
}
