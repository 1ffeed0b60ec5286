import { childOf, itemsOf } from './nodes.js';
import { stringOf } from './scalars.js';
import { parseCloudConfig } from './parse.js';
import { problemAt } from './problem.js';
import { emitScalar } from './emit-scalar.js';

/** Whether `write_files` of a cloud-config has a file of this path. */
export function writesFile(text: string, file: string, path: string): boolean {
  const { root } = parseCloudConfig({ file, text });
  return itemsOf(childOf(root, 'write_files')).some((item) => stringOf(childOf(item, 'path')) === path);
}

/**
 * Adds a file to `write_files` of a cloud-config, before those that it has; everything else stays byte for byte.
 *
 * @param lines of the file's content, without line breaks
 * @throws InputError where `write_files` is no block list, or where the text cannot be read
 */
export function addFile(text: string, file: string, path: string, lines: readonly string[]): string {
  const document = parseCloudConfig({ file, text });
  const { root } = document;
  const source = document.text;
  const lineBreak = source.includes('\r\n') ? '\r\n' : '\n';
  const item = (indent: string): string =>
    [
      `${indent}- path: ${emitScalar(path, { type: 'string', flow: false })}`,
      `${indent}  content: |`,
      ...lines.map((line) => `${indent}    ${line}`),
      '',
    ].join(lineBreak);
  const insert = (at: number, part: string, end = at): string => source.slice(0, at) + part + source.slice(end);
  const lineStart = (offset: number): number => source.lastIndexOf('\n', offset - 1) + 1;

  const entry = root?.byKey.get('write_files');
  const list = entry?.value;
  const unfit =
    root?.flow === true || list?.alias === true || (list?.kind === 'sequence' && list.flow && list.items.length > 0);
  if (unfit || list?.kind === 'mapping') {
    throw problemAt(
      document,
      list?.start ?? 0,
      `coreup has to add ${path} to write_files, and can only add to a list with one entry a line`,
      'EDIT_SHAPE',
      'Write each entry of write_files on a line of its own that starts with "- ".',
    );
  }
  if (list?.kind === 'sequence' && list.items.length > 0) {
    const start = lineStart(list.start);
    return insert(start, item(source.slice(start, list.start)));
  }
  const whole = `write_files:${lineBreak}${item('  ')}`;
  if (entry !== undefined) return insert(entry.keyStart, whole, Math.max(entry.colonEnd, entry.value.end));
  // Before the last key: behind it, a text without final line break would get one.
  const last = root?.entries.at(-1);
  if (last !== undefined) return insert(lineStart(last.keyStart), whole);
  return `${source}${source === '' || source.endsWith('\n') ? '' : lineBreak}${whole}`;
}
