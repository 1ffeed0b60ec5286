import type { ScalarStyle } from './nodes.js';
import { resolve, type Resolved } from './scalars.js';

/** Text that every YAML 1.1 reader takes as it is, outside of brackets: no indicator in front, no `: `, no ` #`. */
const PLAIN = /^[A-Za-z0-9_./$\\+(^<;](?:[^\s#:'"]|:(?=[^\s])|(?<=[^\s])[#'"]| (?=[^\s#:]))*$/;
const FLOW_INDICATOR = /[,[\]{}]/;
/** Base-60 numbers, timestamps and newer octals: strings for coreos-cloudinit, but not for every reader of YAML 1.1. */
const ELSEWHERE_NOT_TEXT =
  /^(?:[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|0o?[0-9_]+|<<|=)$/;

export interface EmitOptions {
  /** What the key is read as; text that looks like a number or boolean is quoted unless this is that type. */
  readonly type: Exclude<Resolved['type'], 'null'>;
  /** Inside of `{}` or `[]`. */
  readonly flow: boolean;
  /** How the value that is replaced was written: quotes are kept. */
  readonly style?: ScalarStyle;
}

/** A value as a one-line YAML 1.1 scalar, quoted where it would otherwise mean something else. */
export function emitScalar(value: string, { type, flow, style }: EmitOptions): string {
  const plain = resolve({ kind: 'scalar', start: 0, end: 0, text: value, style: 'plain' });
  if (type !== 'string')
    return plain.type === type || (type === 'float' && plain.type === 'int') ? value : quoted(value);
  if (style === 'double') return quoted(value);
  if (style === 'single' && isOneLine(value)) return `'${value.replaceAll("'", "''")}'`;
  const safe =
    plain.type === 'string' &&
    isAscii(value) &&
    PLAIN.test(value) &&
    !ELSEWHERE_NOT_TEXT.test(value) &&
    !(flow && FLOW_INDICATOR.test(value));
  return safe ? value : quoted(value);
}

/** JSON's escapes are YAML's; what YAML does not allow unescaped besides is escaped too. */
function quoted(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u00a0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]/g,
    (c, at: number, all: string) => (isPaired(all, at) ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

function isPaired(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code >= 0xd800 && code < 0xdc00) return (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
  return code >= 0xdc00 && code < 0xe000 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

const isAscii = (value: string): boolean => /^[ -~]*$/.test(value);
const isOneLine = (value: string): boolean => /^[ -~]*$/.test(value);
