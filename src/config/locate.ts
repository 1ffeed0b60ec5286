import type { ParseResult } from '@babel/parser';
import type { KeyPath } from './key-path.js';

type Statement = ParseResult['program']['body'][number];
type Expression = Extract<Statement, { type: 'ExpressionStatement' }>['expression'];
type FunctionNode = Extract<Expression | Statement, { type: `${string}Function${string}`; body: unknown }>;
type Node = { readonly type: string; readonly loc?: { start: { line: number; column: number } } | null | undefined };
type Names = ReadonlyMap<string, Node>;

/** A place in a file; line and column count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Locate = (path: KeyPath, at: 'key' | 'value') => Place | undefined;

/**
 * Reads a config file's source to find where a key or its value is written. Follows `export default`, defineConfig,
 * constants, and what functions return; spreads and computed values are not followed: there the nearest place around
 * it is given.
 *
 * @returns a function that gives no place at all only for a source that cannot be parsed or has no default export
 */
export async function locator(text: string): Promise<Locate> {
  const { parse } = await import('./babel.js');
  let statements: readonly Statement[];
  try {
    statements = parse(text, { sourceType: 'unambiguous', plugins: ['typescript'], errorRecovery: true }).program.body;
  } catch {
    return () => undefined;
  }
  const names = declarations(statements);
  const root = defaultExport(statements);
  return (path, at) => (root ? find(root, path, at, names) : undefined);
}

function find(root: Node, path: KeyPath, at: 'key' | 'value', names: Names): Place | undefined {
  let node = resolve(root, names);
  let place = placeOf(node);
  for (const [position, key] of path.entries()) {
    const entry = entryOf(node, key);
    if (!entry) break;
    const isLast = position === path.length - 1;
    node = resolve(entry.value, names);
    place = placeOf(isLast && at === 'key' ? entry.key : entry.value) ?? place;
  }
  return place;
}

function entryOf(node: Node, key: string | number): { key: Node; value: Node } | undefined {
  if (isA(node, 'ArrayExpression') && typeof key === 'number') {
    const before = node.elements.slice(0, key);
    const element = node.elements[key];
    const isCounted = before.every((other) => other?.type !== 'SpreadElement');
    return element && isCounted ? { key: element, value: element } : undefined;
  }
  if (!isA(node, 'ObjectExpression')) return undefined;
  // Of two equal keys the last one counts.
  for (const property of node.properties.toReversed()) {
    if (property.type === 'SpreadElement' || property.computed || nameOf(property.key) !== String(key)) continue;
    return { key: property.key, value: property.type === 'ObjectProperty' ? property.value : property };
  }
  return undefined;
}

function nameOf(key: Node): string | undefined {
  if (isA(key, 'Identifier')) return key.name;
  if (isA(key, 'StringLiteral')) return key.value;
  return isA(key, 'NumericLiteral') ? String(key.value) : undefined;
}

/** The literal that an expression stands for, as far as reading can tell. */
function resolve(node: Node, names: Names, seen: ReadonlySet<Node> = new Set()): Node {
  if (seen.has(node)) return node;
  const on = (next: Node | null | undefined): Node => (next ? resolve(next, names, new Set([...seen, node])) : node);
  if (isA(node, 'Identifier')) return on(names.get(node.name));
  if (isA(node, 'CallExpression'))
    return on(isA(node.callee, 'Identifier') && names.has(node.callee.name) ? node.callee : node.arguments[0]);
  if (isA(node, 'AwaitExpression')) return on(node.argument);
  if (isWrapper(node)) return on(node.expression);
  if (isFunction(node)) return on(node.body.type === 'BlockStatement' ? returned(node.body.body) : node.body);
  return node;
}

function isWrapper(node: Node): node is Extract<Expression, { type: 'TSAsExpression' }> {
  return ['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression', 'ParenthesizedExpression'].includes(
    node.type,
  );
}

function isFunction(node: Node): node is FunctionNode {
  return ['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration'].includes(node.type);
}

function returned(statements: readonly Statement[]): Node | undefined {
  return statements.findLast((statement) => statement.type === 'ReturnStatement')?.argument ?? undefined;
}

/** Constants and functions by name, those within functions too: a config is small enough for one space of names. */
function declarations(statements: readonly Statement[], names = new Map<string, Node>()): Map<string, Node> {
  for (const statement of statements) {
    const inner =
      statement.type === 'ExportNamedDeclaration' && statement.declaration ? statement.declaration : statement;
    if (inner.type === 'VariableDeclaration') {
      for (const { id, init } of inner.declarations) if (id.type === 'Identifier' && init) add(id.name, init);
    } else if (inner.type === 'FunctionDeclaration' && inner.id) {
      add(inner.id.name, inner);
    } else if (inner.type === 'ExportDefaultDeclaration') {
      within(inner.declaration);
    }
  }
  return names;

  function add(name: string, node: Node): void {
    if (!names.has(name)) names.set(name, node);
    within(node);
  }

  function within(node: Node): void {
    if (isA(node, 'CallExpression')) node.arguments.forEach(within);
    else if (isFunction(node) && node.body.type === 'BlockStatement') declarations(node.body.body, names);
  }
}

function defaultExport(statements: readonly Statement[]): Node | undefined {
  for (const statement of statements) {
    if (statement.type === 'ExportDefaultDeclaration') return statement.declaration;
    if (statement.type !== 'ExpressionStatement' || statement.expression.type !== 'AssignmentExpression') continue;
    const { left, right } = statement.expression;
    if (left.type === 'MemberExpression' && nameOf(left.property) === 'exports') return right;
  }
  return undefined;
}

function isA<T extends Expression['type']>(node: Node, type: T): node is Extract<Expression, { type: T }> {
  return node.type === type;
}

function placeOf(node: Node): Place | undefined {
  return node.loc ? { line: node.loc.start.line, column: node.loc.start.column + 1 } : undefined;
}
