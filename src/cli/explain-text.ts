import { painter } from '../report/color.js';
import type { Explained, ExplainedFile, Origin } from '../actions/explain.js';
import { contentLines } from './explain-content.js';
import { printable } from './printable.js';

/** One effect: what it is, and indented below it what belongs to it. */
interface Effect {
  readonly what: string;
  readonly from: Origin;
  readonly more?: readonly string[];
}

/** What a user-data means, for reading: grouped in the order of effect, secrets hidden. `--json` has all of it. */
export function explainText(explained: Explained, colors: boolean): string {
  const color = painter(colors, process.stdout);
  const { explanation, file, name } = explained;
  const groups: readonly (readonly [string, readonly Effect[]])[] = [
    ['Hostname', explanation.hostname === null ? [] : [{ what: explanation.hostname, from: explained.hostnameFrom }]],
    ['Users', explanation.users.map(userEffect)],
    [
      'SSH keys',
      explained.keys.map(({ user, keys, origin }) => ({ what: user, from: origin, more: keys.map(shortKey) })),
    ],
    ['Files', explanation.files.filter(({ merged }) => merged !== true).map((each) => fileEffect(each, explained))],
    ['Edits', explanation.files.filter(({ merged }) => merged === true).map(editEffect)],
    ['Units', explanation.units.map(unitEffect)],
    [
      'Commands',
      explained.commands.map(({ verb, unit, origin }) => ({ what: `systemctl ${verb} ${unit}`, from: origin })),
    ],
  ];
  const line = ({ what, from, more = [] }: Effect): string[] => [
    `  ${printable(what)}  ${color.dim(`(${place(file, from)})`)}`,
    ...more.map((text) => `    ${printable(text)}`),
  ];
  const present = groups.filter(([, effects]) => effects.length > 0);
  const title = name === null ? printable(file) : `${name} (${file})`;
  const body =
    present.length === 0
      ? ['  It changes nothing.', '']
      : present.flatMap(([group, effects]) => [color.bold(group), ...effects.flatMap(line), '']);
  return `${[color.bold(title), '', ...body].join('\n')}\n`;
}

/** `user-data:12 coreos.etcd2`; what the host's addresses bring along has no line. */
function place(file: string, { key, line }: Origin): string {
  return `${printable(line === undefined ? file : `${file}:${line}`)} ${key}`;
}

function userEffect({ name, key, line, ...fields }: Readonly<Record<string, unknown>>): Effect {
  return {
    what: String(name),
    from: { key: String(key), ...(typeof line === 'number' ? { line } : {}) },
    more: Object.entries(fields).map(([field, value]) => {
      if (field === 'passwd') return 'passwd: (hidden)';
      return `${field}: ${Array.isArray(value) ? value.join(', ') : String(value)}`;
    }),
  };
}

function fileEffect(file: ExplainedFile, { elsewhere }: Explained): Effect {
  const moved = elsewhere.get(file.path);
  return {
    what: `${file.path}  ${file.mode}${file.owner === null ? '' : ` ${file.owner}`}`,
    from: file,
    more: [...(moved === undefined ? [] : [`on a host without coreos-cloudinit: ${moved}`]), ...contentLines(file)],
  };
}

function editEffect(file: ExplainedFile): Effect {
  return { what: `${file.path}: sets these lines, others stay`, from: file, more: contentLines(file) };
}

function unitEffect(unit: Explained['explanation']['units'][number]): Effect {
  const states = [unit.mask ? 'masked' : '', unit.enable ? 'enabled' : '', unit.runtime ? 'runtime' : ''].filter(
    (state) => state !== '',
  );
  return {
    what: `${unit.name}: ${states.length === 0 ? 'neither masked nor enabled' : states.join(', ')}`,
    from: unit,
  };
}

/** A public key is recognised by its end and its comment. */
function shortKey(key: string): string {
  return key.replace(/[A-Za-z0-9+/=]{60,}/, (data) => `${data.slice(0, 12)}…${data.slice(-12)}`);
}
