import type { ConfigNode, ScalarNode } from './nodes.js';

/** What a scalar is by YAML 1.1 as coreos-cloudinit's YAML library resolves it. */
export type Resolved =
  | { readonly type: 'null' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string };

const YAML_TAG = 'tag:yaml.org,2002:';
const TRUE = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const FALSE = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']);
const NULL = new Set(['', '~', 'null', 'Null', 'NULL']);
const SPECIAL_FLOAT = /^(?:(\.nan|\.NaN|\.NAN)|([-+]?)(?:\.inf|\.Inf|\.INF))$/;
const GO_INFINITY = /^([-+])inf(?:inity)?$/i;
const DECIMAL = /^[-+]?(?:0|[1-9][0-9]*)$/;
const BASED = /^([-+]?)(?:0x([0-9a-f]+)|0b([01]+)|0o?([0-7]+))$/i;
const FLOAT = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?$/i;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * Resolves a scalar: plain ones to null, booleans and numbers; quoted and block ones are always strings. There are no
 * base-60 numbers and no timestamps, so `12:30` is a string.
 */
export function resolve(node: ScalarNode): Resolved {
  const explicit = node.tag?.startsWith(YAML_TAG) === true ? node.tag.slice(YAML_TAG.length) : node.tag;
  if (explicit === undefined) return node.style === 'plain' ? resolvePlain(node.text) : text(node.text);
  return ['bool', 'int', 'float', 'null'].includes(explicit) ? resolvePlain(node.text) : text(node.text);
}

/** Whether an explicit core tag and the text agree: `!!int x` is an error for the whole document. */
export function tagFits(node: ScalarNode): boolean {
  const explicit = node.tag?.startsWith(YAML_TAG) === true ? node.tag.slice(YAML_TAG.length) : undefined;
  if (explicit === undefined || !['bool', 'int', 'float', 'null'].includes(explicit)) return true;
  return resolvePlain(node.text).type === explicit;
}

const text = (value: string): Resolved => ({ type: 'string', value });

function resolvePlain(source: string): Resolved {
  if (NULL.has(source)) return { type: 'null' };
  const first = source.charCodeAt(0);
  const numeric = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d || first === 0x2e;
  if (!numeric) {
    if (TRUE.has(source)) return { type: 'bool', value: true };
    return FALSE.has(source) ? { type: 'bool', value: false } : text(source);
  }
  const special = SPECIAL_FLOAT.exec(source);
  if (special !== null) {
    return { type: 'float', value: special[1] !== undefined ? NaN : special[2] === '-' ? -Infinity : Infinity };
  }
  // Only a text that begins with a dot is read as it is; otherwise underscores may group digits.
  const plain = first === 0x2e ? source : source.replaceAll('_', '');
  return (first === 0x2e ? undefined : integerOf(plain)) ?? floatOf(plain) ?? text(source);
}

function integerOf(plain: string): Resolved | undefined {
  let value: bigint;
  if (DECIMAL.test(plain)) {
    value = BigInt(plain.replace('+', ''));
  } else {
    const based = BASED.exec(plain);
    if (based === null) return undefined;
    const [, sign, hex, binary, octal] = based;
    const magnitude = BigInt(hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : `0o${octal}`);
    value = sign === '-' ? -magnitude : magnitude;
  }
  return value >= INT64_MIN && value <= INT64_MAX ? { type: 'int', value } : undefined;
}

function floatOf(plain: string): Resolved | undefined {
  const infinity = GO_INFINITY.exec(plain);
  if (infinity !== null) return { type: 'float', value: infinity[1] === '-' ? -Infinity : Infinity };
  if (!FLOAT.test(plain)) return undefined;
  const value = Number(plain);
  // Go reports a range error where JavaScript answers infinity.
  return Number.isFinite(value) ? { type: 'float', value } : undefined;
}

/** The text of a scalar where a string is wanted: `off` and `0644` stay, null becomes empty, anything else is ignored. */
export function stringOf(node: ConfigNode | undefined): string {
  if (node?.kind !== 'scalar') return '';
  if (node.tag === `${YAML_TAG}binary`) return bytesOf(node).toString('utf8');
  return resolve(node).type === 'null' ? '' : node.text;
}

/** The bytes of a scalar where file content is wanted; `!!binary` is decoded. */
export function bytesOf(node: ConfigNode | undefined): Buffer {
  if (node?.kind !== 'scalar') return Buffer.alloc(0);
  if (node.tag === `${YAML_TAG}binary`) return Buffer.from(node.text, 'base64');
  return Buffer.from(stringOf(node), 'utf8');
}

/** True only for a real YAML boolean; a quoted "true" is a string, and ignored. */
export function boolOf(node: ConfigNode | undefined): boolean {
  if (node?.kind !== 'scalar') return false;
  const value = resolve(node);
  return value.type === 'bool' && value.value;
}

/** A sequence of strings; items that are no scalars are left out. */
export function stringsOf(node: ConfigNode | undefined): string[] {
  if (node?.kind !== 'sequence') return [];
  return node.items.filter((item) => item.kind === 'scalar').map(stringOf);
}

/** How Go prints an integer setting, or undefined for zero and for what is no number. */
export function intText(node: ConfigNode | undefined): string | undefined {
  if (node?.kind !== 'scalar') return undefined;
  const value = resolve(node);
  const whole =
    value.type === 'int'
      ? value.value
      : value.type === 'float' && Math.abs(value.value) < 2 ** 63
        ? BigInt(Math.trunc(value.value))
        : 0n;
  return whole === 0n ? undefined : whole.toString();
}

/** How Go prints a float setting (`%v`: shortest digits, an exponent below 1e-4 and from 1e21), or undefined for zero. */
export function floatText(node: ConfigNode | undefined): string | undefined {
  if (node?.kind !== 'scalar') return undefined;
  const resolved = resolve(node);
  if (resolved.type !== 'int' && resolved.type !== 'float') return undefined;
  const value = Number(resolved.value);
  if (value === 0) return undefined;
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e21) return String(value);
  return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2');
}
