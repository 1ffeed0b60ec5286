import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { editCloudConfig, type Edit } from '../../../src/cloud-config/edit.js';
import { childOf, type ConfigNode } from '../../../src/cloud-config/nodes.js';
import { parseCloudConfig } from '../../../src/cloud-config/parse.js';
import { stringOf } from '../../../src/cloud-config/scalars.js';
import { documents, plain, runs } from './support.js';

const H = '#cloud-config\n';
const edit = (text: string, ...edits: [string, string | null][]): string =>
  editCloudConfig(text, 'user-data').render(edits.map(([path, value]) => ({ path: path.split('.'), value })));

describe('editing in place', () => {
  it.each<[string, string, [string, string | null][], string]>([
    ['sets a plain value', 'a:\n  b: 1 # why\n', [['a.b', 'x']], 'a:\n  b: x # why\n'],
    ['keeps double quotes', 'a: "b" # c', [['a', 'd']], 'a: "d" # c'],
    ['keeps single quotes', "a: 'b'\n", [['a', "it's"]], "a: 'it''s'\n"],
    ['leaves an equal value alone', "a: 'b'\n", [['a', 'b']], "a: 'b'\n"],
    ['finds the other spelling', 'a_b: 1\n', [['a-b', '2']], 'a_b: "2"\n'],
    ['fills an empty value', 'a: # c\nb: 1\n', [['a', 'x']], 'a: x # c\nb: 1\n'],
    ['replaces a block text', 'a: |\n  x\n  y\n\nb: 1\n', [['a', 'z']], 'a: z\n\nb: 1\n'],
    ['replaces a list', 'a:\n- 1\n- 2\nb: 1\n', [['a', 'z']], 'a: z\nb: 1\n'],
    [
      'inserts after the last sibling',
      'a:\n    b: 1\n\n# end\n',
      [['a.c_d', 'x']],
      'a:\n    b: 1\n    c-d: x\n\n# end\n',
    ],
    ['inserts behind a comment', 'a:\n  b: 1 # c', [['a.c', 'x']], 'a:\n  b: 1 # c\n  c: x'],
    [
      'inserts behind a list of mappings',
      'a:\n  b:\n  - c: 1\n    d:\nz: 1\n',
      [['a.x', 'v']],
      'a:\n  b:\n  - c: 1\n    d:\n  x: v\nz: 1\n',
    ],
    ['keeps CRLF', 'a:\r\n  b: 1\r\n', [['a.c', 'x']], 'a:\r\n  b: 1\r\n  c: x\r\n'],
    [
      'creates parents',
      'a: 1\n',
      [
        ['b.c.d', 'x'],
        ['b.c.e', 'v'],
      ],
      'a: 1\nb:\n  c:\n    d: x\n    e: v\n',
    ],
    ['fills an empty mapping', 'a: # why\nb: 1\n', [['a.x', 'v']], 'a: # why\n  x: v\nb: 1\n'],
    ['fills a null mapping', 'a: ~\nb: 1\n', [['a.x', 'v']], 'a:\n  x: v\nb: 1\n'],
    [
      'edits flow mappings',
      'a: {b: 1, c: 2}\n',
      [
        ['a.b', 'x,y'],
        ['a.d', 'z'],
      ],
      'a: {b: "x,y", c: 2, d: z}\n',
    ],
    [
      'fills an empty flow mapping',
      'a: {}\n',
      [
        ['a.b', 'x'],
        ['a.c.d', 'v'],
      ],
      'a: {b: x, c: {d: v}}\n',
    ],
    ['deletes a line', 'a:\n  # about b\n  b: 1 # one\n  c: 2\n', [['a.b', null]], 'a:\n  # about b\n  c: 2\n'],
    ['deletes a block', 'a: |\n  x\n  y\nb: 1\n', [['a', null]], 'b: 1\n'],
    ['deletes the last one', 'a:\n  b: 1\nc: 2\n', [['a.b', null]], 'a: {}\nc: 2\n'],
    [
      'deletes and inserts',
      'a:\n  b: 1\nc: 2\n',
      [
        ['a.b', null],
        ['a.x', 'v'],
      ],
      'a:\n  x: v\nc: 2\n',
    ],
    [
      'deletes in a flow mapping',
      'a: {b: 1, c: 2, d: 3, e: 4}\n',
      [
        ['a.b', null],
        ['a.d', null],
        ['a.e', null],
      ],
      'a: {c: 2}\n',
    ],
    ['deletes nothing that is not there', 'a: 1\n', [['b.c', null]], 'a: 1\n'],
    [
      'quotes what would be something else',
      'a: 1\n',
      [
        ['b', 'off'],
        ['c', '0644'],
        ['d', '12:30'],
        ['e', ''],
        ['f', 'x: y'],
        ['g', '*z'],
      ],
      'a: 1\nb: "off"\nc: "0644"\nd: "12:30"\ne: ""\nf: "x: y"\ng: "*z"\n',
    ],
    [
      'leaves URLs plain',
      'a: 1\n',
      [['b', 'http://$private_ipv4:2380,http://10.0.0.1:7001']],
      'a: 1\nb: http://$private_ipv4:2380,http://10.0.0.1:7001\n',
    ],
    [
      'keeps the text of a block without final line break',
      'a:\n  b: 1\n  c: |\n    x',
      [['a.d', 'v']],
      'a:\n  b: 1\n  d: v\n  c: |\n    x',
    ],
    [
      'keeps the line breaks that + keeps',
      'a: |+\n  x\n\n',
      [['b', 'v']],
      'a: |+\n  x\n\n\nb: v\n'.replace('\n\n\nb', '\n\nb'),
    ],
  ])('%s', (_name, text, edits, expected) => {
    expect(edit(H + text, ...edits)).toBe(H + expected);
  });

  it('writes typed settings plain', () => {
    expect(
      edit(`${H}coreos:\n  etcd2:\n    name: a\n`, ['coreos.etcd2.max_wals', '5'], ['coreos.etcd2.debug', 'true']),
    ).toBe(`${H}coreos:\n  etcd2:\n    name: a\n    max-wals: 5\n    debug: true\n`);
  });

  it('starts an empty document', () => {
    expect(edit('', ['coreos.etcd2.name', 'a'])).toBe(`${H}\ncoreos:\n  etcd2:\n    name: a\n`);
    expect(edit('#cloud-config', ['hostname', 'a'])).toBe(`${H}hostname: a\n`);
    expect(edit(`${H}---\n# c\n`, ['hostname', 'a'])).toBe(`${H}---\n# c\nhostname: a\n`);
  });

  it('refuses aliases, anchors and what is no mapping', () => {
    expect(() => edit(`${H}a: &x {b: 1}\nc: *x\n`, ['a.b', '2'])).toThrow(/anchor/);
    expect(() => edit(`${H}a: &x {b: 1}\nc: *x\n`, ['c.b', '2'])).toThrow(/alias/);
    expect(() => edit(`${H}a: [1]\n`, ['a.b', '2'])).toThrow(/user-data:2:4: a must be a mapping.*found a list/);
    expect(edit(`${H}a: &x {b: 1}\nc: *x\n`, ['a.b', '1'])).toBe(`${H}a: &x {b: 1}\nc: *x\n`);
  });
});

