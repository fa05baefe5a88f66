import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** A text that looks like SQL and has something in it that is no constant. */
export interface Finding {
  readonly file: string;
  readonly line: number;
  /** The source of what is put in. */
  readonly expression: string;
}

// biome-ignore lint/suspicious/noExplicitAny: a syntax tree of ESTree and its TypeScript, walked without its types
type Node = any;

interface Module {
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  /** Names declared once, as `const`, anywhere in the module, with what they are. Those declared twice are not here. */
  readonly constants: ReadonlyMap<string, Node>;
  /** Local name → name and module that it comes from. */
  readonly imports: ReadonlyMap<string, { readonly name: string; readonly from: string }>;
}

const SQL =
  /\b(SELECT|INSERT INTO|DELETE FROM|TRUNCATE|ALTER (TABLE|USER|DATABASE)|CREATE (TABLE|DATABASE|USER|ROLE|OR|MATERIALIZED|VIEW|SETTINGS|IF)|DROP (TABLE|DATABASE|USER|ROLE|VIEW|IF)|GRANT|REVOKE|KILL QUERY|SYSTEM [A-Z]+|OPTIMIZE TABLE|SET ROLE|RENAME TABLE|EXISTS TABLE|SHOW (TABLES|CREATE|GRANTS)|PRAGMA|VALUES \(|USE $|ORDER BY|GROUP BY|INNER JOIN|LEFT JOIN|FROM INFILE|HAVING|FINAL WHERE)|\b(WHERE|AND|FROM|LIMIT|SETTINGS|ON CLUSTER|IN \() ?\S*$|^ ?(WHERE|AND|SETTINGS) /m;

/** What makes a value safe to stand in SQL, or a name. */
const QUOTING = new Set(['identifier', 'literal', 'sqlName']);

const modules = new Map<string, Module>();

function moduleOf(path: string): Module {
  const known = modules.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(path, 'utf8');
  const program = parseAst(text, { lang: 'ts' }) as Node;
  const declared = new Map<string, Node | undefined>();
  const imports = new Map<string, { name: string; from: string }>();
  walk(program, (node) => {
    if (node.type === 'ImportDeclaration' && String(node.source.value).startsWith('.')) {
      for (const one of node.specifiers) {
        if (one.type === 'ImportSpecifier')
          imports.set(one.local.name, { name: one.imported.name, from: resolve(dirname(path), node.source.value) });
      }
    }
    if (node.type === 'VariableDeclaration') {
      for (const { id, init } of node.declarations) {
        if (id.type !== 'Identifier') continue;
        declared.set(id.name, declared.has(id.name) || node.kind !== 'const' ? undefined : init);
      }
    }
    // A parameter of that name is something else.
    if (Array.isArray(node.params))
      for (const param of node.params) for (const name of namesOf(param)) declared.set(name, undefined);
  });
  const constants = new Map([...declared].filter((entry): entry is [string, Node] => Boolean(entry[1])));
  const made = { path, text, program, constants, imports };
  modules.set(path, made);
  return made;
}

function namesOf(pattern: Node): string[] {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((one: Node) => namesOf(one.value ?? one.argument));
    case 'ArrayPattern':
      return pattern.elements.flatMap(namesOf);
    case 'AssignmentPattern':
      return namesOf(pattern.left);
    case 'RestElement':
      return namesOf(pattern.argument);
    default:
      return [];
  }
}

function walk(node: Node, visit: (node: Node) => void): void {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, visit);
    return;
  }
  if (node === null || typeof node !== 'object') return;
  if (typeof node.type === 'string') visit(node);
  for (const [key, value] of Object.entries(node))
    if (key !== 'typeAnnotation' && typeof value === 'object') walk(value, visit);
}