describe('any document, any edits', () => {
  const key = fc.constantFrom('a', 'b', 'c-d', 'e_f', 'g', 'hostname');
  const scalar = fc.oneof(
    fc.constantFrom('1', 'off', '~', '', 'text', '"q"', "'s'", 'http://x:1', 'x # comment', '"a, b" # c'),
    fc.constantFrom(
      '|\n<i>line\n<i>more',
      '>-\n<i>folded\n\n<i>text',
      '|+\n<i>keep\n',
      '[1, {x: y}]',
      '{}',
      '{p: 1, q: {r: 2}}',
      '[]',
    ),
  );
  interface Tree {
    readonly [name: string]: string | Tree;
  }
  const tree = fc.letrec<{ tree: Tree; value: string | Tree }>((tie) => ({
    tree: fc.dictionary(key, tie('value'), { minKeys: 1, maxKeys: 4 }),
    value: fc.oneof({ depthSize: 'small' }, scalar, tie('tree')),
  })).tree;
  const print = (node: Tree, indent: string, comments: boolean): string =>
    unique(node)
      .map(([name, value]) => {
        const comment = comments ? `${indent}# about ${name}\n\n` : '';
        if (typeof value !== 'string') return `${comment}${indent}${name}:\n${print(value, `${indent}  `, comments)}`;
        return `${comment}${indent}${name}: ${value.replaceAll('<i>', `${indent}   `)}\n`;
      })
      .join('');
  const unique = (node: Tree): [string, string | Tree][] => [
    ...new Map(
      Object.entries(node).map(([name, value]) => [
        name.replaceAll('-', '_'),
        [name, value] as [string, string | Tree],
      ]),
    ).values(),
  ];
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('off', '1', 'http://a:1,http://b:2', 'x: y', '- a', '#'),
  );
  const path = fc.array(key, { minLength: 1, maxLength: 3 });

  it('sets what was asked for and changes nothing else', () => {
    fc.assert(
      fc.property(
        tree,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        path,
        fc.option(value),
        (generated, comments, crlf, final, at, wanted) => {
          let text = H + print(generated, '', comments);
          if (!final) text = text.trimEnd();
          if (crlf) text = text.replaceAll('\n', '\r\n');
          if (wanted !== null && /[\ud800-\udfff]/u.test(wanted)) return;
          checkEdit(text, { path: at, value: wanted });
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it('does so in cloud-configs', () => {
    const real = fc.constantFrom(
      'coreos.etcd2.name',
      'coreos.etcd2.initial-cluster',
      'hostname',
      'coreos.fleet.metadata',
      'coreos.update.group',
      'coreos.units',
      'write_files',
    );
    fc.assert(
      fc.property(documents, real, fc.option(value), fc.boolean(), (text, at, wanted, crlf) => {
        if (wanted !== null && /[\ud800-\udfff]/u.test(wanted)) return;
        const source = crlf ? text.replaceAll('\n', '\r\n') : text;
        try {
          parseCloudConfig({ file: 'x', text: source });
        } catch {
          return;
        }
        checkEdit(source, { path: at.split('.'), value: wanted });
      }),
      { numRuns: runs(500) },
    );
  });

  function checkEdit(text: string, change: Edit): void {
    const before = parseCloudConfig({ file: 'x', text });
    let result: string;
    try {
      result = editCloudConfig(text, 'x').render([change]);
    } catch (error) {
      expect(String(error)).toMatch(/must be a mapping/);
      return;
    }
    const after = parseCloudConfig({ file: 'x', text: result });
    const path = change.path.map((name) => name.replaceAll('-', '_'));
    const found = path.reduce<ConfigNode | null | undefined>((node, name) => childOf(node, name), after.root);
    if (change.value !== null) expect(stringOf(found ?? undefined)).toBe(change.value);
    else expect(found).toBeUndefined();
    expect(without(plain(after.root), path)).toEqual(without(plain(before.root), path));
    const existed = path.reduce<ConfigNode | null | undefined>((node, name) => childOf(node, name), before.root);
    if (existed === undefined && !/[{~]/.test(text)) expect(isSubsequence(linesOf(text), linesOf(result))).toBe(true);
  }

  const linesOf = (text: string): string[] => text.replace(/\r?\n?$/, '').split(/\r?\n/);

  function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
    let at = 0;
    for (const line of whole) if (line === part[at]) at++;
    return at === part.length;
  }

  /** The plain value without the path, and without the mappings that are empty then: an edit may create or empty those. */
  function without(value: unknown, path: readonly string[]): unknown {
    const [name, ...rest] = path;
    if (name === undefined || value === null || value === '' || typeof value !== 'object' || Array.isArray(value)) {
      return path.length > 0 && (value === '' || value === '~' || value === null) ? undefined : value;
    }
    const { [name]: child, ...others } = value as Record<string, unknown>;
    const left = rest.length === 0 || child === undefined ? undefined : without(child, rest);
    const result = left === undefined ? others : { ...others, [name]: left };
    return Object.keys(result).length === 0 ? undefined : result;
  }
});