/** Whether an expression can only be text of the program itself, or is quoted. */
function isSafe(node: Node, at: Module, depth = 0): boolean {
  if (depth > 20) return false;
  const safe = (one: Node) => isSafe(one, at, depth + 1);
  switch (node?.type) {
    case 'Literal':
      return true;
    case 'TemplateLiteral':
      return node.expressions.every(safe);
    case 'BinaryExpression':
      // What is counted is no text, whatever it is of.
      return node.operator === '+' ? safe(node.left) && safe(node.right) : true;
    case 'UnaryExpression':
      return true;
    case 'ConditionalExpression':
      return safe(node.consequent) && safe(node.alternate);
    case 'LogicalExpression':
      return safe(node.left) && safe(node.right);
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'ParenthesizedExpression':
      return safe(node.expression);
    case 'ArrayExpression':
      return node.elements.every((one: Node) => (one.type === 'SpreadElement' ? safe(one.argument) : safe(one)));
    case 'ObjectExpression':
      return node.properties.every((one: Node) => one.type === 'Property' && safe(one.value));
    case 'Identifier':
      return isSafeName(node.name, at, depth);
    case 'MemberExpression':
      // Something of a constant object or list is constant.
      return safe(node.object);
    case 'CallExpression':
      return isSafeCall(node, at, depth);
    default:
      return false;
  }
}

function isSafeName(name: string, at: Module, depth: number): boolean {
  const init = at.constants.get(name);
  if (init !== undefined) return isSafe(init, at, depth + 1);
  const imported = at.imports.get(name);
  if (imported === undefined) return false;
  return isSafeName(imported.name, moduleOf(imported.from), depth + 1);
}

function isSafeCall({ callee, arguments: args }: Node, at: Module, depth: number): boolean {
  if (callee.type === 'Identifier') return QUOTING.has(callee.name) || callee.name === 'Number';
  if (callee.type !== 'MemberExpression' || callee.computed) return false;
  const method = callee.property.name;
  if (method === 'join' || method === 'trim') return isSafe(callee.object, at, depth + 1);
  if (method !== 'map') return false;
  const [by] = args;
  // values.map(literal), or a constant list's names put into constant text.
  if (by?.type === 'Identifier' && QUOTING.has(by.name)) return true;
  if (by?.type !== 'ArrowFunctionExpression' || by.body.type === 'BlockStatement') return false;
  const own = new Set(by.params.flatMap(namesOf) as string[]);
  const list = isSafe(callee.object, at, depth + 1);
  const inner: Module = {
    ...at,
    constants: new Map(
      [...at.constants, ...[...own].map((name) => [name, list ? { type: 'Literal' } : undefined] as const)].filter(
        (entry) => entry[1],
      ),
    ),
  };
  return isSafe(by.body, inner, depth + 1);
}

/** Every piece of SQL in a source file with a part that is neither constant nor quoted. `text` in place of the file's own. */
export function scan(path: string, shown: string, text?: string): Finding[] {
  if (text !== undefined) modules.delete(path);
  const module = text === undefined ? moduleOf(path) : parsed(path, text);
  const found: Finding[] = [];
  const report = (node: Node) => {
    const expression = module.text.slice(node.start, node.end).replace(/\s+/g, ' ');
    found.push({ file: shown, line: module.text.slice(0, node.start).split('\n').length, expression });
  };
  walk(module.program, (node) => {
    if (node.type === 'TemplateLiteral' && node.expressions.length > 0) {
      const before = node.quasis.map((quasi: Node) => String(quasi.value.cooked));
      if (!before.some((part: string, index: number) => SQL.test(index < before.length - 1 ? part : `${part}`))) return;
      for (const one of node.expressions) if (!isSafe(one, module)) report(one);
    }
    if (node.type === 'BinaryExpression' && node.operator === '+') {
      const texts = [node.left, node.right].filter((one) => typeof one.value === 'string' && SQL.test(one.value));
      if (texts.length === 0) return;
      for (const one of [node.left, node.right]) if (!texts.includes(one) && !isSafe(one, module)) report(one);
    }
  });
  return found;
}

function parsed(path: string, text: string): Module {
  const file = resolve(path);
  const program = parseAst(text, { lang: 'ts' }) as Node;
  const constants = new Map<string, Node>();
  const imports = new Map<string, { name: string; from: string }>();
  walk(program, (node) => {
    if (node.type !== 'VariableDeclaration' || node.kind !== 'const') return;
    for (const { id, init } of node.declarations) if (id.type === 'Identifier' && init) constants.set(id.name, init);
  });
  return { path: file, text, program, constants, imports };
}
